"""The server configurations that the recipes show let rrdnsd do its work, and nothing else."""

import re
from pathlib import Path

import dns.query
import dns.rcode
import dns.tsigkeyring
import dns.update
import pytest

from support.daemon import until
from support.dns_servers import DnsServer, Key, answers_soa, zone
from support.ports import free_port
from support.process import start

RECIPES = Path(__file__).parents[3] / "docs" / "recipes"
ORIGIN, NAME = "example.org", "www.example.org"
BOTH = {"127.0.0.2", "127.0.0.3"}


def shown(recipe):
    """The first block of a recipe that is no command."""
    text = (RECIPES / f"{recipe}.md").read_text()
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return next(text for language, text in blocks if not language)


def named(folder, port, key):
    (folder / "rrkey.conf").write_text(
        f'key "{key.name}" {{ algorithm {key.algorithm}; secret "{key.secret}"; }};\n'
    )
    block = shown("bind").replace("/etc/bind/", f"{folder}/").replace("/var/lib/bind/", f"{folder}/")
    (folder / "server.conf").write_text(f"""options {{
  directory "{folder}"; pid-file "{folder}/named.pid"; session-keyfile "{folder}/session.key";
  listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; recursion no; dnssec-validation no; notify no;
}};
controls {{ }};
{block}""")
    return ["named", "-g", "-c", folder / "server.conf"]


def knotd(folder, port, key):
    for name in ("run", "db"):
        (folder / name).mkdir()
    block = re.sub(r"secret: .*", f"secret: {key.secret}", shown("knot"))
    (folder / "server.conf").write_text(f"""server:
    rundir: {folder}/run
    listen: 127.0.0.1@{port}
database:
    storage: {folder}/db
template:
  - id: default
    storage: {folder}
    file: "%s.zone"
{block}""")
    return ["knotd", "-c", folder / "server.conf"]


@pytest.fixture(params=[named, knotd], ids=["named", "knotd"])
def server(request, tmp_path, key):
    folder, port = tmp_path / "server", free_port()
    folder.mkdir()
    (folder / f"{ORIGIN}.zone").write_text(zone(ORIGIN, "other IN A 192.0.2.7"))
    command = request.param(folder, port, key)
    running = DnsServer(
        request.param.__name__, port, (ORIGIN,),
        lambda: start(command, folder / "server.log", lambda: answers_soa("127.0.0.1", port, ORIGIN)),
    )  # fmt: skip
    running.start()
    yield running
    running.stop()


@pytest.fixture
def key():
    return Key()


def answer_to(server, key, change):
    keyring = dns.tsigkeyring.from_text({key.name: (key.algorithm, key.secret)})
    update = dns.update.Update(ORIGIN, keyring=keyring, keyalgorithm=key.algorithm)
    change(update)
    try:
        return dns.query.tcp(update, "127.0.0.1", port=server.port, timeout=20).rcode()
    except dns.tsig.PeerBadKey:  # Knot's way to say that the key may not do this
        return dns.rcode.NOTAUTH


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda update: update.add("other", 60, "A", "192.0.2.66"), id="another name"),
        pytest.param(lambda update: update.delete("other"), id="another name's records"),
        pytest.param(lambda update: update.add("www", 60, "TXT", "mine"), id="another type"),
        pytest.param(lambda update: update.add("www", 60, "CNAME", "evil.example."), id="a CNAME"),
        pytest.param(lambda update: update.add("@", 60, "NS", "ns.evil.example."), id="the zone's servers"),
    ],
)
def test_nothing_else_may_be_changed(server, key, change):
    before = server.serial(ORIGIN)
    assert answer_to(server, key, change) in {dns.rcode.REFUSED, dns.rcode.NOTAUTH}
    assert server.serial(ORIGIN) == before


@pytest.mark.parametrize("method", ["rfc2136", "nsupdate", "knsupdate"])
def test_rrdnsd_can_do_its_work(method, server, key, daemon, watch, endpoints):
    service = {"fqdn": NAME, "zone": ORIGIN, "ipaddrs": ["127.0.0.2", "127.0.0.3", "::1"]}
    daemon(watch(method, server, service=service))
    until(lambda: server.addresses(NAME) == BOTH, "published")
    until(lambda: server.addresses(NAME, "AAAA") == {"::1"}, "published")
    endpoints.stop("127.0.0.3")
    until(lambda: server.addresses(NAME) == {"127.0.0.2"}, "one is out")
    endpoints.start("127.0.0.3")
    until(lambda: server.addresses(NAME) == BOTH, "it is back")
