"""Counting everything again in parts: in which order, what is never done with what is not counted yet, what need not be said again."""

from dataclasses import replace

from rrdnsd.core.effects import PeerChanged, Publish, ServiceTransition, Transition
from rrdnsd.core.engine import AT_ONCE, Engine, Timing
from rrdnsd.core.events import Heard, Ordered, Probed, Reconfigured, Reseated, Ticked
from rrdnsd.core.model import Endpoint, EndpointKey, ProbeResult, Service, State, Timings
from rrdnsd.core.override import Kind, Override
from rrdnsd.core.quorum import Ballot, ballot
from rrdnsd.core.votes import ServiceVotes, Span, Statement, VoteTable, electorate_digest

A, B, C = NODES = tuple(f"10.0.0.{number}:3333" for number in range(1, 4))
NAMES = tuple(f"s{number}.test" for number in range(5))
LOST = "no quorum: only 1 of 3 nodes heard"
GOOD = ProbeResult(True, "", Timings(0.01))


def service(fqdn, endpoints=2):
    addresses = tuple(Endpoint(f"192.0.2.{n + 1}") for n in range(endpoints))
    return Service(fqdn, "test", "default", 30, addresses, definition="x")


SERVICES = tuple(service(name) for name in NAMES)


def cluster(services=SERVICES, at_once=AT_ONCE, nodes=NODES):
    """Three nodes that agree at second 100 that all is up; from then on one of them counts so many endpoints in one go."""
    engine = Engine(A, nodes, services, 100.0, Timing(vote_ttl=4.0, learn=0.0))
    engine.handle(Probed([(key, GOOD) for key in engine.endpoints]), 100.0)
    for node in nodes[1:]:
        say(engine, 100.0, node, services=services)
    assert {status.verdict for status in engine.endpoints.values()} == {State.UP}
    engine._at_once = at_once
    return engine


def say(engine, now, node, state=State.UP, services=SERVICES):
    table = VoteTable()
    for each in services:
        table.put(ServiceVotes(each.fqdn, "x", {e.address: ballot(state) for e in each.endpoints}))
    votes = tuple(table[name] for name in table.services())
    nodes = engine.electorate.roster.nodes
    return engine.handle(
        Heard(Statement(node, now, electorate_digest(nodes), table.digest, votes, Span())), now
    )


def beat(engine, now, node, abstains=""):
    """A peer that votes as this node does says nothing new."""
    roster = engine.electorate.roster
    said = Statement(node, now, roster.electorate, engine.electorate.own.digest, abstains=abstains)
    return engine.handle(Heard(said), now)


def told(effects):
    return [effect.publication.service for effect in effects if isinstance(effect, Publish)]


def held(engine):
    return [engine.publications[name].held for name in NAMES]


def silent(at_once):
    """Nobody has been heard for too long, and nothing is counted again yet but what came first."""
    engine = cluster(at_once=at_once)
    engine.handle(Ticked(), 103.0)
    effects = engine.handle(Ticked(), 104.5)
    assert len([e for e in effects if isinstance(e, PeerChanged)]) == 2
    return engine, effects


def test_few_endpoints_are_counted_at_once():
    engine, effects = silent(AT_ONCE)
    assert (told(effects), engine.uncounted, held(engine)) == ([*NAMES], 0, [LOST] * 5)


def test_many_are_counted_in_parts_one_with_each_event():
    engine, effects = silent(6)
    assert (told(effects), engine.uncounted) == (["s0.test", "s1.test"], 3)
    assert told(engine.handle(Ticked(), 104.5)) == ["s2.test", "s3.test"]
    assert (engine.uncounted, held(engine)) == (1, [LOST] * 4 + [""])
    assert told(engine.handle(Probed([]), 104.5)) == ["s4.test"]
    assert (engine.uncounted, held(engine)) == (0, [LOST] * 5)
    assert engine.handle(Ticked(), 104.5) == []


def test_a_part_is_at_least_one_service_and_ends_when_there_is_no_room_left():
    assert silent(1)[0].uncounted == 4
    assert silent(3)[0].uncounted == 4
    assert silent(4)[0].uncounted == 3


def test_a_service_without_endpoints_takes_room_as_well():
    removed = tuple(replace(s, endpoints=(), withdrawn=frozenset({"192.0.2.1"})) for s in SERVICES)
    engine = cluster()
    engine.handle(Reconfigured(removed), 101.0)
    engine._at_once = 2
    engine.handle(Ticked(), 104.5)
    assert (engine.uncounted, held(engine)) == (3, [LOST, LOST, "", "", ""])


def test_what_is_to_be_written_is_counted_first_wherever_it_waits():
    engine, _ = silent(1)
    effects = engine.handle(Ticked(("s3.test", "s0.test", "s2.test", "unknown.test")), 104.5)
    assert told(effects) == ["s3.test", "s2.test", "s1.test"]
    assert (engine.uncounted, held(engine)) == (1, [LOST] * 4 + [""])


def test_who_is_heard_is_settled_before_what_is_to_be_written_is_counted():
    engine = cluster(at_once=1)
    engine.handle(Ticked(), 103.0)
    assert told(engine.handle(Ticked(("s4.test",)), 104.5)) == ["s4.test", "s0.test"]
    assert held(engine) == [LOST, "", "", "", LOST]


def test_what_a_peer_says_of_a_service_waits_for_nothing_else():
    engine, _ = silent(1)
    say(engine, 104.6, B)  # it has nothing new to say, but its ballots count again
    engine.handle(Ticked(), 104.6)
    (change,) = [
        effect
        for effect in say(engine, 104.7, C, State.DOWN, services=SERVICES[4:])
        if isinstance(effect, PeerChanged)
    ]
    assert (change.node, change.counted) == (C, True)
    assert engine.publications["s4.test"].held == ""


def test_an_endpoint_that_is_probed_is_published_with_its_whole_service():
    engine, _ = silent(1)
    bad = ProbeResult(False, "refused", Timings(0.01))
    key = EndpointKey("s4.test", "192.0.2.1")
    assert told(engine.handle(Probed([(key, bad), (key, bad)]), 104.6)) == ["s4.test", "s1.test"]
    assert {engine.endpoints[EndpointKey("s4.test", a)].pending for a in ("192.0.2.1", "192.0.2.2")} == {True}


def test_orders_are_for_what_is_counted():
    engine, _ = silent(1)
    drain = Override(Kind.DRAIN, "s4.test", "192.0.2.1", until=105.0)
    engine.handle(Ordered((drain,)), 104.6)
    assert engine.publications["s4.test"].held == LOST
    assert engine.endpoints[EndpointKey("s4.test", "192.0.2.2")].pending
    for name in (B, C):
        beat(engine, 104.8, name)
    assert told(engine.handle(Ticked(), 105.0))[0] == "s4.test"
    assert engine.publications["s4.test"].drained == frozenset()


def test_those_that_wait_already_keep_their_place():
    engine, _ = silent(1)
    told_first = told(beat(engine, 104.6, B))
    assert told_first + [told(engine.handle(Ticked(), 104.6))[0] for _ in range(4)] == [
        "s1.test", "s2.test", "s3.test", "s4.test", "s0.test",
    ]  # fmt: skip
    assert engine.uncounted == 0


def test_a_service_that_is_removed_is_not_counted():
    engine, _ = silent(1)
    engine.handle(Reconfigured(SERVICES[:3]), 104.5)
    assert engine.uncounted == 1
    engine.handle(Ticked(), 104.5)
    assert engine.uncounted == 0


def test_what_is_configured_anew_is_counted_and_published_at_once():
    engine, _ = silent(1)
    changed = replace(SERVICES[4], ttl=60)
    effects = engine.handle(Reconfigured((*SERVICES[:4], changed)), 104.5)
    assert told(effects) == ["s4.test", "s1.test"]
    assert engine.publications["s4.test"].held == LOST


def test_other_nodes_and_a_long_standstill_have_all_counted_again():
    engine = cluster(at_once=1)
    engine.handle(Reseated((A, B)), 100.5)
    assert engine.uncounted == 4
    engine = cluster(at_once=1)
    engine.handle(Ticked(), 110.0)
    assert (engine.uncounted, held(engine)) == (4, [LOST, "", "", "", ""])


def test_where_only_the_reasons_change_the_same_is_published_with_others():
    engine = cluster()
    known = dict(engine.publications)
    beat(engine, 103.0, B)
    effects = engine.handle(Ticked(), 104.5)
    assert [type(effect) for effect in effects] == [PeerChanged] + [Publish] * 5
    for name in NAMES:
        new = engine.publications[name]
        assert new.reasons == dict.fromkeys(("192.0.2.1", "192.0.2.2"), "up: 2 of 3 nodes report up")
        assert new == replace(known[name], reasons=new.reasons)
        assert all(status.reason == new.reasons[status.key.address] for status in engine.endpoints.values())


def test_a_removed_address_keeps_its_reason():
    withdrawing = tuple(replace(s, withdrawn=frozenset({"192.0.2.9"})) for s in SERVICES)
    engine = cluster(withdrawing)
    beat(engine, 103.0, B)
    engine.handle(Ticked(), 104.5)
    assert engine.publications["s0.test"].reasons == {
        "192.0.2.1": "up: 2 of 3 nodes report up",
        "192.0.2.2": "up: 2 of 3 nodes report up",
        "192.0.2.9": "removed by an operator",
    }


def test_with_orders_the_reasons_are_theirs():
    engine = cluster()
    engine.handle(Ordered((Override(Kind.FORCED_DOWN, "s0.test", "192.0.2.1"),)), 101.0)
    beat(engine, 103.0, B)
    assert told(engine.handle(Ticked(), 104.5)) == [*NAMES]
    assert engine.publications["s0.test"].reasons == {
        "192.0.2.1": "forced down",
        "192.0.2.2": "up: 2 of 3 nodes report up",
    }


def test_with_orders_nothing_is_written_without_a_quorum_either():
    engine = cluster()
    engine.handle(Ordered((Override(Kind.DRAIN, "s0.test", "192.0.2.1"),)), 101.0)
    for node in (B, C):
        beat(engine, 101.0, node, abstains="its network is down")
    assert held(engine) == [""] * 5
    engine.handle(Ticked(), 103.0)
    engine.handle(Ticked(), 105.5)
    assert held(engine) == [LOST] * 5
    assert engine.publications["s0.test"].drained == {"192.0.2.1"}


def test_where_nothing_changes_nothing_is_said():
    """A peer that abstains is heard, so that there is a quorum to write with whether or not the other one is."""
    engine = cluster(nodes=(*NODES, "10.0.0.4:3333", "10.0.0.5:3333"))
    for node in ("10.0.0.4:3333", "10.0.0.5:3333"):
        beat(engine, 101.0, node, abstains="its network is down")
    engine.handle(Ticked(), 103.0)
    for node in (B, C, "10.0.0.4:3333"):
        beat(engine, 104.0, node, abstains="" if node in (B, C) else "its network is down")
    before = dict(engine.publications)
    assert engine.handle(Ticked(), 105.5) == []
    assert engine.publications == before


def test_another_reason_to_write_nothing_is_said_and_the_end_of_it():
    engine = cluster()
    for node in (B, C):
        beat(engine, 101.0, node, abstains="its network is down")
    assert held(engine) == [""] * 5
    engine.handle(Ticked(), 103.0)
    assert told(engine.handle(Ticked(), 105.5)) == [*NAMES]
    assert held(engine) == [LOST] * 5
    assert told(beat(engine, 105.6, B, abstains="its network is down")) == [*NAMES]
    assert held(engine) == [""] * 5


def test_the_silence_of_a_quorum_changes_no_verdict():
    engine, effects = silent(AT_ONCE)
    assert not [e for e in effects if isinstance(e, Transition | ServiceTransition)]
    assert {(s.verdict, s.pending, s.reason) for s in engine.endpoints.values()} == {
        (State.UP, True, "up: 3 of 3 nodes report up")
    }


def test_all_that_is_said_alike_is_one_sentence():
    engine = cluster()
    assert len({id(status.reason) for status in engine.endpoints.values()}) == 1
    assert ballot(State.UP) is ballot(State.UP)
    assert ballot(State.DOWN, "refused") == Ballot(State.DOWN, "refused")
    assert ballot(State.DOWN) == Ballot(State.DOWN, "")


def test_more_different_reasons_than_are_remembered_are_all_told_right():
    """Each endpoint has reasons of its own; what is remembered of others is forgotten on the way."""
    services = (service("s0.test", 200), *(service(f"t{n}.test", 200) for n in range(6)))
    engine = cluster(services, at_once=10_000)
    for _ in range(2):
        for node in (B, C):
            table = VoteTable()
            for number, each in enumerate(services):
                ballots = {e.address: Ballot(State.DOWN, f"{number} {e.address}") for e in each.endpoints}
                table.put(ServiceVotes(each.fqdn, "x", ballots))
            votes = tuple(table[name] for name in table.services())
            said = Statement(node, 101.0, electorate_digest(NODES), table.digest, votes, Span())
            engine.handle(Heard(said), 101.0)
    for number, each in enumerate(services):
        for endpoint in each.endpoints:
            status = engine.endpoints[EndpointKey(each.fqdn, endpoint.address)]
            assert status.reason == (f"down: 2 of 3 nodes report {number} {endpoint.address}; {A} reports up")


def test_pages_of_a_table_that_is_not_whole_yet_change_nothing():
    engine = cluster()
    table = VoteTable()
    for each in SERVICES:
        table.put(ServiceVotes(each.fqdn, "x", {e.address: Ballot(State.DOWN) for e in each.endpoints}))

    def page(after, upto, *names):
        said = Statement(
            B,
            101.0,
            electorate_digest(NODES),
            table.digest,
            tuple(table[n] for n in names),
            Span(after, upto),
        )
        return engine.handle(Heard(said), 101.0)

    assert [type(e) for e in page("", "s1.test", *NAMES[:2])] == [PeerChanged] + [Publish] * 5
    assert page("s1.test", "s3.test", *NAMES[2:4]) == []
    (changed, *others) = page("s3.test", None, *NAMES[4:])
    assert (changed, len(others)) == (PeerChanged(B, counted=True, reason=""), 5)
