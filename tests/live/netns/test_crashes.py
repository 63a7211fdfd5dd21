"""Nodes that die, come back and stand still while something changes."""

import random
import subprocess
import time

from support.netns import cut
from support.netns_cluster import PATIENT

FREEZE = 20.0
"""Seconds; several times as long as a vote counts, and as the others wait before they take over."""


def waiting(node, server):
    """Tell if an answer of the DNS server lies in the node's socket, not read."""
    command = node.host.command("ss", "-tnH", "dst", server.address)
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return any(int(line.split()[1]) > 0 for line in lines)


def test_kill_9_and_restart_during_changes(site):
    made = site(3)
    dead = made.addresses[0]
    luck = random.Random(9)
    victims = made.writers_in_order()
    for turn in range(3):
        victim = victims[turn % 2]  # the first in line, and the second
        began = time.monotonic()
        made.down(dead)
        time.sleep(luck.uniform(0, 0.5))
        victim.kill()
        made.serves(made.all - {dead})
        victim.start()
        time.sleep(luck.uniform(0, 1.0))
        made.up(dead)  # while it still learns, or has just begun to vote
        made.serves(made.all)
        made.settle()
        made.keeps(made.all, 0.5)
        assert made.watcher.history(began) == [made.all, made.all - {dead}, made.all]


def test_a_node_that_comes_back_writes_nothing_from_ignorance(site):
    made = site(3)
    first, *others = made.writers_in_order()
    dead = made.addresses[0]
    made.down(dead)
    made.serves(made.all - {dead})
    first.kill()
    # It comes back to a world in which it reaches the DNS server and the endpoints, and nobody of its peers.
    for node in others:
        node.freeze()
    made.up(dead)
    mark = made.server.mark()
    first.start()
    first.complains("no quorum")
    made.keeps(made.all - {dead}, 3)
    assert made.server.triers(mark) == set()
    for node in others:
        node.wake()
    made.serves(made.all)
    made.settle()


def test_all_nodes_die_at_once_and_come_back(site):
    made = site(3)
    one, other, _ = made.addresses
    made.down(one)
    made.serves(made.all - {one})
    for node in made.nodes:
        node.kill()
    made.up(one)
    made.down(other)
    began = time.monotonic()
    made.start()
    made.serves(made.all - {other})
    # Each of the two was written once, together or in either order.
    made.keeps(made.all - {other}, 1)
    assert len(made.watcher.history(began)) <= 3


def test_a_node_frozen_for_long_is_harmless_when_it_wakes(site):
    made = site(3, **PATIENT)
    first, *_ = made.writers_in_order()
    then, now, _ = made.addresses
    made.down(then)
    made.serves(made.all - {then})
    first.freeze()
    frozen_at = time.monotonic()
    mark = made.server.mark()
    made.up(then)
    made.serves(made.all)
    made.down(now)
    made.serves(made.all - {now})
    # Which of the two others is faster depends on how busy this machine is; the frozen one is neither.
    assert made.server.writers(mark) <= {str(node.host) for node in made.nodes} - {str(first.host)}
    made.keeps(made.all - {now}, max(1.0, FREEZE - (time.monotonic() - frozen_at)))
    # What it believes is long out of date: the one endpoint up that is down, and the other way round.
    mark, log = made.server.mark(), len(first.log)
    first.wake()
    made.keeps(made.all - {now}, 5)
    assert made.server.triers(mark) == set()
    made.settle()
    assert first.logged("learning", log)
    mark = made.server.mark()
    made.up(now)
    made.serves(made.all)
    assert made.server.writers(mark) == {str(first.host)}


def test_a_node_frozen_between_reading_and_writing_drops_its_plan(site):
    """The worst moment: its plan would even fit, because the RRset is again as it was read."""
    made = site(3, update_timeout_ms=20000, takeover_ms=800, reconcile_interval_ms=3600000)
    first, _, _ = made.writers_in_order()
    dead = made.addresses[0]
    for _ in range(2):
        reads = first.dns()["reads"]
        made.network.fail(cut(made.server.host, first.host))
        mark, log = made.server.mark(), len(first.log)
        made.down(dead)
        first.until(lambda node, log=log: node.transitions(log), "decided")
        first.freeze()
        made.serves(made.all - {dead})
        made.up(dead)
        made.serves(made.all)
        made.network.heal()
        first.until(lambda node: waiting(node, made.server), "has the answer to its question waiting")
        began = time.monotonic()
        first.wake()
        first.until(lambda node, reads=reads: node.dns()["reads"] > reads, "has read")
        made.keeps(made.all, 1.5)
        assert made.watcher.history(began) == [made.all]
        assert str(first.host) not in made.server.triers(mark)
        made.settle()
