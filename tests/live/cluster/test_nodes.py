"""Nodes come and go while the cluster runs: real daemons, ordered about through the API; DNS stays right throughout."""

import signal

import pytest

from support import cluster
from support.cluster import ENDPOINTS, agree, serves
from support.daemon import until
from support.operating import API, RefusedError, call, status


@pytest.fixture
def node(start, endpoints, server, key, tmp_path):
    """Start one of the named nodes with a file that lists some of them; without a state_dir if `state` is False."""

    def run(names, number, listed, state=True):
        config = {
            **cluster.config(names, number, endpoints, server, key),
            "nodes": [*listed],
            "api": API,
            # Nodes of one machine have other ports than those that the sandbox knows of at the start.
            "sandbox": {"connect_ports": [int(name.rpartition(":")[2]) for name in names]},
        }
        kept = {"state_dir": str(tmp_path / f"state{number}")} if state else {}
        return start({**kept, **config})

    return run


def change(made, action, name, **more):
    return call(made, f"api/v1/node/{action}", {"node": name, **more})


def listed(made, *names):
    """Wait until this node counts these nodes and no others."""
    until(
        lambda: {made.node, *(peer["node"] for peer in made.cluster.get("peers", ()))} == {*names},
        lambda: f"the nodes are {names}:\n{made.log}",
    )


def test_a_fourth_node_joins_one_is_killed_and_removed(node, server, endpoints):
    names = cluster.names(4)
    first, second, third = three = [node(names, number, names[:3]) for number in range(3)]
    serves(server, *ENDPOINTS, nodes=three)
    agree(*three)
    fourth = node(names, 3, names)
    until(lambda: fourth.lines("does not take this node for one of its peers"), "it waits to be added")
    assert change(second, "add", names[3], dry_run=True)["changed"]
    assert status(first)["cluster"]["nodes"] == 3

    assert change(first, "add", names[3], why="a fourth site")["changed"]
    agree(first, second, third, fourth)
    for made in (first, second, third, fourth):
        assert (status(made)["cluster"]["nodes"], status(made)["cluster"]["version"]) == (4, 1)
    assert not change(fourth, "add", names[3])["changed"]

    first.stop(signal.SIGKILL)
    until(lambda: second.counts(third, fourth), "it is missed")
    assert change(fourth, "remove", names[0])["changed"]
    for made in (second, third, fourth):
        listed(made, *names[1:])
    agree(second, third, fourth)

    endpoints.stop(ENDPOINTS[2])
    serves(server, *ENDPOINTS[:2], nodes=(second, third, fourth))

    first.start()
    first.logged("this node was removed from the cluster")
    endpoints.start(ENDPOINTS[2])
    serves(server, *ENDPOINTS, nodes=(second, third, fourth))
    assert first.messages() == 0

    for made in (second, third, fourth):
        made.stop(signal.SIGKILL)
        made.start()
    agree(second, third, fourth)
    second.logged("the nodes are those that were agreed on since the configuration file was written")


def test_one_node_alone_grows_and_shrinks(node, server):
    names = cluster.names(2)
    alone = node(names, 0, names[:1])
    serves(server, *ENDPOINTS, nodes=[alone])
    with pytest.raises(RefusedError, match="start it first") as refused:
        change(alone, "add", names[1])
    assert refused.value.status == 503
    other = node(names, 1, names)
    until(lambda: alone.lines(f"{names[1]!r} is not among the nodes"), "it knocks")
    assert change(alone, "add", names[1])["changed"]
    agree(alone, other)
    assert change(other, "remove", names[0])["changed"]
    listed(other, names[1])
    alone.logged("this node was removed from the cluster")
    assert not alone.lines("is not in force")
    with pytest.raises(RefusedError, match="ask another one"):
        change(alone, "add", names[0])


def test_without_a_state_dir_nobody_agrees(node):
    names = cluster.names(2)
    kept, forgetful = (node(names, number, names, state=number == 0) for number in range(2))
    agree(kept, forgetful)
    with pytest.raises(RefusedError, match=r"no quorum agreed within 10 s .* \(it has no state_dir"):
        change(kept, "remove", names[1])
    with pytest.raises(RefusedError, match="this node has no state_dir"):
        change(forgetful, "remove", names[0])
    agree(kept, forgetful)
