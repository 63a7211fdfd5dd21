"""What a cluster's talk should cost, on paper. Sizes are of message bodies; times are in seconds."""

from quiet_world import EACH, FAST, HEARTBEAT, INTERVAL, services
from rrdnsd.core.model import State
from rrdnsd.core.quorum import Ballot
from rrdnsd.core.votes import ServiceVotes
from rrdnsd.peers import wire
from simulation.network import QUICK

_HEX = "0" * 32
_NODE = "10.0.1.1:3333"

FORMULAS = (
    ("messages a second that a node sends at rest", "(n - 1) / heartbeat"),
    ("bytes of them, with the answers", "(n - 1) / heartbeat x (bytes of a heartbeat + of its answer)"),
    ("probes a second of a node", "endpoints x k / n / interval, k voters of n nodes"),
    ("votes that a failed endpoint changes", "k, each told to n - 1 peers"),
    ("messages that a node sends in an outage", "(n - 1) x min(2 x failed x k / n, seconds / round trip)"),
    ("bytes of them", "as many heartbeats, and failed x k / n x (n - 1) x bytes of a service's votes"),
    ("agreement", "interval / k until the last endpoint is looked at by some voter, (fall - 1) x fast interval, two ways through the network"),
    ("bytes of a restart", "(n - 1) x all votes of a node, and as often the names of all services from the new one"),
    ("memory of a node", "endpoints x (bytes of an endpoint + k x bytes of a ballot)"),
)  # fmt: skip


def heartbeat_bytes() -> int:
    """Return the size of a heartbeat and its answer when there is no news."""
    request = wire.Request(
        sender=_NODE, receiver=_NODE, session=_HEX, seq=100, echo=(10_000, 970), electorate=_HEX, digest=_HEX, ledger=_HEX
    )  # fmt: skip
    reply = wire.Reply(sender=_NODE, session=_HEX, stamp=10_000, accepted=True, ledger=_HEX)
    return len(wire.encode(request)) + len(wire.encode(reply))


def messages_at_rest(nodes: int) -> float:
    return (nodes - 1) / HEARTBEAT


def bytes_at_rest(nodes: int) -> float:
    return messages_at_rest(nodes) * heartbeat_bytes()


def service_bytes(*, down: int, voted: bool = True) -> int:
    """Return the size of the votes on a service of ten endpoints."""
    [service] = services(EACH)
    addresses = [endpoint.address for endpoint in service.endpoints if voted]
    ballots = {
        a: Ballot(State.DOWN, "connection refused") if a in addresses[:down] else Ballot(State.UP)
        for a in addresses
    }
    votes = wire.service_ballots(ServiceVotes(service.fqdn, "0" * 32, ballots))
    return len(votes.model_dump_json(exclude_defaults=True)) + len(service.fqdn) + 8


def outage_messages(nodes: int, failed: int, voters: int | None, seconds: float) -> float:
    """Return what a node sends: a suspicion and a vote for each failure, but to a peer only one message at a time."""
    share = (voters or nodes) / nodes
    return (nodes - 1) * min(2 * share * failed, seconds / QUICK)


def outage_bytes(nodes: int, failed: int, voters: int | None, seconds: float) -> float:
    """Return what a node sends: its share of the votes, to each peer once, in so many messages."""
    share = (voters or nodes) / nodes
    bodies = outage_messages(nodes, failed, voters, seconds) * heartbeat_bytes()
    return bodies + (nodes - 1) * share * failed * service_bytes(down=1)


def agreement(nodes: int, voters: int | None) -> float:
    """Return how long it takes until the last of many endpoints is down for all nodes."""
    return INTERVAL / (voters or nodes) + FAST + 2 * QUICK


def restart_bytes(nodes: int, endpoints: int, voters: int | None) -> float:
    """Return what all nodes send together."""
    count, share = endpoints // EACH, (voters or nodes) / nodes
    theirs = share * service_bytes(down=0) + (1 - share) * service_bytes(down=0, voted=False)
    return (nodes - 1) * count * (theirs + service_bytes(down=0, voted=False))
