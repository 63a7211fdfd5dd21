"""A node that starts listens before it speaks, and its time for that begins when it can hear."""

from rrdnsd.core.effects import Abstained
from rrdnsd.core.engine import Engine, Timing
from rrdnsd.core.events import Ticked

NODES = ("10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1")


def test_a_node_that_took_long_to_start_has_its_whole_time_to_listen():
    engine = Engine(NODES[0], NODES, (), 0.0, Timing(vote_ttl=4.0, learn=3.0))
    engine.handle(Ticked(), 2.0)
    engine.learn(2.0)
    assert engine.handle(Ticked(), 4.9) == []
    assert engine.electorate.abstains.startswith("learning")
    assert engine.handle(Ticked(), 5.0) == [Abstained("")]


def test_a_node_alone_has_nobody_to_listen_to():
    engine = Engine(NODES[0], NODES[:1], (), 0.0)
    engine.learn(2.0)
    assert engine.handle(Ticked(), 2.1) == []
    assert engine.electorate.abstains == ""
