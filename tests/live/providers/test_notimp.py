"""NSD and Unbound take no updates: the sentence names the way that works with them."""

import pytest

from rrdnsd.errors import ProviderError
from support.changes import rrset, simple
from support.dns_servers import DnsServer, answers_soa, zone
from support.ports import free_port
from support.process import start

ZONE = "example.test"

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
remote-control:
  control-enable: no
zone:
  name: example.test
  zonefile: example.test.zone
"""

UNBOUND = """server:
  directory: "{folder}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  interface: 127.0.0.1@{port}
  access-control: 127.0.0.0/8 allow
  module-config: "iterator"
  do-not-query-localhost: no
  local-zone: "test." nodefault
remote-control:
  control-enable: no
auth-zone:
  name: example.test
  zonefile: example.test.zone
  for-downstream: yes
  for-upstream: yes
  fallback-enabled: no
"""

COMMANDS = {"nsd": (["nsd", "-d", "-c"], NSD), "unbound": (["unbound", "-d", "-p", "-c"], UNBOUND)}


@pytest.fixture(scope="module", params=COMMANDS)
def other_server(request, tmp_path_factory):
    folder, port = tmp_path_factory.mktemp(request.param), free_port("127.0.0.1")
    command, text = COMMANDS[request.param]
    (folder / "example.test.zone").write_text(zone(ZONE))
    conf = folder / "server.conf"
    conf.write_text(text.format(folder=folder, port=port))

    def launch():
        return start([*command, conf], folder / "log", lambda: answers_soa("127.0.0.1", port, ZONE))

    server = DnsServer(request.param, port, (ZONE,), launch)
    server.start()
    yield server
    server.stop()


@pytest.mark.parametrize("signed", [True, False])
async def test_the_way_that_works_is_named(connect, method, other_server, keys, signed):
    provider = await connect(method, other_server, keys["hmac-sha256"].credentials if signed else "")
    with pytest.raises(ProviderError) as caught:
        await provider.apply(simple(ZONE, f"www.{ZONE}", None, rrset("192.0.2.1")))
    assert str(caught.value) == (
        f"127.0.0.1:{other_server.port} refuses the update of example.test (NOTIMP): the server takes no updates by RFC "
        "2136; NSD and Unbound never do: use update_method builtin, a hidden primary that feeds them by zone "
        "transfer, or zonefile on their own machine"
    )
