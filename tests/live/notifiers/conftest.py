from contextlib import closing

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
    with closing(Endpoints(*cluster.ENDPOINTS)) as made:
        yield made


@pytest.fixture
def start(tmp_path):
    with cluster.starting(tmp_path) as start:
        yield start
