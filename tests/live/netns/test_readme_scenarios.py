"""The two scenarios of "Use case of redundant nodes", with what the pictures show as faults of the network."""

from support.netns import apart


def test_scenario_1_the_majority_decides_about_each_endpoint(site):
    made = site(3, 2)
    a, b, c = made.nodes
    left, right = made.addresses
    marks = [len(node.log) for node in made.nodes]
    made.network.fail(apart([a.host, b.host], left), apart(c.host, right))
    made.serves({right})
    made.keeps({right}, 4)
    for node, mark in zip(made.nodes, marks, strict=True):
        node.until(lambda node, mark=mark: node.transitions(mark), "decides")
    for node, mark in zip(made.nodes, marks, strict=True):
        (decided,) = node.transitions(mark)
        assert f"{left} of" in decided
        assert "2 of 3 nodes report" in decided
    made.network.heal()
    made.serves({left, right})
    made.settle()


def test_scenario_2_one_node_dead_and_one_without_the_dns_server(site):
    made = site(3, 2)
    # The center is the first in line to write and the left one the second: the right one must take over from both.
    center, left, right = made.writers_in_order()
    one, other = made.addresses
    made.network.fail(apart(center.host, made.server.host))
    left.kill()
    mark = made.server.mark()
    made.down(one)
    made.serves({other})
    made.up(one)
    made.serves({one, other})
    assert made.server.writers(mark) == {str(right.host)}
    made.network.heal()
    made.start(left)
    made.settle()
