"""NSD and Unbound by their zone files, on the real servers: what the contract suite (test_write.py) does not ask for."""

import asyncio
import fcntl
import os
import stat
import subprocess
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path

import dns.message
import dns.query
import pytest

from rrdnsd.core.model import Applied, RRsetKey
from rrdnsd.errors import ProviderError
from rrdnsd.providers import zonefile
from rrdnsd.providers.base import ProviderSpec, Resolver
from rrdnsd.providers.zonefile import file
from support.changes import change, named, plan, rrset, simple
from support.dns_local import LOCAL_STARTERS, control_socket, start_nsd, zone_file
from support.dns_servers import zone
from support.ports import free_port
from support.process import wait_until

ZONE, WWW, API = "example.test", "www.example.test", "api.example.test"
A = RRsetKey(WWW, "A")
ONE, TWO, THREE = rrset("192.0.2.1"), rrset("192.0.2.1", "192.0.2.2"), rrset("192.0.2.3")
TEXT = zone(
    ZONE,
    "; the web servers",
    "www 60 A 192.0.2.1 ; rack 1",
    "    TXT text",
    "*.wild A 192.0.2.77",
    "sub NS ns.else.test.",
)


@pytest.fixture(params=LOCAL_STARTERS)
def kind(request):
    return request.param


@pytest.fixture
def server(kind, tmp_path):
    made = LOCAL_STARTERS[kind](tmp_path, {ZONE: TEXT})
    yield made
    made.stop()


@pytest.fixture
def nsd(tmp_path):
    made = start_nsd(tmp_path, {ZONE: TEXT})
    yield made
    made.stop()


def build(server, timeout=30.0, **more):
    given = {
        "server": server.kind,
        "file": str(zone_file(server.folder, "{zone}")),
        "control": str(control_socket(server.folder)),
    }
    spec = ProviderSpec(
        "default",
        "zonefile",
        (Resolver(server.host, server.port),),
        timeout=timeout,
        zones=(ZONE,),
        options={**given, **more},
    )
    (made,) = zonefile.build(spec)
    return made


@pytest.fixture
async def make():
    """Makes providers and closes them at the end."""
    async with AsyncExitStack() as stack:

        async def made(server, **more):
            provider = build(server, **more)
            stack.push_async_callback(provider.close)
            await provider.start()
            return provider

        yield made


@pytest.fixture
async def provider(make, server):
    return await make(server)


@pytest.fixture
async def of_nsd(make, nsd):
    return await make(nsd)


def path_of(server):
    return zone_file(server.folder, ZONE)


def over_udp(server):
    """What is served. Over TCP, NSD resets connections while it reloads."""
    answer = dns.query.udp(
        dns.message.make_query(WWW, "A", flags=0), server.host, timeout=20, port=server.port
    )
    return {record.address for rrset in answer.answer for record in rrset}


async def ran(*words, **more):
    return await asyncio.to_thread(
        subprocess.run, words, check=False, capture_output=True, timeout=100, **more
    )


def left_over(server):
    """What stands beside the zone file, but for the lock."""
    path = path_of(server)
    return {found.name for found in path.parent.iterdir()} - {path.name, f"{path.name}.lock"}


async def test_only_the_lines_of_the_names_change(provider, server):
    path = path_of(server)
    path.chmod(0o640)
    changes = [named(change(WWW, ONE, rrset("192.0.2.2"))), named(change(API, None, TWO))]
    assert await provider.apply(plan(ZONE, changes)) == Applied(frozenset({WWW, API}), messages=1)
    assert (
        path.read_text()
        == TEXT.replace("hostmaster 1 ", "hostmaster 2 ").replace(
            "www 60 A 192.0.2.1 ; rack 1\n    TXT text\n",
            "www\t60\tIN\tA\t192.0.2.2\nwww    TXT text\n",
        )
        + "api\t60\tIN\tA\t192.0.2.1\napi\t60\tIN\tA\t192.0.2.2\n"
    )
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert server.addresses(WWW) == {"192.0.2.2"}
    assert server.addresses(API) == TWO.addresses
    assert server.serial(ZONE) == 2
    assert left_over(server) == set()


async def test_never_empty_and_never_failing_under_a_poller(provider, server):
    seen, done = [], False

    async def poll():
        while not done:
            seen.append(await asyncio.to_thread(over_udp, server))

    poller = asyncio.create_task(poll())
    for _ in range(15):
        assert (await provider.apply(simple(ZONE, WWW, ONE, THREE))).written == {WWW}
        assert (await provider.apply(simple(ZONE, WWW, THREE, ONE))).written == {WWW}
    done = True
    await poller
    assert len(seen) > 5
    assert all(addresses in (ONE.addresses, THREE.addresses) for addresses in seen)


async def test_an_edit_that_was_not_reloaded_is_loaded_first_and_the_name_planned_anew(provider, server):
    path = path_of(server)
    path.write_text(path.read_text().replace("www 60 A 192.0.2.1 ", "www 60 A 192.0.2.9 "))
    assert server.addresses(WWW) == ONE.addresses
    assert await provider.apply(simple(ZONE, WWW, ONE, TWO)) == Applied(
        frozenset(), frozenset({WWW}), messages=1
    )
    assert server.addresses(WWW) == {"192.0.2.9"}
    assert (await provider.apply(simple(ZONE, WWW, rrset("192.0.2.9"), TWO))).written == {WWW}


async def test_a_reload_that_was_missed_is_made_up_for(provider, server):
    path = path_of(server)
    path.write_text(path.read_text().replace("192.0.2.1 ", "192.0.2.3 ").replace("master 1 ", "master 2 "))
    assert (await provider.apply(simple(ZONE, WWW, ONE, THREE))).written == {WWW}
    assert server.addresses(WWW) == THREE.addresses
    assert server.serial(ZONE) == 2


async def test_a_wildcard_is_refused_by_a_sentence_and_costs_one_reload_only(provider, server):
    wild = f"a.wild.{ZONE}"
    before = (await provider.fetch(ZONE, [RRsetKey(wild, "A")])).rrsets[RRsetKey(wild, "A")]
    both = plan(ZONE, [named(change(wild, before, ONE)), named(change(WWW, ONE, TWO))])
    applied = await provider.apply(both)
    assert applied.written == {WWW}
    assert "a wildcard answers" in applied.refused[wild]
    serial = server.serial(ZONE)
    applied = await provider.apply(simple(ZONE, wild, before, ONE))
    assert (applied.messages, applied.refused.keys()) == (0, {wild})
    assert server.serial(ZONE) == serial


async def test_what_an_included_file_holds_is_refused_and_the_rest_written(of_nsd, nsd):
    path, name = path_of(nsd), f"inc.{ZONE}"
    included = path.with_name("more")
    included.write_text("inc 60 A 192.0.2.1\n")
    path.write_text(TEXT + f"$INCLUDE {included}\n")
    assert (await of_nsd.apply(simple(ZONE, WWW, ONE, THREE))).written == {WWW}
    assert nsd.addresses(name) == ONE.addresses
    both = plan(ZONE, [named(change(name, ONE, TWO)), named(change(WWW, THREE, ONE))])
    applied = await of_nsd.apply(both)
    assert applied.written == {WWW}
    assert "an $INCLUDE file holds it" in applied.refused[name]
    assert included.read_text() == "inc 60 A 192.0.2.1\n"


async def test_an_operator_who_saves_in_the_last_moment_loses_nothing(provider, server, monkeypatch):
    path, put = path_of(server), file.put

    def saved_before(*given):
        path.write_text(TEXT + "mine A 192.0.2.99\n")
        return put(*given)

    monkeypatch.setattr(file, "put", saved_before)
    assert await provider.apply(simple(ZONE, WWW, ONE, TWO)) == Applied(frozenset(), frozenset({WWW}))
    monkeypatch.undo()
    assert path.read_text() == TEXT + "mine A 192.0.2.99\n"
    assert left_over(server) == set()
    assert (await provider.apply(simple(ZONE, WWW, ONE, TWO))).written == {WWW}
    assert server.addresses(f"mine.{ZONE}") == {"192.0.2.99"}


async def test_while_an_operator_holds_the_lock_nothing_is_written(make, nsd):
    provider = await make(nsd, timeout=0.2)
    lock = file.lock_of(path_of(nsd))
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(ProviderError, match=r"\.lock has been locked for 0\.2 s: somebody edits "):
            await provider.apply(simple(ZONE, WWW, ONE, TWO))
    assert path_of(nsd).read_text() == TEXT
    provider = await make(nsd)
    assert (await provider.apply(simple(ZONE, WWW, ONE, TWO))).written == {WWW}


async def test_a_file_that_was_broken_before_is_told_and_left_alone(provider, server):
    broken = TEXT + "oops 60 IN A 192.0.2.256\n"
    path_of(server).write_text(broken)
    with pytest.raises(ProviderError, match=r"is broken, mend it first: .*nsd-checkzone says: .*zone:11: "):
        await provider.apply(simple(ZONE, WWW, ONE, TWO))
    assert path_of(server).read_text() == broken
    assert server.addresses(WWW) == ONE.addresses
    assert left_over(server) == set()


async def test_a_change_that_the_check_does_not_take_is_not_made(of_nsd, nsd):
    with pytest.raises(
        ProviderError, match=r"does not take the changed zone file .*, which is left as it was: "
    ):
        await of_nsd.apply(simple(ZONE, "www.else.test", None, ONE))
    assert path_of(nsd).read_text() == TEXT


async def test_another_program_may_check(make, nsd):
    provider = await make(nsd, check=["/usr/bin/named-checkzone", "{zone}", "{file}"])
    assert (await provider.apply(simple(ZONE, WWW, ONE, TWO))).written == {WWW}
    path_of(nsd).write_text(path_of(nsd).read_text() + "mx CNAME www\n")
    sentence = r"named-checkzone does not take the changed zone file .*mx\.example"
    with pytest.raises(ProviderError, match=sentence):
        await provider.apply(simple(ZONE, f"mx.{ZONE}", None, ONE))


async def test_without_the_checking_program_it_does_not_start(make, nsd):
    with pytest.raises(
        ProviderError, match=r"/nsd-checkzone, which checks .* is not installed: apt install nsd; "
    ):
        await make(nsd, check=["/nowhere/nsd-checkzone", "{zone}", "{file}"])


async def test_what_nsd_does_not_serve_is_taken_back(make, nsd):
    provider = await make(nsd, check=["/bin/true", "{file}"])
    both = [named(change(WWW, ONE, TWO)), named(change("www.else.test", None, ONE))]
    with pytest.raises(ProviderError) as caught:
        await provider.apply(plan(ZONE, both))
    path = path_of(nsd)
    assert str(caught.value) == (
        f"NSD does not serve {ZONE} after the reload of {path}; the old file is back and loaded"
    )
    assert path.read_text() == TEXT
    wait_until(lambda: over_udp(nsd) == ONE.addresses, 60, lambda: "the old zone is not served")
    assert (await provider.apply(simple(ZONE, WWW, ONE, TWO))).written == {WWW}


async def test_what_unbound_does_not_load_is_taken_back(make, tmp_path):
    server = LOCAL_STARTERS["unbound"](tmp_path, {ZONE: TEXT})
    try:
        provider = await make(server, check=["/bin/true", "{file}"])
        broken = TEXT + "oops 60 IN A 192.0.2.256\n"
        path_of(server).write_text(broken)
        with pytest.raises(ProviderError) as caught:
            await provider.apply(simple(ZONE, WWW, ONE, TWO))
        assert "the old file is back" in str(caught.value)
        assert path_of(server).read_text() == broken
    finally:
        server.stop()


async def test_the_socket_is_missing_or_nobody_listens_and_nothing_is_written(make, nsd):
    for control, why in (
        (str(nsd.folder / "none"), "there is no such socket: is NSD running, with control-enable: yes"),
        (f"127.0.0.1:{free_port('127.0.0.1')}", "nobody listens: is NSD running"),
    ):
        provider = await make(nsd, control=control)
        with pytest.raises(ProviderError, match=why):
            await provider.apply(simple(ZONE, WWW, ONE, TWO))
        assert path_of(nsd).read_text() == TEXT
        assert left_over(nsd) == set()


async def test_a_zone_the_server_does_not_have(make, server):
    provider = await make(server)
    other = zone_file(server.folder, "other.test")
    text = zone("other.test")
    other.write_text(text)
    with pytest.raises(
        ProviderError, match=r"did not reload other\.test; it answers at .*; the old file is back"
    ):
        await provider.apply(simple("other.test", "www.other.test", None, ONE))
    assert other.read_text() == text


async def test_a_server_that_reads_another_file(make, nsd):
    elsewhere = nsd.folder / "elsewhere.zone"
    elsewhere.write_text(TEXT)
    provider = await make(nsd, timeout=2.0, file=str(elsewhere))  # time enough for the check and the reload
    with pytest.raises(
        ProviderError, match=r"still serves serial 1, not 2, after 2 s: does it read .*elsewhere"
    ):
        await provider.apply(simple(ZONE, WWW, ONE, TWO))


async def test_the_server_dies_and_comes_back(provider, server):
    server.kill()
    with pytest.raises(ProviderError, match="cannot be used: nobody listens"):
        await provider.apply(simple(ZONE, WWW, ONE, TWO))
    assert path_of(server).read_text() == TEXT
    server.start()
    assert (await provider.apply(simple(ZONE, WWW, ONE, TWO))).written == {WWW}


async def served(provider):
    """What the server serves now; one that is being loaded anew ends connections, and is asked again as a keeper does."""
    async with asyncio.timeout(60):
        while True:
            try:
                return (await provider.fetch(ZONE, [A])).rrsets[A]
            except ProviderError:
                await asyncio.sleep(0.05)


async def test_cancelled_in_the_middle_the_next_change_goes_through(provider, server):
    for turn in range(12):
        before = await served(provider)
        task = asyncio.create_task(provider.apply(simple(ZONE, WWW, before, TWO if before == ONE else ONE)))
        await asyncio.sleep(0.002 * turn)
        task.cancel()
        await asyncio.wait([task])
        assert left_over(server) == set()
    for _ in range(3):  # the first ones may load what the last of the cancelled has written
        before = await served(provider)
        applied = await provider.apply(simple(ZONE, WWW, before, THREE))
        if applied.written:
            break
    assert server.addresses(WWW) == THREE.addresses


async def test_a_large_zone_does_not_hold_up_the_event_loop(make, tmp_path):
    records = [f"n{i} 60 IN A 192.0.2.{i % 250}" for i in range(20_000)]
    server = start_nsd(tmp_path, {ZONE: zone(ZONE, *records)})
    try:
        provider = await make(server, timeout=60.0)
        longest, done = 0.0, False

        async def watch():
            nonlocal longest
            while not done:
                before = time.thread_time()  # not the clock: what other processes take is not held up by us
                await asyncio.sleep(0)
                longest = max(longest, time.thread_time() - before)

        watcher = asyncio.create_task(watch())
        assert (await provider.apply(simple(ZONE, WWW, None, TWO))).written == {WWW}
        done = True
        await watcher
        assert server.addresses(WWW) == TWO.addresses
        assert longest < 0.1
    finally:
        server.stop()


async def test_a_symbolic_link_stays_one(of_nsd, nsd):
    path = path_of(nsd)
    real = path.with_name("real.zone")
    path.rename(real)
    path.symlink_to(real)
    assert (await of_nsd.apply(simple(ZONE, WWW, ONE, TWO))).written == {WWW}
    assert path.is_symlink()
    assert "192.0.2.2" in real.read_text()


async def test_names_that_cannot_be_managed(of_nsd):
    below = f"a.sub.{ZONE}"
    view = await of_nsd.fetch(ZONE, [A, RRsetKey(below, "A")])
    assert view.rrsets == {A: ONE}
    assert view.problems[below].startswith(f"{below} is delegated: ")


async def test_over_tls_with_the_certificates_of_nsd_control_setup(make, tmp_path):
    assert (await ran("nsd-control-setup", "-d", tmp_path)).returncode == 0
    port = free_port("127.0.0.1")
    control = f"""  control-interface: 127.0.0.1
  control-port: {port}
  server-key-file: "{tmp_path}/nsd_server.key"
  server-cert-file: "{tmp_path}/nsd_server.pem"
  control-key-file: "{tmp_path}/nsd_control.key"
  control-cert-file: "{tmp_path}/nsd_control.pem"
"""
    server = start_nsd(tmp_path, {ZONE: TEXT}, control)
    files = {
        name: str(tmp_path / f"nsd_{path}")
        for name, path in (
            ("server_cert", "server.pem"),
            ("control_key", "control.key"),
            ("control_cert", "control.pem"),
        )
    }
    provider = await make(server, control=f"127.0.0.1:{port}", **files)
    try:
        assert (await provider.apply(simple(ZONE, WWW, ONE, TWO))).written == {WWW}
        assert server.addresses(WWW) == TWO.addresses
    finally:
        server.stop()


CHILD = """
import asyncio, os, signal, sys
from support.changes import rrset, simple
from test_zonefile import ONE, TWO, WWW, ZONE, build
steps, left = ["open", "fsync", "replace", "unlink", "fchmod", "write"], int(sys.argv[2])

def dying(step):
    def at(*given, **more):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(*given, **more)
    return at

class Server:
    kind, host, folder, port = "nsd", "127.0.0.1", __import__("pathlib").Path(sys.argv[1]), int(sys.argv[3])

for name in steps:
    setattr(os, name, dying(getattr(os, name)))
asyncio.run(build(Server).apply(simple(ZONE, WWW, ONE, TWO)))
"""


async def test_killed_at_any_step_a_valid_file_is_left_and_the_next_run_goes_on(nsd, of_nsd):
    path, killed = path_of(nsd), 0
    env = {**os.environ, "PYTHONPATH": f"{Path(__file__).parents[2]}:{Path(__file__).parent}"}
    for steps in range(100):
        view = await of_nsd.fetch(ZONE, [A])
        if view.rrsets[A] == TWO:
            applied = await of_nsd.apply(simple(ZONE, WWW, TWO, ONE))
            assert applied.written | applied.stale == {WWW}
        before = path.read_text()
        words = [sys.executable, "-c", CHILD, str(nsd.folder), str(steps), str(nsd.port)]
        ended = await ran(*words, env=env)
        if ended.returncode == 0:
            break
        assert ended.returncode == -9, ended.stderr.decode()
        killed += 1
        after = path.read_text()
        assert after == before or "192.0.2.2" in after
        assert (await ran("nsd-checkzone", ZONE, path)).returncode == 0
        assert nsd.addresses(WWW) in (ONE.addresses, TWO.addresses)
        if nsd.addresses(WWW) == ONE.addresses:
            applied = await of_nsd.apply(simple(ZONE, WWW, ONE, TWO))
            assert applied.written | applied.stale == {WWW}
    assert killed > 5
    assert left_over(nsd) == set()


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small tmpfs needs root")
async def test_a_full_disk(make, nsd):
    folder = path_of(nsd).parent
    text = path_of(nsd).read_text()
    mounted = await ran("mount", "-t", "tmpfs", "-o", "size=64k", "none", folder)
    if mounted.returncode:
        pytest.skip("no mounts here")
    try:
        path_of(nsd).write_text(text + "; " + 40_000 * "x" + "\n")
        provider = await make(nsd)
        with pytest.raises(ProviderError, match=r"cannot be written: No space left on device"):
            await provider.apply(simple(ZONE, WWW, ONE, TWO))
        assert left_over(nsd) == set()
        assert path_of(nsd).read_text().startswith(text)
    finally:
        assert (await ran("umount", folder)).returncode == 0
    wait_until(lambda: nsd.addresses(WWW) == ONE.addresses, 60, lambda: "the zone is not served")
