"""The built-in DNS server on every node: one zone with one serial, and a real NSD that lists two of them as primaries."""

import signal

import pytest

from support.cluster import ENDPOINTS, agree, config, names
from support.daemon import until
from support.dns_servers import ask
from support.names import NAME, ZONE
from support.ports import free_port
from support.process import start as start_process
from support.secondaries import Feed, Secondary

NSD = """server:
  ip-address: 127.0.0.1@{port}
  username: ""
  chroot: ""
  zonesdir: "{folder}"
  database: ""
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/xfrd.state"
  xfrdir: "{folder}"
  zonelistfile: "{folder}/zone.list"
  server-count: 1
  xfrd-reload-timeout: 0
remote-control:
  control-enable: no
zone:
  name: {zone}
  zonefile: "{zone}.zone"
{primaries}
"""


class Primary:
    """A node's own DNS server."""

    def __init__(self, number):
        self.host = f"127.0.0.{number}"
        self.port = free_port(self.host)

    def __str__(self):
        return f"{self.host}:{self.port}"

    def addresses(self):
        answer = ask(self.host, self.port, NAME, "A")
        return {record.address for rrset in answer.answer for record in rrset}

    def serial(self):
        return ask(self.host, self.port, ZONE, "SOA").answer[0][0].serial


def start_nsd(folder, primaries, port):
    """NSD as a secondary of all of these."""
    lines = [f"  allow-notify: {p.host} NOKEY\n  request-xfr: {p.host}@{p.port} NOKEY" for p in primaries]
    path = folder / "nsd.conf"
    path.write_text(NSD.format(port=port, folder=folder, zone=ZONE, primaries="\n".join(lines)))
    feed = Feed(ZONE, primaries[0].port, port)
    return Secondary("nsd", feed, start_process(["nsd", "-d", "-c", path], folder / "nsd.log", lambda: True))


@pytest.fixture
def site(start, endpoints, tmp_path):
    """Three nodes that serve the zone themselves, and NSD, which transfers it from the first two."""
    (tmp_path / "nsd").mkdir()
    nodes, primaries, made = names(), [Primary(number) for number in (1, 2, 3)], []
    port = free_port("127.0.0.1")
    for number, primary in enumerate(primaries):
        own = config(nodes, number, endpoints)
        state = tmp_path / f"state{number}"
        state.mkdir()
        own["state_dir"] = str(state)
        own["builtin"] = {"listen": [str(primary)], "notify": [f"127.0.0.1:{port}"], "refresh": 5, "retry": 2}
        made.append(start(own))
    secondary = start_nsd(tmp_path / "nsd", primaries[:2], port)
    yield made, primaries, secondary
    secondary.stop()


def follows(secondary, addresses, nodes, after=0):
    """Wait until it serves these addresses with a serial after that one; while it reloads, an old process may answer as well."""

    def newer():
        serial = secondary.serial()
        return serial if serial > after and secondary.addresses(NAME) == set(addresses) else 0

    return until(
        newer,
        lambda: (
            f"{addresses}, not {secondary.addresses(NAME)}\n{secondary.process.output()}\n"
            + "\n".join(node.log for node in nodes)
        ),
    )


def test_a_secondary_of_two_nodes_follows_each_change_when_one_is_killed(site, endpoints):
    nodes, primaries, secondary = site
    serials = [follows(secondary, ENDPOINTS, nodes)]
    agree(*nodes)

    def change(act, left):
        act("127.0.0.3")
        serials.append(follows(secondary, left, nodes, serials[-1]))

    both = ["127.0.0.2", "127.0.0.4"]
    change(endpoints.stop, both)
    change(endpoints.start, ENDPOINTS)
    until(
        lambda: len({(primary.serial(), *sorted(primary.addresses())) for primary in primaries}) == 1,
        lambda: f"one edition: {[(p.serial(), p.addresses()) for p in primaries]}",
    )

    nodes[0].stop(signal.SIGKILL)
    change(endpoints.stop, both)
    change(endpoints.start, ENDPOINTS)

    nodes[0].start()
    agree(*nodes)
    nodes[1].stop(signal.SIGKILL)
    change(endpoints.stop, both)
    nodes[1].start()
    agree(*nodes)
    change(endpoints.start, ENDPOINTS)
    assert serials == sorted(set(serials))
    until(
        lambda: len({(primary.serial(), *sorted(primary.addresses())) for primary in primaries}) == 1,
        lambda: f"one edition: {[(p.serial(), p.addresses()) for p in primaries]}",
    )
    assert all("Traceback" not in node.log for node in nodes)


def test_a_node_that_starts_with_the_other_two_gone_serves_what_it_kept(site):
    nodes, primaries, secondary = site
    follows(secondary, ENDPOINTS, nodes)
    agree(*nodes)
    for node in nodes:
        node.stop()
    serial = secondary.serial()
    nodes[1].start()
    until(nodes[1].health, "it answers")
    until(lambda: nodes[1].cluster.get("no_quorum"), "it is alone")
    assert primaries[1].addresses() == set(ENDPOINTS)
    assert primaries[1].serial() >= serial
