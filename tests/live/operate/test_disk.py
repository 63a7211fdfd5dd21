"""The disk is full, or the file is broken: the daemon decides and publishes as before, and says so."""

import sqlite3

import pytest

from support import cluster
from support.cluster import serves
from support.daemon import until
from support.names import NAME
from support.operating import RefusedError, call, order, ready, status
from support.small_disk import small_disk as made_small_disk

DRAINED = "127.0.0.3"


@pytest.fixture
def small_disk(tmp_path):
    with made_small_disk(tmp_path / "disk", "1m") as folder:
        yield folder


def fill(path):
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return


@pytest.fixture
def config(endpoints, server, key):
    return cluster.config(cluster.names(1), 0, endpoints, server, key, reconcile_interval_ms=1000)


def refused(node, address):
    """Order until the disk has no room for one more; returns what is said then."""
    for number in range(300):
        try:
            order(
                node,
                "force",
                service=NAME,
                address=address,
                state="up" if number % 2 else "down",
                why="x" * 400,
            )
        except RefusedError as error:
            return error
    raise AssertionError("the disk does not fill up")


def test_a_full_disk_refuses_orders_and_nothing_else(start, config, server, endpoints, small_disk):
    node = start({**config, "state_dir": str(small_disk)})
    serves(server, *cluster.ENDPOINTS, nodes=[node])
    ready(node)
    ballast = small_disk / "ballast"
    fill(ballast)
    error = refused(node, "127.0.0.4")
    assert error.status == 503
    assert "nothing was saved" in error.said
    assert "the disk is full" in error.said
    before = [(o["kind"], o["address"]) for o in status(node)["orders"]]
    with pytest.raises(RefusedError, match="the disk is full"):
        order(node, "drain", service=NAME, address=DRAINED)
    assert [(o["kind"], o["address"]) for o in status(node)["orders"]] == before
    assert call(node, "health")["status"] == "degraded"
    assert any("the disk is full" in warning for warning in status(node)["warnings"])
    with pytest.raises(RefusedError) as found:
        call(node, "health/ready")
    assert "orders cannot be saved" in found.value.said

    endpoints.stop("127.0.0.2")  # it still decides and publishes
    until(lambda: "127.0.0.2" not in server.addresses(NAME), lambda: node.log)
    assert node.log.count("the disk is full") == 1

    ballast.unlink()
    order(node, "drain", service=NAME, address=DRAINED)
    until(lambda: DRAINED not in server.addresses(NAME), lambda: node.log)
    node.logged("can be written again")
    ready(node)
    assert "Traceback" not in node.log


def test_a_broken_file_is_set_aside_and_its_orders_are_kept(start, config, server, tmp_path):
    folder = tmp_path / "state"
    node = start({**config, "state_dir": str(folder)})
    serves(server, *cluster.ENDPOINTS, nodes=[node])
    order(node, "drain", service=NAME, address=DRAINED)
    serves(server, "127.0.0.2", "127.0.0.4", nodes=[node])
    node.stop()
    # The head stays, so that what is left of the orders can be found; the events behind it are ruined.
    path = folder / "rrdnsd.sqlite3"
    ruin(path)
    node.start()
    ready(node)
    node.looks("example.test", 2)
    assert server.addresses(NAME) == {"127.0.0.2", "127.0.0.4"}
    assert [found for found in folder.iterdir() if ".broken-" in found.name]
    assert node.log.count(".broken-") == 1
    assert [o["address"] for o in status(node)["orders"]] == [DRAINED]
    order(node, "undrain", address=DRAINED)
    serves(server, *cluster.ENDPOINTS, nodes=[node])


def ruin(path):
    """Overwrite the pages of the table of events, as a dying disk might."""
    with sqlite3.connect(path) as connection:
        size = connection.execute("PRAGMA page_size").fetchone()[0]
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'event'").fetchone()[0]
    connection.close()
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * size)


def test_a_file_of_rubbish_is_set_aside_and_the_daemon_starts_afresh(start, config, server, tmp_path):
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / "rrdnsd.sqlite3").write_bytes(b"rubbish " * 4096)
    node = start({**config, "state_dir": str(folder)})
    serves(server, *cluster.ENDPOINTS, nodes=[node])
    ready(node)
    assert node.log.count(".broken-") == 1
    order(node, "drain", service=NAME, address=DRAINED)
    serves(server, "127.0.0.2", "127.0.0.4", nodes=[node])
    node.stop()
    node.start()
    ready(node)
    assert [o["address"] for o in status(node)["orders"]] == [DRAINED]
