"""Links between the nodes that lose packets, work one way only, or are slow: the verdicts stay right."""

import time

import pytest

from support.netns import cut, loss, shut
from support.netns_node import NODE_PORT

OUTDATED = 5.0
"""Seconds after a change in which the last vote of the time before it has surely been corrected or has expired."""


def counts(node):
    return {peer.rpartition(":")[0] for peer in node.counted()}


def deaf_one_way(a, b, c):
    """A hears B, B does not hear A: A cannot open connections to B."""
    return shut(a.host, b.host, NODE_PORT), {a: {b, c}, b: {c}, c: {a, b}}


def deaf_one_of_two(a, b):
    """The same with nobody else: A has a quorum with B's votes, B has none."""
    return shut(a.host, b.host, NODE_PORT), {a: {b}, b: set()}


def packets_one_way(a, b, c):
    """No packet of A arrives at B; without answers B's own connections fail too."""
    return cut(a.host, b.host), {a: {c}, b: {c}, c: {a, b}}


def ring(a, b, c):
    """Each hears only one other, round in a ring: everyone has a quorum, each with another."""
    faults = [shut(*pair, NODE_PORT) for pair in ((a.host, c.host), (b.host, a.host), (c.host, b.host))]
    return sum(faults, ()), {a: {c}, b: {a}, c: {b}}


@pytest.mark.parametrize(
    ("nodes", "fault"), [(3, deaf_one_way), (2, deaf_one_of_two), (3, packets_one_way), (3, ring)]
)
def test_asymmetric_loss_changes_nothing_that_is_served(site, nodes, fault):
    made = site(nodes)
    faults, hears = fault(*made.writers_in_order())
    made.network.fail(faults)
    for node, heard in hears.items():
        names = {str(peer.host) for peer in heard}
        node.until(lambda node, names=names: counts(node) == names, f"counts {names}")
    dead = made.addresses[0]
    made.keeps(made.all, 1)
    for _ in range(2):
        made.down(dead)
        made.serves(made.all - {dead})
        made.keeps(made.all - {dead}, 1.5)
        made.up(dead)
        made.serves(made.all)
        made.keeps(made.all, 1.5)
    made.network.heal()
    made.settle()


def test_with_20_percent_packet_loss_verdicts_stay_right_and_nothing_flaps(site):
    made = site(3)
    made.network.fail(loss([node.host for node in made.nodes], 20))
    dead = made.addresses[0]
    marks = [len(node.log) for node in made.nodes]
    made.keeps(made.all, 6)
    for node, mark in zip(made.nodes, marks, strict=True):
        assert node.transitions(mark) == []
    began = time.monotonic()
    for _ in range(2):
        made.down(dead)
        made.serves(made.all - {dead})
        made.keeps(made.all - {dead}, OUTDATED)
        made.up(dead)
        made.serves(made.all)
        made.keeps(made.all, OUTDATED)
    assert made.watcher.history(began) == [made.all, *2 * [made.all - {dead}, made.all]]
    for node, mark in zip(made.nodes, marks, strict=True):
        assert len(node.transitions(mark)) <= 4, node.log
    made.network.heal()
    made.settle()


@pytest.mark.netem
def test_slow_links_only_take_longer(site):
    made = site(3)
    for node in made.nodes:
        node.host.delay(40, jitter=20)
    dead = made.addresses[0]
    marks = [len(node.log) for node in made.nodes]
    made.keeps(made.all, 3)
    for node, mark in zip(made.nodes, marks, strict=True):
        assert node.transitions(mark) == []
    made.down(dead)
    made.serves(made.all - {dead})
    made.up(dead)
    made.serves(made.all)
