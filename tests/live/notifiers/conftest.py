import pytest

from support import cluster
from support.endpoints_http import endpoints_at
from support.receiver import Receiver


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.close()


endpoints = endpoints_at(*cluster.ENDPOINTS)


@pytest.fixture
def start(tmp_path):
    with cluster.starting(tmp_path) as start:
        yield start
