import pytest

from support.daemon import Daemon
from support.dns_servers import STARTERS, Key, Setup, zone
from support.endpoints_http import endpoints_at
from support.names import NAME, ZONE
from support.notified import Notified


@pytest.fixture
def manager(tmp_path):
    made = Notified(tmp_path / "notify")
    yield made
    made.close()


@pytest.fixture
def named(tmp_path):
    key, folder = Key(), tmp_path / "named"
    folder.mkdir()
    server = STARTERS["named"](folder, Setup(zones={ZONE: zone(ZONE)}, allowed=(key,)))
    server.credentials = key.credentials
    yield server
    server.stop()


endpoints = endpoints_at("127.0.0.2", "127.0.0.3")


@pytest.fixture
def managed(tmp_path, manager, named, endpoints):
    """Start the daemon as a service manager does: $NOTIFY_SOCKET, and a watchdog of so many seconds; `also` are more services."""
    made = []

    def start(watchdog=2.0, also=(), **more):
        service = {
            "fqdn": NAME,
            "zone": ZONE,
            "ipaddrs": ["127.0.0.2", "127.0.0.3"],
            **more.pop("service", {}),
        }
        config = {
            "update_method": "rfc2136",
            "update_credentials": named.credentials,
            "update_resolvers": [f"{named.host}:{named.port}"],
            "services": [{"healthcheck": f"http://{{}}:{endpoints.port}/", **service}, *also],
            **more,
        }
        env = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": str(int(watchdog * 1e6))}
        made.append(Daemon(tmp_path, config, env=env).start())
        return made[-1]

    yield start
    for node in made:
        node.stop()
