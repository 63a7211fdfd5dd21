"""Lets each kind of fault begin and end in the world."""

from collections.abc import Callable
from dataclasses import dataclass

from soak.kinds import NODES, killed_endpoints, service_of
from soak.world import PORT
from support.netns import apart, loss, shut
from support.netns_node import NODE_PORT

LOST = 20
"""Packets of a hundred."""
BLOCK = bytes(4096)


@dataclass(frozen=True, slots=True)
class Hand:
    """How a fault begins and how it ends."""

    begin: Callable
    end: Callable


def begin(world, fault):
    HANDS[fault.kind].begin(world, fault)


def end(world, fault):
    HANDS[fault.kind].end(world, fault)


def _endpoint(state):
    def change(world, fault, to):
        for address in sorted(killed_endpoints(fault)):
            world.endpoint(address, to)

    return Hand(
        lambda world, fault: change(world, fault, state), lambda world, fault: change(world, fault, "well")
    )


def _network(rules):
    return Hand(
        lambda world, fault: world.network.fail(rules(world, fault)),
        lambda world, fault: world.network.heal(rules(world, fault)),
    )


def _hosts(world, names):
    return [world.nodes[name].host for name in names]


def _silent(_world, fault):
    return (f"ip daddr {fault.target} tcp dport {PORT}",)


def _alone(world, fault):
    return apart(
        _hosts(world, [fault.target]), _hosts(world, [name for name in NODES if name != fault.target])
    )


def _cut(world, fault):
    return apart(*_hosts(world, fault.nodes))


def _one_way(world, fault):
    return shut(*_hosts(world, fault.nodes), NODE_PORT)


def _lossy(world, _fault):
    return loss([*_hosts(world, NODES), world.server.host], LOST)


def _unnamed(world, fault):
    return apart(world.nodes[fault.target].host, world.server.host)


def _uplink(world, fault):
    return (f"ip saddr {world.nodes[fault.target].host} tcp dport {PORT}",)


def _node(begun, ended):
    return Hand(
        lambda world, fault: begun(world.nodes[fault.target]),
        lambda world, fault: ended(world.nodes[fault.target]),
    )


def _fill(world, fault):
    with (world.disks[fault.target] / "ballast").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(BLOCK)
        except OSError:
            return


def _empty(world, fault):
    (world.disks[fault.target] / "ballast").unlink()


HANDS = {
    "endpoint closed": _endpoint("closed"),
    "endpoint slow": _endpoint("slow"),
    "endpoint failing": _endpoint("failing"),
    "service down": _endpoint("closed"),
    "endpoint silent": _network(_silent),
    "node killed": _node(lambda node: node.kill(), lambda node: node.start()),
    "node frozen": _node(lambda node: node.freeze(), lambda node: node.wake()),
    "node alone": _network(_alone),
    "link cut": _network(_cut),
    "link one way": _network(_one_way),
    "links lossy": _network(_lossy),
    "link to named cut": _network(_unnamed),
    "uplink cut": _network(_uplink),
    "named killed": Hand(lambda world, _: world.server.kill(), lambda world, _: world.server.start()),
    "named read-only": Hand(
        lambda world, _: world.server.admit(updates=False), lambda world, _: world.server.admit(updates=True)
    ),
    "named refusing": Hand(
        lambda world, _: world.server.admit(updates=False, queries=False),
        lambda world, _: world.server.admit(updates=True),
    ),
    "disk full": Hand(_fill, _empty),
    "clock wrong": _node(lambda node: node.set_clock("+1h"), lambda node: node.set_clock("+0")),
    "record removed": Hand(
        lambda world, fault: world.remove_by_hand(fault.target, service_of(fault.target)),
        lambda _world, _fault: None,
    ),
}
