import pytest

from support import cluster
from support.dns_servers import Key, Setup, named_in, zone
from support.endpoints_http import endpoints_at
from support.names import ZONE
from support.operating import API

endpoints = endpoints_at(*cluster.ENDPOINTS)


@pytest.fixture
def key():
    return Key()


@pytest.fixture
def server(tmp_path, key):
    with named_in(tmp_path / "named", Setup(zones={ZONE: zone(ZONE)}, allowed=(key,))) as made:
        yield made


@pytest.fixture
def start(tmp_path):
    with cluster.starting(tmp_path, api=API) as start:
        yield start


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
