"""The nodes, their votes and the orders that stand, in figures."""

from collections import Counter
from collections.abc import Iterator

from rrdnsd.core import quorum
from rrdnsd.core.model import State
from rrdnsd.core.override import Kind
from rrdnsd.core.votes import VoteTable
from rrdnsd.daemon.control.scene import Scene
from rrdnsd.daemon.measured.reading import Value, each, one
from rrdnsd.metrics import names
from rrdnsd.metrics.prometheus import Readings
from rrdnsd.metrics.tally import Tally


def cluster_readings(scene: Scene, tally: Tally) -> Iterator[Readings]:
    """Read the cluster as this node sees it."""
    electorate, now = scene.engine.electorate, scene.now
    roster = electorate.roster
    peers = dict(roster.peers)
    yield one(names.NODES, electorate.size)
    yield one(names.NODES_HEARD, roster.fresh_nodes(now))
    yield one(names.QUORUM_NODES, quorum.quorum(electorate.size))
    yield one(names.NO_QUORUM, bool(roster.no_quorum(now)))
    yield one(names.ABSTAINING, bool(electorate.abstains))
    yield from each(names.PEER_COUNTED, (((node,), peer.counted) for node, peer in peers.items()))
    heard = [(node, peer.heard_at) for node, peer in peers.items() if peer.ever_heard]
    yield from each(names.PEER_HEARD, (((node,), scene.at(at)) for node, at in heard))
    yield from each(names.PEER_MESSAGES, (((node,), tally.messages[node]) for node in peers))
    yield from each(
        names.MESSAGES_REFUSED, (((cause,), count) for cause, count in sorted(scene.refused.items()))
    )
    tables = {roster.me: roster.own, **{node: peer.table for node, peer in peers.items()}}
    yield from each(names.VOTES, _votes(tables, len(scene.engine.endpoints)), size=3)
    yield one(names.MISMATCHES, len(electorate.mismatches))
    yield one(names.ORDERS_AGREE, scene.orders_agree)
    kinds = Counter(order.kind for order in scene.engine.overrides)
    yield from each(names.ORDERS, (((kind.value.replace(" ", "_"),), kinds[kind]) for kind in Kind))


def _votes(tables: dict[str, VoteTable], endpoints: int) -> Iterator[Value]:
    for node, table in tables.items():
        states = Counter(ballot.state for name in table.services() for ballot in table[name].ballots.values())
        up, down = states[State.UP], states[State.DOWN]
        yield (node, "up"), up
        yield (node, "down"), down
        yield (node, "unknown"), max(0, endpoints - up - down)
