import pytest

from support import cluster
from support.endpoints_http import Endpoints
from support.receiver import Receiver


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def endpoints():
    made = Endpoints(*cluster.ENDPOINTS)
    yield made
    made.close()


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
