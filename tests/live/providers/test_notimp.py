"""NSD and Unbound take no updates: the sentence names the way that works with them."""

import pytest

from rrdnsd.errors import ProviderError
from support.changes import rrset, simple
from support.dns_local import LOCAL_STARTERS
from support.dns_servers import zone

ZONE = "example.test"


@pytest.fixture(scope="module", params=LOCAL_STARTERS)
def other_server(request, tmp_path_factory):
    made = LOCAL_STARTERS[request.param](tmp_path_factory.mktemp(request.param), {ZONE: zone(ZONE)})
    yield made
    made.stop()


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
