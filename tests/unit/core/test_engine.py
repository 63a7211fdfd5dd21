"""The engine of one node, step by step: what is kept, what is told with what, and what begins and ends exactly when."""

from dataclasses import replace

import pytest

from rrdnsd.core.effects import (
    Abstained,
    PeerChanged,
    Publish,
    Recheck,
    Retire,
    ServiceTransition,
    Suspected,
    Transition,
    Voted,
)
from rrdnsd.core.engine import Engine, Timing
from rrdnsd.core.events import Connectivity, Heard, Ordered, Probed, Reconfigured, Reseated, Ticked
from rrdnsd.core.model import Endpoint, EndpointKey, ProbeResult, RRsetKey, Service, State, Timings
from rrdnsd.core.override import Kind, Override
from rrdnsd.core.quorum import Ballot
from rrdnsd.core.votes import ServiceVotes, Span, Statement, VoteTable, electorate_digest

A, B, C = NODES = tuple(f"10.0.0.{number}:3333" for number in range(1, 4))
ONE, TWO = EndpointKey("www.test", "192.0.2.1"), EndpointKey("www.test", "192.0.2.2")
OTHER = EndpointKey("api.test", "192.0.2.1")
WWW = Service(
    "www.test", "test", "default", 30, (Endpoint(ONE.address), Endpoint(TWO.address)), definition="x"
)
API = Service("api.test", "test", "default", 30, (Endpoint(OTHER.address),), definition="x")
GOOD = ProbeResult(True, "", Timings(0.01))
BAD = ProbeResult(False, "refused", Timings(0.01))
RECORDS = RRsetKey("www.test", "A")


def started(*services, nodes=NODES, learn=0.0):
    return Engine(A, nodes, services or (WWW,), 100.0, Timing(vote_ttl=4.0, learn=learn))


def probe(engine, now, result, *keys):
    return engine.handle(Probed([(key, result) for key in keys]), now)


def say(engine, now, node, state, *, nodes=NODES, suspects=(), services=(WWW,), but=None):
    """A peer tells all it believes: one state of everything, `but` another one of some endpoints."""
    table = VoteTable()
    for service in services:
        beliefs = {e.address: (but or {}).get(e.address, state) for e in service.endpoints}
        table.put(ServiceVotes(service.fqdn, "x", {a: Ballot(s) for a, s in beliefs.items()}))
    votes = tuple(table[name] for name in table.services())
    said = Statement(node, now, electorate_digest(nodes), table.digest, votes, Span(), suspects=suspects)
    return engine.handle(Heard(said), now)


def agreed(state=State.UP, **more):
    """All three nodes agree at second 100."""
    engine = started(**more)
    for _ in range(2):
        probe(engine, 100.0, GOOD if state is State.UP else BAD, ONE, TWO)
    for node in (B, C):
        say(engine, 100.0, node, state)
    assert {status.verdict for status in engine.endpoints.values()} == {state}
    return engine


def alone(*services):
    """A node that decides alone, and has seen everything up at second 100."""
    engine = started(*services, nodes=(A,))
    probe(engine, 100.0, GOOD, *engine.endpoints)
    return engine


def of_kind(kind, effects):
    return [effect for effect in effects if isinstance(effect, kind)]


@pytest.mark.parametrize(
    "event",
    [
        Probed([(ONE, GOOD)]),
        Heard(Statement(B, 200.0, electorate_digest(NODES), "0" * 32)),
        Ordered((Override(Kind.DRAIN, "www.test", ONE.address),)),
        Reconfigured((replace(WWW, ttl=60),)),
        Reseated((A, B)),
        Connectivity(""),
        Ticked(),
    ],
    ids=lambda event: type(event).__name__,
)
def test_after_it_stood_still_it_says_so_whatever_happens_first(event):
    engine = agreed(learn=3.0)
    told = engine.handle(event, 200.0)
    assert [effect.node for effect in of_kind(PeerChanged, told)] == [B, C]
    assert [effect.reason[:8] for effect in of_kind(Abstained, told)] == ["learning"]


def test_a_pause_as_long_as_votes_live_is_no_standstill():
    engine = agreed()
    say(engine, 104.0, B, State.UP)
    assert engine.endpoints[ONE].opinion.state is State.UP
    engine.handle(Ticked(), 108.1)
    assert engine.endpoints[ONE].opinion.state is State.UNKNOWN


def test_of_two_nodes_each_listens_first():
    engine = started(nodes=NODES[:2], learn=3.0)
    assert engine.electorate.abstains.startswith("learning")


def test_the_last_result_and_the_moment_of_the_opinion_are_kept():
    engine = alone()
    assert engine.endpoints[ONE].opinion.since == 100.0
    assert engine.endpoints[ONE].last is GOOD
    probe(engine, 101.0, BAD, ONE)
    assert engine.endpoints[ONE].last is BAD


def test_a_result_of_what_was_removed_keeps_no_other_back():
    engine = started(nodes=(A,))
    probe(engine, 100.0, GOOD, EndpointKey("gone.test", "192.0.2.1"), ONE)
    assert engine.endpoints[ONE].verdict is State.UP


def test_a_suspicion_that_is_not_confirmed_here_is_not_when_it_began():
    engine = agreed()
    assert say(engine, 101.0, B, State.UP, suspects=(ONE,)) == [Recheck(ONE, 0.0)]
    probe(engine, 101.5, GOOD, ONE)
    probe(engine, 102.0, BAD, ONE)
    probe(engine, 102.5, BAD, ONE)
    (changed,) = of_kind(Transition, say(engine, 103.0, B, State.UP, but={ONE.address: State.DOWN}))
    assert (changed.after, changed.first_seen) == (State.DOWN, 102.0)


def test_what_this_node_saw_first_is_when_it_began_however_often_it_is_confirmed():
    engine = agreed(State.DOWN)
    for second in (101.0, 101.5, 102.0, 102.5):
        probe(engine, second, GOOD, ONE)
    (changed,) = of_kind(Transition, say(engine, 103.0, B, State.DOWN, but={ONE.address: State.UP}))
    assert (changed.after, changed.first_seen) == (State.UP, 101.0)


def test_what_a_peer_suspects_is_looked_at_if_it_is_up_here_and_not_looked_at_already():
    engine = agreed()
    suspects = (EndpointKey("gone.test", "192.0.2.1"), ONE, TWO)
    assert Suspected(TWO) in probe(engine, 101.0, BAD, TWO)
    assert say(engine, 101.0, B, State.UP, suspects=suspects) == [Recheck(ONE, 0.0)]
    assert say(engine, 101.25, B, State.UP, suspects=(ONE,)) == []
    assert say(engine, 101.5, B, State.UP, suspects=(ONE,)) == [Recheck(ONE, 0.0)]
    assert say(agreed(State.DOWN), 101.0, B, State.DOWN, suspects=(ONE,)) == []


def test_an_endpoint_on_which_votes_are_divided_holds_nothing_back():
    engine = started()
    probe(engine, 100.0, GOOD, ONE, TWO)
    say(engine, 100.0, B, State.UP, but={TWO.address: State.DOWN})
    assert engine.endpoints[TWO].divided
    assert engine.publications["www.test"].held == ""
    assert engine.publications["www.test"].present == {RECORDS: {ONE.address}}


def test_reseated_it_distrusts_itself_if_those_who_know_the_list_see_all_of_it_up():
    engine = started(WWW, API)
    for _ in range(2):
        probe(engine, 100.0, BAD, ONE, TWO, OTHER)
    say(engine, 100.0, B, State.UP, nodes=(A, B), services=(WWW, API))
    assert of_kind(Abstained, engine.handle(Reseated((A, B)), 101.0)) == [
        Abstained(
            "sees 3 of 3 endpoints of 2 services down that its peers see up: its own link may be at fault"
        )
    ]


def test_orders_end_one_after_the_other():
    engine = alone()
    orders = (
        Override(Kind.FAILOVER, "www.test", to=frozenset({TWO.address}), until=110.0, why="c"),
        Override(Kind.DRAIN, "www.test", TWO.address, until=108.0, why="d"),
        Override(Kind.MAINTENANCE, "www.test", until=106.0, why="b"),
        Override(Kind.PAUSE, "", until=104.0, why="a"),
    )
    engine.handle(Ordered(orders), 101.0)
    shown = []
    for second in range(102, 112):
        for effect in engine.handle(Ticked(), float(second)):
            assert isinstance(effect, Publish)
            found = effect.publication
            shown.append((second, found.held, sorted(found.present[RECORDS]), found.failover))
    assert shown == [
        (104, "maintenance: b", [ONE.address], ""),
        (106, "", [ONE.address], ""),
        (108, "", [TWO.address], f"failover to {TWO.address}: c"),
        (110, "", [ONE.address, TWO.address], ""),
    ]
    assert engine.overrides == ()


def test_a_service_that_is_down_is_so_after_a_change_of_its_ttl():
    engine = alone()
    for _ in range(2):
        probe(engine, 101.0, BAD, ONE, TWO)
    told = engine.handle(Reconfigured((replace(WWW, ttl=60),)), 102.0)
    assert [type(effect) for effect in told] == [Publish]
    probe(engine, 103.0, GOOD, ONE)
    assert of_kind(ServiceTransition, probe(engine, 103.5, GOOD, ONE)) == [
        ServiceTransition("www.test", State.UP, "1 of 2 endpoints are up")
    ]


def test_a_service_that_was_removed_while_it_was_down_begins_anew():
    engine = alone()
    for _ in range(2):
        probe(engine, 101.0, BAD, ONE, TWO)
    assert engine.handle(Reconfigured(()), 102.0) == [Retire("www.test", "test", "default")]
    assert not of_kind(ServiceTransition, engine.handle(Reconfigured((WWW,)), 103.0))


def test_a_preview_shows_what_orders_would_do_and_does_nothing():
    engine = alone(WWW, API)
    standing = (Override(Kind.DRAIN, "www.test", ONE.address),)
    engine.handle(Ordered(standing), 101.0)
    before = dict(engine.publications)
    proposed = (
        Override(Kind.DRAIN, "www.test", TWO.address, until=110.0),
        Override(Kind.MAINTENANCE, "api.test", until=110.0, why="work"),
    )
    shown = engine.preview(proposed, 102.0)
    assert (shown["www.test"].present, shown["www.test"].absent) == (
        {RECORDS: {ONE.address}},
        {RECORDS: {TWO.address}},
    )
    assert shown["api.test"].held == "maintenance: work"
    assert engine.preview(standing, 102.0) == before
    assert engine.preview(proposed, 110.0)["api.test"] == before["api.test"]
    assert (engine.publications, engine.overrides) == (before, standing)
    assert engine.handle(Ordered(standing), 102.0) == []


def test_a_preview_of_a_node_without_a_quorum_says_so():
    engine = started()
    say(engine, 100.0, B, State.UP)
    assert engine.preview((), 104.0)["www.test"].held.startswith("no verdict yet")
    assert engine.preview((), 104.1)["www.test"].held == "no quorum: only 1 of 3 nodes heard"


def test_a_writer_that_abstains_comes_last():
    engine = agreed()
    subjects = [f"{number}.test" for number in range(20)]
    roster = engine.electorate.roster
    ranks = [engine.rank(subject, 101.0) for subject in subjects]
    assert ranks == [roster.writers(subject, 101.0, abstaining=False).index(A) for subject in subjects]
    assert 0 in ranks
    engine.handle(Connectivity("no route"), 101.0)
    assert {engine.rank(subject, 101.0) for subject in subjects} == {2}
    assert {engine.rank(subject, 104.1) for subject in subjects} == {0}


def test_votes_are_told_when_they_change():
    engine = started()
    assert of_kind(Voted, probe(engine, 100.0, GOOD, ONE, TWO)) == [Voted(ONE), Voted(TWO)]
    assert probe(engine, 101.0, GOOD, ONE, TWO) == []


def test_what_peers_agree_on_already_is_decided_when_a_service_is_configured():
    engine = started(WWW)
    for node in (B, C):
        say(engine, 100.0, node, State.DOWN, services=(WWW, API))
    (changed,) = of_kind(Transition, engine.handle(Reconfigured((WWW, API)), 102.0))
    assert (changed.key, changed.after, changed.first_seen) == (OTHER, State.DOWN, 102.0)
    assert engine.endpoints[OTHER].verdict_since == 102.0


def test_a_node_that_abstains_and_is_heard_again_makes_a_quorum_to_write_with():
    engine = agreed()

    def beat(now, node):
        votes = engine.electorate.own.digest
        said = Statement(node, now, electorate_digest(NODES), votes, abstains="its network is down")
        engine.handle(Heard(said), now)

    beat(101.0, B)
    beat(101.0, C)
    for now in (103.0, 105.0, 107.0):
        engine.handle(Ticked(), now)
    engine.handle(Ordered((Override(Kind.DRAIN, ONE.service, ONE.address),)), 107.0)
    assert engine.publications["www.test"].held == "no quorum: only 1 of 3 nodes heard"
    beat(107.5, B)
    assert engine.publications["www.test"].held == ""
