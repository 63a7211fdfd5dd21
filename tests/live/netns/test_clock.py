"""A clock that is wrong by an hour: votes carry ages and no times of day; only the signatures of updates need them."""

from support.netns_cluster import PATIENT


def test_a_clock_that_jumps_by_an_hour_costs_nothing_but_the_writer(site):
    made = site(3, start=False, **PATIENT)
    first, second, _ = made.writers_in_order()
    one, other, _ = made.addresses
    first.set_clock("+0")
    made.start()
    mark = made.server.mark()
    made.down(one)
    made.serves(made.all - {one})
    assert made.server.writers(mark) == {str(first.host)}

    for offset, dead, back in (("+1h", other, one), ("-1h", one, other)):
        first.set_clock(offset)
        mark = made.server.mark()
        made.up(back)
        made.down(dead)
        made.serves(made.all - {dead})
        made.keeps(made.all - {dead}, 2)
        assert made.server.writers(mark) == {str(second.host)}
        first.complains("clock")
        for node in made.nodes:
            others = {peer.name for peer in made.nodes if peer is not node}
            node.until(lambda node, others=others: node.counted() == others, f"counts {others}")

    first.set_clock("+0")
    made.settle()
    mark = made.server.mark()
    made.up(one)
    made.serves(made.all)
    assert made.server.writers(mark) == {str(first.host)}


def test_one_node_alone_with_a_wrong_clock_writes_nothing_until_it_is_right(site):
    made = site(1, start=False)
    (node,) = made.nodes
    dead = made.addresses[0]
    node.set_clock("+1h")
    node.start()
    node.complains("clock")
    made.down(dead)
    made.keeps(made.all, 2)
    node.set_clock("+0")
    made.serves(made.all - {dead})
    made.settle()
