import pytest

from support import cluster
from support.dns_servers import Key, Setup, start_named, zone
from support.endpoints_http import Endpoints
from support.names import ZONE


@pytest.fixture
def endpoints():
    made = Endpoints(*cluster.ENDPOINTS)
    yield made
    made.close()


@pytest.fixture
def key():
    return Key()


@pytest.fixture
def server(tmp_path, key):
    folder = tmp_path / "named"
    folder.mkdir()
    made = start_named(folder, Setup(zones={ZONE: zone(ZONE)}, allowed=(key,)))
    yield made
    made.stop()


@pytest.fixture
def start(tmp_path):
    """Start a node from a configuration; every one is stopped at the end."""
    started = []

    def run(config, **more):
        node = cluster.Node(tmp_path, config, **more)
        started.append(node)
        return node.start()

    yield run
    for node in started:
        node.stop()


@pytest.fixture
def three(start, endpoints, server, key):
    """Three nodes that agree, and the DNS server they write to. `more` is for all, `each` for one of them."""

    def run(each=(), service=None, **more):
        nodes = cluster.names()
        others = dict(enumerate(each)) if isinstance(each, list) else dict(each)
        made = []
        for number in range(3):
            own = others.get(number, {})
            asked = {**(service or {}), **own.get("service", {})}
            rest = {k: v for k, v in own.items() if k != "service"}
            config = cluster.config(nodes, number, endpoints, server, key, asked, **{**more, **rest})
            made.append(start(config))
        return made

    return run
