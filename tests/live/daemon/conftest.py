import pytest

from support.daemon import PROBING, Daemon
from support.dns_servers import STARTERS, Key, Setup, zone
from support.endpoints_http import endpoints_at
from support.names import NAME, ZONE

endpoints = endpoints_at("127.0.0.2", "127.0.0.3", "::1")


@pytest.fixture
def key():
    return Key()


@pytest.fixture
def dns_server(tmp_path, key):
    """Start any of the DNS servers; all are stopped at the end."""
    started = []

    def start(kind, *records, allowed=None, **more):
        folder = tmp_path / f"{kind}{len(started)}"
        folder.mkdir()
        keys = (key,) if allowed is None else allowed
        server = STARTERS[kind](folder, Setup(zones={ZONE: zone(ZONE, *records)}, allowed=keys, **more))
        started.append(server)
        return server

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def daemon(tmp_path):
    """Run the daemon; every one is stopped at the end."""
    started = []

    def start(config, **more):
        node = Daemon(tmp_path, config, **more).start()
        started.append(node)
        return node

    yield start
    for node in started:
        node.stop()


@pytest.fixture
def watch(endpoints, key):
    """A configuration that watches the endpoints and writes to these servers."""

    def config(method, *servers, **more):
        service = {
            "fqdn": NAME,
            "zone": ZONE,
            "ttl": 5,
            "healthcheck": f"http://{{}}:{endpoints.port}/",
            "ipaddrs": ["127.0.0.2", "127.0.0.3", "::1"],
            **more.pop("service", {}),
        }
        return {
            **PROBING,
            "reconcile_interval_ms": 300,
            "update_method": method,
            "update_credentials": key.credentials,
            "update_resolvers": [f"{server.host}:{server.port}" for server in servers],
            "services": [service],
            **more,
        }

    return config
