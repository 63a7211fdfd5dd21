import pytest

from support import cluster
from support.dns_servers import Key, Setup, named_in, zone
from support.endpoints_http import endpoints_at
from support.names import ZONE

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
    with cluster.starting(tmp_path) as start:
        yield start


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
