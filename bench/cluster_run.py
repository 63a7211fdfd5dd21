"""Measures one cluster in virtual time, in a process of its own, and prints what it found as JSON; clusters.py runs it."""

import argparse
import json
import logging
import os

from machine import rss_bytes
from quiet_world import SHARED, Node, Spent, World
from rrdnsd.core.model import EndpointKey
from rrdnsd.core.votes import VoteTable
from rrdnsd.daemon.collecting import tamed
from rrdnsd.peers import wire

REST = 5.0
SOON = 1.0
LIMIT = 60.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--endpoints", type=int, default=1000)
    parser.add_argument("--voters", type=int)
    parser.add_argument("--memory", action="store_true", help="measure only the memory of one node")
    options = parser.parse_args()
    logging.getLogger("rrdnsd").setLevel(logging.CRITICAL)
    size = {"nodes": options.nodes, "endpoints": options.endpoints, "voters": options.voters}
    measure = memory if options.memory else talk
    with tamed():
        found = measure(options.nodes, options.endpoints, options.voters)
    print(json.dumps({**size, **found}))


def talk(nodes: int, endpoints: int, voters: int | None) -> dict[str, object]:
    """Measure the cluster at rest, when one endpoint in a hundred fails, when a shared address does, and a restart."""
    world = World(nodes, endpoints, voters)
    world.start()
    world.kernel.run(3.0)
    world.spent()
    world.kernel.run(world.kernel.now + REST)
    found: dict[str, object] = {"rest": mean(world.spent(), REST)}
    some = [EndpointKey(s.fqdn, s.endpoints[1].address) for s in world.services[::10]]
    found["outage"] = outage(world, some)
    found["shared"] = outage(world, [EndpointKey(s.fqdn, SHARED) for s in world.services])
    found["restart"] = restart(world)
    return found


def outage(world: World, keys: list[EndpointKey]) -> dict[str, object]:
    """Let endpoints fail at once; measure until all nodes agree that they are down."""
    before = {name: node.down for name, node in world.nodes.items()}

    def agreed() -> bool:
        return all(node.down - before[name] >= len(keys) for name, node in world.nodes.items())

    world.spent()
    for node in world.nodes.values():
        world.kernel.post(world.kernel.now, node.loop, node.fails, keys)
    seconds = world.run(agreed, LIMIT)
    found = mean(world.spent(), seconds)
    world.run(world.in_step, LIMIT)
    return {"failed": len(keys), **found}


def restart(world: World) -> dict[str, object]:
    """Kill a node and start it a second later; measure until it has the votes of all others. Bytes are those of all nodes."""
    name = world.names[0]
    world.restart(name, SOON)
    world.spent()
    seconds = world.run(lambda: world.knows_all(name), LIMIT)
    spent = world.spent()
    found = mean(spent, seconds)
    return {**found, "bytes": sum(each.body_bytes for each in spent), "cpu": spent[0].cpu}


def mean(spent: list[Spent], seconds: float) -> dict[str, object]:
    """Return what a node has spent on average, and the longest turn of any."""
    worst, count = max(spent, key=lambda each: each.longest), len(spent)
    return {
        "seconds": seconds,
        "cpu": sum(each.cpu for each in spent) / count,
        "messages": sum(each.messages for each in spent) / count,
        "bytes": sum(each.body_bytes for each in spent) / count,
        "longest": worst.longest,
        "what": worst.what,
    }


def memory(nodes: int, endpoints: int, voters: int | None) -> dict[str, object]:
    """Measure what a node's engine needs: its endpoints, and the votes of all nodes as they come in messages."""
    world = World(nodes, endpoints, voters)
    before = rss_bytes(os.getpid())
    tables = {name: told(world.votes[name]) for name in world.names}
    world.nodes = {name: Node(world, name, tables) for name in world.names[:1]}
    return {"rss": rss_bytes(os.getpid()) - before}


def told(table: VoteTable) -> VoteTable:
    """Return votes as a peer has them: made anew from the bytes of messages."""
    found, after = VoteTable(), ""
    while True:
        votes, span = table.page(after, wire.PAGE)
        request = wire.Request(
            sender="", receiver="", session="", seq=0, electorate="", digest="", span=(span.after, span.upto),
            services={vote.service: wire.service_ballots(vote) for vote in votes},
        )  # fmt: skip
        found.hear(wire.statement(wire.parse_request(wire.encode(request)), 0.0))
        if span.upto is None:
            return found
        after = span.upto


if __name__ == "__main__":
    main()
