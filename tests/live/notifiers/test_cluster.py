"""Three real nodes, which serve the zone themselves, and one receiver: people hear of each thing once."""

import signal
import time

import pytest

from support import cluster
from support.cluster import ALONE, agree, in_line
from support.daemon import until
from support.ports import free_port

NOTIFIER = {"type": "webhook", "batch_ms": 300}


@pytest.fixture
def three(start, endpoints, receiver, tmp_path):
    """Three nodes that agree, have told nothing, and are past the time in which they only listen."""

    def run(**more):
        names = cluster.names()
        made = []
        for number in range(3):
            notifier = {**NOTIFIER, "url": receiver.url, **more}
            config = cluster.config(
                names,
                number,
                endpoints,
                update_method="builtin",
                builtin={"listen": [f"127.0.0.{number + 1}:{free_port(f'127.0.0.{number + 1}')}"]},
                notifiers=[notifier],
                state_dir=str(tmp_path / f"state{number}"),
                **ALONE,
            )
            made.append(start(config))
        agree(*made)
        # The first thing that is told shows that they do tell; that it is over ends the preparation.
        endpoints.stop("127.0.0.4")
        receiver.got(1, state="down")
        endpoints.start("127.0.0.4")
        receiver.got(1, state="up")
        return in_order(made)

    return run


def hears(node, other):
    """Wait until a node has heard another one once more: it knows then whatever that one knows now."""
    since = time.monotonic()

    def has_heard():
        now = time.monotonic()
        (heard,) = [peer["heard_s"] for peer in node.cluster["peers"] if peer["node"] == other.node]
        return heard is not None and now - heard > since

    until(has_heard, lambda: node.log)


def in_order(nodes):
    """The nodes in the order in which they tell."""
    order = in_line([node.node for node in nodes], "notifier webhook")
    return sorted(nodes, key=lambda node: order.index(node.node))


def test_a_failover_is_one_message_and_so_is_the_recovery(three, endpoints, receiver):
    nodes = three()
    endpoints.stop("127.0.0.3")
    (_, down) = receiver.got(2, state="down")
    assert (down["address"], down["service"], down["severity"]) == ("127.0.0.3", cluster.NAME, "warning")
    assert "3 of 3 nodes report" in down["text"] or "2 of 3 nodes report" in down["text"]
    endpoints.start("127.0.0.3")
    (_, up) = receiver.got(2, state="up")
    assert up["duration"] > 0
    assert not up["trouble"]
    assert len(receiver.events()) == 4
    nodes[0].logged("[notify] webhook: ", times=4)
    assert len(receiver.tried) == 4
    assert not [line for node in nodes[1:] for line in node.lines("[notify]")]


def test_when_the_one_that_would_tell_is_killed_another_tells_once(three, endpoints, receiver):
    first, second, third = three(kinds=["endpoint"])
    receiver.gate.clear()
    endpoints.stop("127.0.0.3")
    for node in (first, second, third):
        node.logged(f"127.0.0.3 of {cluster.NAME}: up -> down")
    first.stop(signal.SIGKILL)
    receiver.gate.set()
    (_, down) = receiver.got(2, state="down")[:2]
    assert down["address"] == "127.0.0.3"
    assert second.logged("[notify] webhook: 127.0.0.3")
    endpoints.start("127.0.0.3")
    receiver.got(2, state="up")
    assert len(receiver.events(state="up")) == 2
    # The dead one may have begun to tell; whoever reads both sees by the id that they are the same.
    assert len({event["id"] for event in receiver.events(state="down")}) == 2


def test_a_node_that_comes_back_does_not_tell_again_what_others_have_told(three, endpoints, receiver):
    first, second, third = three(kinds=["endpoint"])
    endpoints.stop("127.0.0.3")
    receiver.got(2, state="down")
    first.logged("[notify] webhook: ", times=3)
    for node in (second, third):  # what people know goes with each message
        hears(node, first)
    first.stop()
    first.start()
    agree(first, second, third)
    endpoints.start("127.0.0.3")
    receiver.got(2, state="up")
    assert len(receiver.events()) == 4


def test_a_node_that_is_away_is_told_by_one_of_the_others(three, receiver):
    first, second, third = three(kinds=["node", "endpoint"])
    first.stop(signal.SIGKILL)
    (missing,) = receiver.got(1, kind="node", state="missing", deadline=90)
    assert missing["subject"] == f"node {first.node}"
    first.start()
    agree(first, second, third)
    receiver.got(1, kind="node", state="back")
    assert len(receiver.events(kind="node")) == 2
