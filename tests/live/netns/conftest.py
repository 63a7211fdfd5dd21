import os

import pytest

from support import netns, netns_cluster


def pytest_collection_modifyitems(config, items):
    """Leave out what needs packets to be delayed where the kernel cannot do that."""
    needing = [item for item in items if item.get_closest_marker("netem")]
    if needing and not netns.can_delay():
        config.hook.pytest_deselected(items=needing)
        items[:] = [item for item in items if item not in needing]


@pytest.fixture(scope="session")
def namespaces():
    """Skip where there cannot be namespaces, but not on the CI machine: there they must be."""
    obstacle = netns.obstacle()
    if obstacle and os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail(f"on the CI machine these tests may not be skipped: {obstacle}")
    if obstacle:
        pytest.skip(obstacle)


@pytest.fixture
def network(namespaces):
    with netns.Network() as made:
        yield made


@pytest.fixture
def site(network, tmp_path):
    """Build a site and start its nodes; at the end see that nothing was emptied and nothing foreign touched."""
    built = []

    def make(*args, start=True, **config):
        made = netns_cluster.build(network, tmp_path, *args, **config)
        built.append(made)
        if start:
            made.start()
        return made

    yield make
    try:
        for made in built:
            made.check()
    finally:
        for made in built:
            made.close()
