"""Nodes that cannot reach each other, or not the DNS server: only a quorum writes, and one node that can is enough."""

import pytest

from support.netns import apart
from support.netns_cluster import PATIENT


def test_a_minority_never_writes_not_even_to_repair_drift(site):
    made = site(3)
    lone, *others = made.writers_in_order()  # the first in line: it would be the one to write
    first, second, third = made.addresses
    made.network.fail(apart(lone.host, [node.host for node in others]))
    lone.complains("no quorum")
    mark = made.server.mark()
    made.down(first)
    made.serves(made.all - {first})
    made.watcher.remove_by_hand(second)
    made.serves(made.all - {first})  # the majority repairs what was removed by hand

    # Now the lone node is the only one that can write at all.
    made.network.fail(apart([node.host for node in others], made.server.host))
    made.watcher.remove_by_hand(third)
    made.serves({second})
    serial = made.watcher.serial()
    made.keeps({second}, 4)
    assert made.watcher.serial() == serial
    assert str(lone.host) not in made.server.triers(mark)

    made.network.heal()
    made.serves({second, third})
    made.settle()
    made.up(first)
    made.serves(made.all)


def test_of_five_nodes_three_go_on_and_two_stand_still(site):
    made = site(5)
    few, many = made.writers_in_order()[:2], made.writers_in_order()[2:]
    hidden, dead, _ = made.addresses
    # The two also see an endpoint down that is up for the three: they agree with each other, and are too few.
    made.network.fail(
        apart([node.host for node in few], [node.host for node in many]),
        apart([node.host for node in few], hidden),
    )
    for node in few:
        node.complains("no quorum")
    mark = made.server.mark()
    made.down(dead)
    made.serves(made.all - {dead})
    made.keeps(made.all - {dead}, 3)
    assert not made.server.triers(mark) & {str(node.host) for node in few}
    for node in few:
        others = {peer.name for peer in few if peer is not node}
        node.until(lambda node, others=others: node.counted() == others, f"counts {others}")
    made.network.heal()
    made.settle()
    made.up(dead)
    made.serves(made.all)


def test_of_five_nodes_in_three_parts_nobody_writes(site):
    made = site(5)
    a, b, c, d, e = [node.host for node in made.nodes]
    dead = made.addresses[0]
    made.network.fail(apart([a, b], [c, d, e]), apart([c, d], e))
    for node in made.nodes:
        node.complains("no quorum")
    mark = made.server.mark()
    made.down(dead)
    made.keeps(made.all, 3)
    assert made.server.triers(mark) == set()
    made.network.heal()
    made.serves(made.all - {dead})
    made.settle()


def test_of_two_nodes_none_writes_alone(site):
    made = site(2)
    one, other = made.nodes
    dead = made.addresses[0]
    other.kill()
    one.complains("no quorum")
    mark = made.server.mark()
    made.down(dead)
    made.keeps(made.all, 3)
    assert made.server.triers(mark) == set()
    made.start(other)
    made.settle()
    made.serves(made.all - {dead})


def test_one_node_alone_is_its_own_quorum(site):
    made = site(1)
    (node,) = made.nodes
    dead, gone, _ = made.addresses
    made.down(dead)
    made.serves(made.all - {dead})
    # Its own link breaks: from here most endpoints look down, and that is more than it believes (fail-open).
    made.network.fail(apart(node.host, [*made.addresses]))
    made.serves(made.all)
    made.network.heal()
    made.serves(made.all - {dead})
    node.kill()
    made.down(gone)
    made.up(dead)
    made.keeps(made.all - {dead}, 1)
    made.start()
    made.serves(made.all - {gone})


@pytest.mark.parametrize("nodes", [2, 3])
def test_a_node_cut_off_from_the_dns_server_only_is_replaced(site, nodes):
    made = site(nodes, **PATIENT)
    first, second, *_ = made.writers_in_order()
    dead, other, _ = made.addresses
    mark = made.server.mark()
    made.down(other)
    made.serves(made.all - {other})
    assert made.server.writers(mark) == {str(first.host)}
    made.network.fail(apart(first.host, made.server.host))
    mark = made.server.mark()
    made.up(other)
    made.serves(made.all)
    made.down(dead)
    made.serves(made.all - {dead})
    assert made.server.writers(mark) == {str(second.host)}
    first.complains("10.77.0.1:53")
    made.network.heal()
    made.settle()
    mark = made.server.mark()
    made.up(dead)
    made.serves(made.all)
    assert made.server.writers(mark) == {str(first.host)}


def test_when_no_node_reaches_the_dns_server_the_change_waits(site):
    made = site(3)
    dead = made.addresses[0]
    made.network.fail(apart([node.host for node in made.nodes], made.server.host))
    made.down(dead)
    for node in made.nodes:
        node.complains("10.77.0.1:53")
    made.keeps(made.all, 2)
    made.network.heal()
    made.serves(made.all - {dead})
    made.settle()
