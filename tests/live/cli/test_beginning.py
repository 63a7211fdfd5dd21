"""`rrdnsd init` and `rrdnsd adopt` against real DNS servers and real endpoints: what they find, and that it runs."""

import json
import signal

import pytest

from support.daemon import PROBING, Daemon, until
from support.dns_local import start_nsd
from support.dns_servers import STARTERS, Key, Setup, zone
from support.endpoints_http import Endpoints, endpoints_at
from support.names import NAME, ZONE
from support.ports import free_port

KEY, STRANGER = Key(), Key("stranger")
RECORDS = (
    "www 60 IN A 127.0.0.2", "www 60 IN A 127.0.0.3", "www 60 IN A 127.0.0.4",
    "api 5 IN A 127.0.0.2", "api 5 IN A 127.0.0.3", "one IN A 127.0.0.2", "alias IN CNAME www",
    "*.any IN A 127.0.0.2", "*.any IN A 127.0.0.3", "child IN NS ns.child", "ns.child IN A 192.0.2.1",
    'txt IN TXT "not an address"',
)  # fmt: skip
TEXT = zone(ZONE, *RECORDS)


endpoints = endpoints_at("127.0.0.2", "127.0.0.3", "127.0.0.4", scope="module")


@pytest.fixture(scope="module")
def check(endpoints):
    return f"http://{{}}:{endpoints.port}/"


def started(kind, folder):
    setup = Setup({ZONE: TEXT}, (KEY,), strangers=(STRANGER,), transfer_by_key=True)
    return STARTERS[kind](folder, setup)


@pytest.fixture(scope="module", params=STARTERS)
def any_server(request, tmp_path_factory):
    server = started(request.param, tmp_path_factory.mktemp(request.param))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def named(tmp_path_factory):
    server = started("named", tmp_path_factory.mktemp("named"))
    yield server
    server.stop()


@pytest.fixture
def key(tmp_path):
    path = tmp_path / "rrkey"
    path.write_text(KEY.credentials)
    return path


def at(server):
    return f"{server.host}:{server.port}"


def as_it_should_be(rrdnsd, path):
    """The file would change nothing."""
    planned = rrdnsd("plan", path)
    assert (planned.returncode, planned.stderr) == (0, "")
    return planned.stdout


def test_init_tries_everything_and_changes_nothing(any_server, rrdnsd, tmp_path, key, check):
    serial = any_server.serial(ZONE)
    path = tmp_path / "made.json"
    done = rrdnsd(
        *("init", "--yes", "--service", NAME, "--server", at(any_server), "--key-file", key),
        *("--healthcheck", check, "-o", path),
    )
    assert done.returncode == 0, done.stderr
    where = f"127.0.0.1:{any_server.port}"
    for line in (
        "  DNS serves 127.0.0.2 127.0.0.3 127.0.0.4",
        f"  {NAME}, DNS {where}: serves 3 addresses, TTL 60 s",
        f"  {NAME}, update on {where}: permitted (asked with an update that changes nothing)",
    ):
        assert line in done.stderr.splitlines()
    assert f"{NAME}, probe {check.replace('{}', '127.0.0.2')}: up in " in done.stderr
    made = json.loads(path.read_text())
    assert made["services"][0]["zone"] == ZONE
    assert made["services"][0]["ipaddrs"] == ["127.0.0.2", "127.0.0.3", "127.0.0.4"]
    assert f"{NAME} on default {where}: as it should be" in as_it_should_be(rrdnsd, path)
    assert any_server.serial(ZONE) == serial


@pytest.mark.parametrize("held", ["nothing", "a key without rights"])
def test_init_tells_who_may_not_update(any_server, rrdnsd, tmp_path, check, held):
    (tmp_path / "stranger").write_text(STRANGER.credentials)
    key = ["--no-key"] if held == "nothing" else ["--key-file", tmp_path / "stranger"]
    path = tmp_path / "made.json"
    done = rrdnsd(
        *("init", "--yes", "--service", NAME, "--zone", ZONE, "--server", at(any_server), *key),
        *("--address", "127.0.0.2", "--healthcheck", check, "-o", path),
    )
    assert done.returncode == 1, done.stderr
    assert f"{at(any_server)} refuses " in done.stderr
    assert "of what was tried failed" in done.stderr
    assert not path.exists()


def test_init_asks_by_name_and_type_where_the_server_judges_so(rrdnsd, tmp_path, key, check):
    """BIND's update-policy judges each record; one name is allowed, the other is not."""
    folder = tmp_path / "policed"
    folder.mkdir()
    setup = Setup({ZONE: TEXT}, (KEY,))
    server = STARTERS["named"](folder, setup)
    try:
        conf = folder / "named.conf"
        policy = f"update-policy {{ grant rrkey name {NAME}. A AAAA; }};"
        conf.write_text(conf.read_text().replace('allow-update { key "rrkey"; };', policy))
        server.stop()
        server.start()
        done = rrdnsd(
            *("init", "--yes", "--service", NAME, "--service", f"api.{ZONE}", "--server", at(server)),
            *("--key-file", key, "--healthcheck", check, "-o", tmp_path / "made.json"),
        )
    finally:
        server.stop()
    assert f"  {NAME}, update on {at(server)}: permitted" in done.stderr
    assert f"FAILED api.{ZONE}, update on {at(server)}: {at(server)} refuses the update" in done.stderr
    assert done.returncode == 1


def test_a_new_key_works_once_the_server_has_it(rrdnsd, tmp_path, check):
    """What is printed and written for BIND is what BIND takes."""
    server = STARTERS["named"](tmp_path, Setup({ZONE: TEXT}))
    made, file = tmp_path / "made.toml", tmp_path / "fresh.key"
    init = ("init", "--yes", "--service", NAME, "--server", at(server), "--healthcheck", check)
    try:
        done = rrdnsd(*init, "--new-key", "fresh", "-o", made)
        assert done.returncode == 0, done.stderr
        assert file.stat().st_mode & 0o007 == 0
        secret = file.read_text().partition('secret "')[2].partition('"')[0]
        assert len(secret) == 44
        assert secret not in done.stdout + done.stderr
        policy = done.stdout[done.stdout.index("update-policy {") :].partition("};")[0] + "};"
        conf = tmp_path / "named.conf"
        told = conf.read_text().replace("allow-update { none; };", policy)
        conf.write_text(f'include "{file}";\n{told}')
        server.stop()
        server.start()
        assert "as it should be" in as_it_should_be(rrdnsd, made)
        done = rrdnsd(*init, "--key-file", file, "-o", tmp_path / "again.json")
        assert "permitted" in done.stderr
        assert done.returncode == 0
    finally:
        server.stop()


def test_a_dialogue(named, terminal, rrdnsd, tmp_path, key, check):
    path = tmp_path / "made.json"
    shown = terminal("init", "-o", str(path), columns=200)
    for question, answer in (
        ("Names to watch, such as www.example.org", f"not/a/name\n{NAME}"),
        ("Where are the records written?", ""),
        ("The primary DNS server", at(named)),
        ("File with the TSIG key", f"/not/there\n{key}"),
        (f"Zone of {NAME} [{ZONE}]", "example.org\n"),
        ("Addresses of the endpoints [127.0.0.2 127.0.0.3 127.0.0.4]", "127.0.0.2, 127.0.0.3"),
        ("Health check ({} is the address)", f"ftp://{{}}/\n{check}"),
        ("Address and port of this node [127.0.0.1:3333]", ""),
        ("Other nodes", ""),
    ):
        shown.see(question)
        shown.type(f"{answer}\n")
    shown.see(f"Write {path}? [Y/n]")
    assert not path.exists()
    shown.type("\n")
    assert shown.end() == 0
    for said in (
        '"not/a/name" is not a domain name',
        "cannot read the file /not/there",
        "the scheme is none of",
        f'"{NAME}" is outside the zone "example.org"',
    ):
        assert said in shown.text
    assert "tried https://{}/: 0 of 2 answer (connection refused)" in shown.text
    assert json.loads(path.read_text())["services"][0]["ipaddrs"] == ["127.0.0.2", "127.0.0.3"]
    assert "as it should be (foreign: 127.0.0.4)" in as_it_should_be(rrdnsd, path)


@pytest.mark.parametrize(
    "answer", ["n\n", "\n", signal.SIGINT, "\x04"], ids=["no", "enter", "ctrl-c", "ctrl-d"]
)
def test_what_failed_is_written_only_by_somebodys_word(named, terminal, tmp_path, key, answer):
    path = tmp_path / "made.json"
    shown = terminal(
        *("init", "-o", str(path), "--service", NAME, "--method", "rfc2136", "--server", at(named)),
        *("--key-file", str(key), "--zone", ZONE, "--address", "127.0.0.2", "--healthcheck", "tcp://{}:1"),
        *("--local-node", "127.0.0.1:3333"),
        columns=200,
    )
    shown.see("Other nodes")
    shown.type("127.0.0.1:3334\n")
    shown.see("FAILED www.example.test, probe tcp://127.0.0.2:1: connection refused")
    shown.see(f"Write {path} anyway? [y/N]")
    if isinstance(answer, str):
        shown.type(answer)
        code = shown.end()
    else:
        code = shown.end(answer)
    assert code == (1 if answer in {"n\n", "\n"} else 130)
    assert "nothing was written" in shown.text
    assert [*tmp_path.iterdir()] == [key]


def test_a_token_is_typed_unseen_and_kept_in_a_file_of_its_own(terminal, tmp_path):
    path = tmp_path / "made.json"
    shown = terminal(
        *("init", "-o", str(path), "--service", NAME, "--method", "powerdns", "--zone", ZONE),
        *("--address", "127.0.0.1", "--healthcheck", "tcp://{}:1", "--local-node", "127.0.0.1:3333"),
        *("--option", f"url=http://127.0.0.1:{free_port()}", "--accept-failures"),
        columns=200,
    )
    shown.see("Token of the API (not shown;")
    shown.type("very-secret\n")
    shown.see("Other nodes")
    shown.type("\n")
    shown.see(f"Write {path}? [Y/n]")
    shown.type("y\n")
    assert shown.end() == 0
    assert "very-secret" not in shown.screen
    token = tmp_path / "rrdnsd.token"
    assert (token.read_text(), token.stat().st_mode & 0o007) == ("very-secret\n", 0)
    assert json.loads(path.read_text())["update_credentials"] == f"file:{token}"


def test_a_server_that_is_away_is_told_and_the_operator_may_know_better(rrdnsd, tmp_path, key, check):
    path, port = tmp_path / "made.json", free_port()
    init = ("init", "--yes", "--service", NAME, "--server", f"127.0.0.1:{port}", "--key-file", key)
    done = rrdnsd(*init, "--healthcheck", check, "-o", path)
    assert done.returncode == 2
    assert f"127.0.0.1:{port} refuses TCP connections" in done.stderr
    assert done.stderr.splitlines()[-1] == "rrdnsd: give --zone: there is nobody to ask"
    known = ("--zone", ZONE, "--address", "127.0.0.2", "--address", "127.0.0.3")
    done = rrdnsd(*init, *known, "--healthcheck", check, "-o", path, "--accept-failures")
    assert done.returncode == 0
    assert rrdnsd("check", path).returncode == 0


HEALTHCHECKS = ("--healthcheck", "https://{}/", "--healthcheck")


@pytest.mark.parametrize("kind", ["named", "knotd"])
def test_a_zone_is_adopted_as_it_is(kind, rrdnsd, tmp_path, key, check):
    server = started(kind, tmp_path)
    path = tmp_path / "made.json"
    adopt = ("adopt", "--zone", ZONE, "--server", at(server), "--key-file", key, "--json", "-o", path)
    try:
        done = rrdnsd(*adopt, *HEALTHCHECKS, check)
        assert done.returncode == 0, done.stderr
        assert as_it_should_be(rrdnsd, path).count("as it should be") == 2
    finally:
        server.stop()
    report = json.loads(done.stdout)
    assert [(s["fqdn"], s["ttl"], s["healthcheck"]) for s in report["services"]] == [
        (f"api.{ZONE}", 5, check), (NAME, 60, check),
    ]  # fmt: skip
    assert report["services"][0]["tried"]["https://{}/"].startswith("0 of 2 answer (")
    assert {one["name"].removesuffix(f".{ZONE}"): one["why"] for one in report["left_out"]} == {
        "*.any": "is a wildcard", "alias": "is a CNAME", "one": "has one address only",
        "ns": "is a name server: its addresses must not depend on health",
        "ns.child": f"belongs to child.{ZONE}, which is delegated",
    }  # fmt: skip


def test_the_daemon_runs_with_what_was_adopted_and_writes_nothing(named, rrdnsd, tmp_path, key):
    endpoints = Endpoints("127.0.0.2", "127.0.0.3", "127.0.0.4")
    path, check = tmp_path / "made.json", f"http://{{}}:{endpoints.port}/"
    serial, daemon = named.serial(ZONE), None
    try:
        adopt = ("adopt", NAME, "--server", at(named), "--key-file", key, "--healthcheck", check)
        assert rrdnsd(*adopt, "--local-node", f"127.0.0.1:{free_port()}", "-o", path).returncode == 0
        faster = {**PROBING, "reconcile_interval_ms": 300}
        daemon = Daemon(tmp_path, json.loads(path.read_text()) | faster).start()
        until(lambda: daemon.health() and daemon.kept(ZONE), lambda: daemon.log)
        endpoints.stop("127.0.0.4")
        daemon.logged("shadow mode, not written: ")
        daemon.looks(ZONE, 2)
    finally:
        if daemon:
            daemon.stop()
        endpoints.close()
    assert named.addresses(NAME) == {"127.0.0.2", "127.0.0.3", "127.0.0.4"}
    assert named.serial(ZONE) == serial


def refused(done):
    (line,) = done.stderr.splitlines()
    assert done.returncode == 1
    return line


@pytest.mark.parametrize("kind", ["named", "knotd"])
def test_a_transfer_that_is_refused_is_one_sentence(kind, rrdnsd, tmp_path, key):
    (tmp_path / "wrong").write_text(Key().credentials)
    server = started(kind, tmp_path)
    adopt = ("adopt", "--zone", ZONE, "--server", at(server), "-o", tmp_path / "made.json")
    try:
        assert f"refuses the transfer of {ZONE} (" in refused(rrdnsd(*adopt))
        assert 'the secret of key "rrkey"' in refused(rrdnsd(*adopt, "--key-file", tmp_path / "wrong"))
        other = ("adopt", "--zone", "other.test", "--server", at(server), "-o", tmp_path / "made.json")
        assert "refuses the transfer of other.test (" in refused(rrdnsd(*other, "--key-file", key))
        limited = refused(rrdnsd(*adopt, "--key-file", key, "--limit", 5))
        assert (
            limited
            == f"rrdnsd: nothing was written: {ZONE} has more than 5 records: raise --limit, or give the names with --names"
        )
    finally:
        server.stop()
    assert "refuses TCP connections" in refused(rrdnsd(*adopt))
    assert not (tmp_path / "made.json").exists()


def test_nsd_lets_nobody_transfer_and_is_asked_for_names(rrdnsd, tmp_path, check):
    server = start_nsd(tmp_path, {ZONE: TEXT})
    try:
        adopt = ("adopt", "--server", at(server), "--method", "zonefile", "--option", "server=nsd")
        more = ("--option", f"file={tmp_path}/zones/{{zone}}.zone", "--option", f"control={tmp_path}/ctl")
        made = ("-o", tmp_path / "made.json", "--healthcheck", check)
        assert "refuses the transfer" in refused(rrdnsd(*adopt, *more, *made, "--zone", ZONE))
        done = rrdnsd(
            *adopt, *more, *made, "--names", "-", stdin=f"{NAME} # the site\n\nalias.{ZONE} {NAME}\n"
        )
        assert done.returncode == 0, done.stderr
        assert f"{NAME}: {check}, 3 of 3 endpoints are up" in done.stdout
        assert f"left out, alias.{ZONE} is a CNAME" in done.stdout
        assert "as it should be" in as_it_should_be(rrdnsd, tmp_path / "made.json")
    finally:
        server.stop()


def test_a_zone_file_is_read_without_a_server(rrdnsd, tmp_path, check):
    (tmp_path / "zone").write_text(TEXT)
    done = rrdnsd(
        *("adopt", "--zone", ZONE, "--zone-file", tmp_path / "zone", "--server", "192.0.2.53"),
        *("--healthcheck", check, "-o", "-"),
    )
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["mode"] == "shadow"
    assert [service["fqdn"] for service in made["services"]] == [f"api.{ZONE}", NAME]


def test_endpoints_that_do_not_answer_are_told(named, rrdnsd, tmp_path, key):
    done = rrdnsd(
        *("adopt", NAME, "--server", at(named), "--key-file", key, "-o", tmp_path / "made.json"),
        *("--healthcheck", "tcp://{}:1"),
    )
    assert done.returncode == 0
    assert f"{NAME}: tcp://{{}}:1, 0 of 3 endpoints are up" in done.stdout
    assert "to look at: nothing answered: tcp://{}:1: 0 of 3 answer (connection refused)" in done.stdout
    (service,) = json.loads((tmp_path / "made.json").read_text())["services"]
    assert service["_comment"].startswith("nothing answered: ")


def test_a_zone_of_thousands_of_names(rrdnsd, tmp_path, key, check):
    """More than one message of a transfer, more endpoints than are asked at a time."""
    lines = [f"n{number} 60 IN A 127.0.0.{host}" for number in range(1500) for host in (2, 3)]
    lines += [f"single{number} IN A 127.0.0.2" for number in range(3000)]
    server = STARTERS["named"](tmp_path, Setup({ZONE: zone(ZONE, *lines)}, (KEY,), transfer_by_key=True))
    try:
        done = rrdnsd(
            *("adopt", "--zone", ZONE, "--server", at(server), "--key-file", key),
            *("--healthcheck", check, "-o", tmp_path / "made.json"),
        )
    finally:
        server.stop()
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("2 of 2 endpoints are up") == 1500
    assert "left out, has one address only: single0.example.test" in done.stdout
    assert " and 2997 more" in done.stdout
    assert "1500 services in shadow mode" in done.stdout
