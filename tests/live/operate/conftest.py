import pytest

from support import cluster
from support.dns_servers import Key, Setup, start_named, zone
from support.endpoints_http import Endpoints
from support.names import ZONE
from support.operating import API


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
        node = cluster.Node(tmp_path, {"api": API, **config}, **more)
        started.append(node)
        return node.start()

    yield run
    for node in started:
        node.stop()


@pytest.fixture
def nodes(start, endpoints, server, key, tmp_path):
    """So many nodes with a state_dir each, which agree and write to the same server."""

    def run(count=3, service=None, **more):
        names = cluster.names(count)
        made = []
        for number in range(count):
            folder = tmp_path / f"state{number}"
            config = cluster.config(names, number, endpoints, server, key, service, **more)
            made.append(start({"state_dir": str(folder), **config}))
        cluster.serves(server, *cluster.ENDPOINTS, nodes=made)
        cluster.agree(*made)
        return made

    return run
