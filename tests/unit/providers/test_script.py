"""A program of the operator's own: what it is told, what it may answer, and what it may do wrong."""

import asyncio
import json
import time
from pathlib import Path

import jsonschema_rs
import pytest
from pydantic import SecretStr

from rrdnsd.core.model import Applied, RRsetKey, ZoneView
from rrdnsd.errors import ProviderError
from rrdnsd.providers import script
from rrdnsd.providers.base import ProviderSpec, Resolver
from rrdnsd.providers.script import protocol
from support.changes import change, named, plan, rrset, simple
from support.hosts_file import EXAMPLE, HostsFile
from support.process import wait_until

ZONE, WWW, API = "example.test", "www.example.test", "api.example.test"
A, AAAA = RRsetKey(WWW, "A"), RRsetKey(WWW, "AAAA")
ONE, TWO = rrset("192.0.2.1"), rrset("192.0.2.1", "192.0.2.2")
SECRET = "geheim-0123456789"
SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "script-v1.schema.json").read_text())


def valid(kind, data):
    """Whether it is shaped as the published schema has it."""
    return jsonschema_rs.is_valid({"$ref": f"#/$defs/{kind}", "$defs": SCHEMA["$defs"]}, data)


@pytest.fixture
def make(tmp_path):
    """Makes the provider of a shell script with these lines."""

    def made(*lines, timeout=30.0, credentials="", resolvers=(), words=(), **options):
        path = tmp_path / "update-dns"
        path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
        path.chmod(0o755)
        given = {"command": [str(path), *words], **options}
        spec = ProviderSpec("default", "script", resolvers, credentials, timeout, (ZONE,), options=given)
        (provider,) = script.build(spec)
        return provider

    return made


def answers(data):
    return f"cat > /dev/null; echo '{json.dumps(data)}'"


async def fails(provider):
    """The sentence with which a fetch fails."""
    with pytest.raises(ProviderError) as caught:
        await provider.fetch(ZONE, [A])
    return str(caught.value)


def open_files():
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_what_it_is_told(make, tmp_path):
    provider = make(
        f'cat > {tmp_path}/$RRDNSD_VERB; echo "$@" > {tmp_path}/words; env | sort > {tmp_path}/env',
        f"""[ $RRDNSD_VERB = apply ] || echo '{json.dumps({"version": 1, "rrsets": []})}'""",
        credentials=SECRET,
        resolvers=(Resolver("192.0.2.53"),),
        words=("--zone file",),
        environment={"TOKEN": SecretStr("another")},
    )
    await provider.start()
    assert await provider.fetch(ZONE, [AAAA, A]) == ZoneView({})
    told = json.loads((tmp_path / "fetch").read_text())
    assert told == {
        "version": 1,
        "verb": "fetch",
        "provider": "default",
        "server": "192.0.2.53:53",
        "zone": ZONE,
        "rrsets": [{"name": WWW, "type": "A"}, {"name": WWW, "type": "AAAA"}],
    }
    assert valid("fetch", told)
    both = named(change(WWW, ONE, TWO), change(WWW, None, rrset("2001:db8::1", ttl=5)))
    assert await provider.apply(plan(ZONE, [both])) == Applied(frozenset({WWW}), messages=1)
    told = json.loads((tmp_path / "apply").read_text())
    assert told["changes"] == [
        {
            "name": WWW,
            "reason": "a test",
            "rrsets": [
                {
                    "type": "A",
                    "before": {"ttl": 60, "addresses": ["192.0.2.1"]},
                    "after": {"ttl": 60, "addresses": ["192.0.2.1", "192.0.2.2"]},
                },
                {"type": "AAAA", "before": None, "after": {"ttl": 5, "addresses": ["2001:db8::1"]}},
            ],
        }
    ]
    assert valid("apply", told)
    assert (tmp_path / "words").read_text() == "--zone file apply\n"
    env = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines())
    assert env.pop("RRDNSD_CREDENTIALS") == SECRET
    assert env.pop("TOKEN") == "another"
    assert {name for name in env if name not in {"PWD", "SHLVL", "_", "OLDPWD"}} == {
        "LC_ALL", "PATH", "RRDNSD_PROTOCOL", "RRDNSD_PROVIDER", "RRDNSD_SERVER", "RRDNSD_TIMEOUT", "RRDNSD_VERB",
        "RRDNSD_ZONE",
    }  # fmt: skip
    await provider.close()


async def test_what_it_has_read(make):
    answer = {
        "version": 1,
        "rrsets": [
            {"name": "WWW.example.test.", "type": "A", "ttl": 60, "addresses": ["192.0.2.1"]},
            {"name": WWW, "type": "AAAA", "ttl": 0, "addresses": []},
            {"name": "other.example.test", "type": "A", "ttl": 60, "addresses": ["192.0.2.9"]},
            {"name": WWW, "type": "TXT", "ttl": 60, "addresses": []},
        ],
        "problems": {API: "is a CNAME there", "strange.example.test": "whatever"},
        "colour": "blue",
    }
    assert valid("fetched", answer)
    view = await make(answers(answer)).fetch(ZONE, [A, AAAA, RRsetKey(API, "A")])
    assert view == ZoneView({A: ONE}, {API: "is a CNAME there"})


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("", "it answered no JSON: standard output is for the answer alone"),
        ("done", "it answered no JSON"),
        ("[" * 9999, "it answered no JSON"),
        ("[]", "its answer is no JSON object"),
        ({"rrsets": []}, 'its answer must hold "version": 1'),
        ({"version": True, "rrsets": []}, 'its answer must hold "version": 1'),
        ({"version": 2, "rrsets": []}, 'its answer must hold "version": 1'),
        ({"version": 1}, 'its answer must hold a list of objects as "rrsets"'),
        ({"version": 1, "rrsets": [{"type": "A"}]}, 'a name is missing in "rrsets"'),
        ([{"ttl": 60}], f'it gives no list of "addresses" for {WWW} A'),
        ([{"addresses": ["192.0.2.1"]}], f'it gives no whole number of seconds as "ttl" of {WWW} A'),
        ([{"ttl": -1, "addresses": ["192.0.2.1"]}], 'as "ttl"'),
        ([{"ttl": 1.5, "addresses": ["192.0.2.1"]}], 'as "ttl"'),
        ([{"ttl": 60, "addresses": ["2001:db8::1"]}], f"it gives something for {WWW} A that is no address of this"),
        ([{"ttl": 60, "addresses": ["localhost"]}], "that is no address of this type"),
        ([{"ttl": 60, "addresses": [5]}], "that is no address of this type"),
        (2 * [{"ttl": 60, "addresses": ["192.0.2.1"]}], f"it answers {WWW} A twice"),
        ({"version": 1, "rrsets": [], "problems": {WWW: ""}}, 'must hold an object as "problems", a sentence for each'),
    ],
)  # fmt: skip
def test_garbage_is_not_believed(answer, sentence):
    if isinstance(answer, list):
        answer = {"version": 1, "rrsets": [{"name": WWW, "type": "A", **one} for one in answer]}
    text = answer if isinstance(answer, str) else json.dumps(answer)
    with pytest.raises(ProviderError) as caught:
        protocol.read_view(text.encode(), [A])
    assert sentence in str(caught.value)


def test_what_became_of_each_name():
    both = plan(ZONE, [named(change(name, ONE, TWO)) for name in (WWW, API, ZONE)])
    answer = {
        "version": 1,
        "written": [WWW],
        "stale": ["API.example.test."],
        "refused": {ZONE: "no\nbecause"},
    }
    assert valid("applied", answer)
    applied = protocol.read_applied(json.dumps(answer).encode(), both)
    assert applied == Applied(frozenset({WWW}), frozenset({API}), {ZONE: "no"}, messages=1)
    assert protocol.read_applied(b" \n", both).written == {WWW, API, ZONE}


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"written": [WWW, WWW]},
        {"written": [WWW], "stale": [WWW]},
        {"written": [WWW, API]},
        {"written": [5]},
        {"written": WWW},
        {"refused": {WWW: 5}},
        {"refused": [WWW]},
    ],
)
def test_an_answer_to_a_plan_that_says_too_little_or_too_much(answer):
    with pytest.raises(
        ProviderError, match=r"^(it does not say once|its answer must hold|a name is missing)"
    ):
        protocol.read_applied(json.dumps({"version": 1, **answer}).encode(), simple(ZONE, WWW, ONE, TWO))


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("echo 'no route' >&2; echo more >&2; exit 1", "failed to fetch example.test: no route"),
        ("exit 3", "failed to fetch example.test: exit status 3, and nothing on standard error"),
        ("kill -SEGV $$", "it was ended by signal 11"),
        (f"echo 'token {SECRET} is wrong' >&2; exit 1", "token *** is wrong"),
        ("printf 'a\\033[31mred\\033[0m\\n' >&2; exit 1", "a [31mred [0m"),
        ("exit 75", "it asks to be tried later: no reason given"),
    ],
)
async def test_how_it_says_that_it_failed(make, line, sentence):
    assert (await fails(make(line, credentials=SECRET))).endswith(sentence)


@pytest.mark.parametrize(("given", "pause"), [("60", 60.0), ("-1", None), ("true", None), ("99999", None)])
async def test_later_means_after_as_long_as_it_asks_for(make, given, pause):
    provider = make(f"""echo '{{"version": 1, "retry_after": {given}}}'; echo busy >&2; exit 75""")
    with pytest.raises(ProviderError, match="it asks to be tried later: busy") as caught:
        await provider.fetch(ZONE, [A])
    assert caught.value.retry_after == pause


async def test_one_that_hangs_is_killed_with_all_its_children_though_they_ignore_sigterm(make, tmp_path):
    lines = "trap '' TERM", f"sleep 60 & echo $! $$ > {tmp_path}/pids; wait; sleep 60"
    began, pids = time.monotonic(), []
    for within in (0.3, 3.0, 30.0):  # until it has come as far as that
        assert f"did not end within {within:g} s and was killed" in await fails(make(*lines, timeout=within))
        if (tmp_path / "pids").exists() and (pids := [*map(int, (tmp_path / "pids").read_text().split())]):
            break
    assert time.monotonic() - began < 55
    wait_until(lambda: not any(map(alive, pids)), 60, lambda: f"{pids} are alive")
    assert len(pids) == 2


async def test_a_child_that_keeps_its_output_open_is_not_waited_for(make, tmp_path):
    provider = make(f"sleep 60 & echo $! > {tmp_path}/pid", answers({"version": 1, "rrsets": []}), timeout=55)
    began = time.monotonic()
    assert await provider.fetch(ZONE, [A]) == ZoneView({})
    assert time.monotonic() - began < 50
    wait_until(lambda: not alive(int((tmp_path / "pid").read_text())), 60, lambda: "the child is alive")


async def test_one_that_floods_its_output_is_killed(make):
    assert f"printed more than {4 << 20} bytes and was killed" in await fails(make("exec yes", timeout=30))


async def test_one_that_floods_standard_error_is_let_to(make):
    provider = make("yes complaint | head -c 2000000 >&2", answers({"version": 1, "rrsets": []}), timeout=30)
    assert await provider.fetch(ZONE, [A]) == ZoneView({})


async def test_one_that_reads_nothing_of_a_large_plan(make):
    names = [f"n{i}.{ZONE}" for i in range(5000)]
    applied = await make("exit 0").apply(plan(ZONE, [named(change(name, None, TWO)) for name in names]))
    assert applied.written == set(names)


async def test_one_that_is_missing_or_may_not_be_run(make, tmp_path):
    provider = make("exit 0")
    path = tmp_path / "update-dns"
    path.chmod(0o644)
    with pytest.raises(ProviderError, match="is no program that this user may run"):
        await provider.start()
    assert "cannot be started: Permission denied" in await fails(provider)
    path.chmod(0o755)
    path.write_text("#!/no/such/shell\n")
    assert "is not there, or the program its first line names" in await fails(provider)
    path.write_text("no program\n")
    assert "cannot be started: Exec format error" in await fails(provider)
    path.unlink()
    assert "is not there" in await fails(provider)
    with pytest.raises(ProviderError, match="is no program that this user may run"):
        await provider.start()


async def test_cancelled_it_is_killed(make, tmp_path):
    provider = make(
        f"echo $$ > {tmp_path}/pid.new; mv {tmp_path}/pid.new {tmp_path}/pid; exec sleep 60", timeout=60
    )
    task = asyncio.create_task(provider.fetch(ZONE, [A]))
    await asyncio.to_thread(wait_until, (tmp_path / "pid").exists, 60, lambda: "it did not start")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    wait_until(lambda: not alive(int((tmp_path / "pid").read_text())), 60, lambda: "it is alive")


async def test_one_call_at_a_time(make, tmp_path):
    provider = make(
        f"mkdir {tmp_path}/busy || exit 1; sleep 0.05; rmdir {tmp_path}/busy",
        answers({"version": 1, "rrsets": []}),
    )
    views = await asyncio.gather(*(provider.fetch(ZONE, [A]) for _ in range(5)))
    assert views == 5 * [ZoneView({})]


async def test_nothing_is_left_open(make):
    provider = make(answers({"version": 1, "rrsets": []}))
    await provider.fetch(ZONE, [A])
    before = open_files()
    for _ in range(3):
        await provider.fetch(ZONE, [A])
    assert open_files() == before


async def test_the_example_keeps_the_lines_of_others_and_answers_as_the_schema_has_it(tmp_path):
    hosts = HostsFile(tmp_path / "hosts", "127.0.0.1 localhost # mine\n192.0.2.1 www.example.test # ttl=60\n")
    options = {"command": [str(EXAMPLE), str(hosts.path)], "local": True}
    (provider,) = script.build(ProviderSpec("default", "script", options=options))
    await provider.start()
    assert await provider.fetch(ZONE, [A, AAAA]) == ZoneView({A: ONE})
    six = rrset("2001:db8::1")
    both = [named(change(WWW, ONE, TWO), change(WWW, None, six)), named(change(API, ONE, TWO))]
    applied = await provider.apply(plan(ZONE, both))
    assert applied == Applied(frozenset({WWW}), frozenset({API}), messages=1)
    assert hosts.path.read_text() == (
        "127.0.0.1 localhost # mine\n"
        "192.0.2.1 www.example.test # ttl=60\n"
        "192.0.2.2 www.example.test # ttl=60\n"
        "2001:db8::1 www.example.test # ttl=60\n"
    )
    ended = await asyncio.create_subprocess_exec(
        EXAMPLE, hosts.path, "fetch", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    answer, _ = await ended.communicate(protocol.fetch_request({"provider": "x", "server": None}, ZONE, [A]))
    assert valid("fetched", json.loads(answer))
