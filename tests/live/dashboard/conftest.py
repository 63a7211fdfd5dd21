import pytest

from support.browser import browser as chromium
from support.cluster import ENDPOINTS
from support.daemon import PROBING, Daemon, until
from support.dns_servers import Key, Setup, start_named, zone
from support.endpoints_http import endpoints_at
from support.names import NAME, ZONE
from support.operating import API


@pytest.fixture
async def browser(site):
    async with chromium() as opened:
        yield opened
        assert opened.complaints == []


endpoints = endpoints_at(*ENDPOINTS)


@pytest.fixture
def server(tmp_path):
    """A named with an empty zone; its key is `server.rrkey`."""
    folder = tmp_path / "named"
    folder.mkdir()
    key = Key()
    made = start_named(folder, Setup(zones={ZONE: zone(ZONE)}, allowed=(key,)))
    made.rrkey = key
    yield made
    made.stop()


@pytest.fixture
def node(tmp_path, endpoints, server):
    """The real daemon, which publishes all endpoints."""
    config = {
        "api": API,
        "state_dir": str(tmp_path / "state"),
        **PROBING,
        "reconcile_interval_ms": 1000,
        "update_method": "rfc2136",
        "update_credentials": server.rrkey.credentials,
        "update_resolvers": [f"{server.host}:{server.port}"],
        "services": [
            {
                "fqdn": NAME,
                "zone": ZONE,
                "ttl": 20,
                "healthcheck": f"http://{{}}:{endpoints.port}/",
                "ipaddrs": [*ENDPOINTS],
                "public": True,
            }
        ],
    }
    made = Daemon(tmp_path, config).start()
    try:
        until(lambda: server.addresses(NAME) == set(ENDPOINTS), lambda: f"published:\n{made.log}")
        yield made
    finally:
        made.stop()
