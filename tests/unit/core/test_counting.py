"""What the ballots on a service's endpoints come to, and that the same is not found out twice."""

from rrdnsd.core import counting, quorum
from rrdnsd.core.counting import Counting, Finding
from rrdnsd.core.electorate import Electorate
from rrdnsd.core.model import Endpoint, EndpointKey, Service, State
from rrdnsd.core.quorum import ballot
from rrdnsd.core.votes import ServiceVotes, Span, Statement, VoteTable

A, B, C = NODES = tuple(f"10.0.0.{number}:3333" for number in range(1, 4))
NAME = "www.test"
ADDRESSES = tuple(f"192.0.2.{number}" for number in range(1, 5))


def electorate(voters=None):
    """Three nodes, all heard; nobody has voted yet."""
    found = Electorate(A, NODES, 4.0)
    endpoints = tuple(Endpoint(address) for address in ADDRESSES)
    found.configure({NAME: Service(NAME, "test", "default", 30, endpoints, definition="x", voters=voters)})
    return found


def cast(nodes, node, *states, reason=""):
    """A node votes on the first endpoints."""
    ballots = {a: ballot(s, reason) for a, s in zip(ADDRESSES, states, strict=False)}
    if node == A:
        for address, each in ballots.items():
            nodes.vote(EndpointKey(NAME, address), each)
        return
    table = VoteTable()
    table.put(ServiceVotes(NAME, "x", ballots))
    said = Statement(node, 0.0, nodes.roster.electorate, table.digest, (table[NAME],), Span())
    nodes.hear(said, 0.0)
    nodes.recount(len(ADDRESSES), 0.0)


def test_each_endpoint_by_itself_in_the_order_that_was_asked_for():
    nodes = electorate()
    up, down, none = State.UP, State.DOWN, State.UNKNOWN
    cast(nodes, A, up, down, up, none)
    cast(nodes, B, up, down, down)
    cast(nodes, C)
    both = Finding(up, divided=False, reason="up: 2 of 3 nodes report up")
    assert Counting(nodes).of(NAME, ADDRESSES) == [
        both,
        Finding(down, divided=False, reason="down: 2 of 3 nodes report down"),
        Finding(none, divided=True, reason=""),
        Finding(none, divided=False, reason=""),
    ]
    assert Counting(nodes).of(NAME, ADDRESSES[:1]) == [both]
    assert Counting(nodes).of("removed.test", ()) == []


def test_what_a_peer_says_is_news_if_its_votes_were_known_before_or_are_known_now():
    nodes = electorate()
    table, key = VoteTable(), EndpointKey(NAME, ADDRESSES[0])

    def say(state, digest):
        table.put(ServiceVotes(NAME, "x", {key.address: ballot(state)}))
        said = Statement(B, 0.0, nodes.roster.electorate, digest or table.digest, (table[NAME],), Span())
        return nodes.hear(said, 0.0)[0]

    assert say(State.UP, "another one") == {}
    assert say(State.DOWN, "") == {NAME: [key]}
    assert say(State.UP, "another one") == {NAME: [key]}
    assert say(State.DOWN, "another one") == {}


def test_voters_are_called_so():
    nodes = electorate(voters=1)
    for node in (B, C):
        cast(nodes, node, State.UP)
    (found,) = Counting(nodes).of(NAME, ADDRESSES[:1])
    (voter,) = nodes.voters.of(NAME)
    assert found == Finding(State.UP, divided=False, reason=f"up: {voter}, the only voter, reports up")


def test_what_was_found_once_is_remembered(monkeypatch):
    nodes, counted = electorate(), []
    real = quorum.decide
    monkeypatch.setattr(counting.quorum, "decide", lambda *args: counted.append(args) or real(*args))
    cast(nodes, A, *[State.UP] * 4)
    cast(nodes, B, *[State.UP] * 4)
    counts = Counting(nodes)
    first, *others = counts.of(NAME, ADDRESSES) + counts.of(NAME, ADDRESSES)
    assert len(counted) == 1
    assert all(other is first for other in others)
    cast(nodes, B, State.DOWN, State.UP, State.UP, State.UP)
    assert [found.state for found in counts.of(NAME, ADDRESSES)] == [State.UNKNOWN, *[State.UP] * 3]
    assert len(counted) == 2
    cast(nodes, C, *[State.UP] * 4)
    assert counts.of(NAME, ADDRESSES)[1].reason == "up: 3 of 3 nodes report up"
    assert len(counted) == 4


def test_not_more_than_so_much_is_remembered(monkeypatch):
    nodes = electorate()
    monkeypatch.setattr(counting, "_MOST", 3)
    counts, sizes = Counting(nodes), []
    for number in range(5):
        cast(nodes, A, State.DOWN, reason=f"reason {number}")
        cast(nodes, B, State.DOWN, reason=f"reason {number}")
        (found,) = counts.of(NAME, ADDRESSES[:1])
        assert found.reason == f"down: 2 of 3 nodes report reason {number}"
        sizes.append(len(counts._known))
    assert sizes == [1, 2, 3, 1, 2]
