"""Services on which only some of the nodes vote: who they are, whose ballots count, and what another choice changes."""

from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrdnsd.core.effects import Abstained, Publish, Recheck, Transition, Voted
from rrdnsd.core.electorate import Electorate
from rrdnsd.core.engine import Engine, Timing
from rrdnsd.core.events import Heard, Probed, Reconfigured, Reseated, Ticked
from rrdnsd.core.model import Endpoint, EndpointKey, ProbeResult, Service, State, Timings
from rrdnsd.core.quorum import Ballot
from rrdnsd.core.voters import Voters, voters
from rrdnsd.core.votes import ServiceVotes, Span, Statement, VoteTable, electorate_digest

NODES = tuple(f"10.0.0.{number}:3333" for number in range(1, 6))
ME = NODES[0]
ADDRESS = "192.0.2.1"
GOOD = ProbeResult(True, "", Timings(0.01))
BAD = ProbeResult(False, "refused", Timings(0.01))
SOME_NODES = st.sets(st.integers(1, 99), min_size=1, max_size=9).map(
    lambda found: [f"10.0.0.{number}:3333" for number in sorted(found)]
)


def chosen(service, count=3, nodes=NODES):
    return voters(service, nodes, count)


def first(where):
    """Return the first name of a service for which this holds."""
    return next(fqdn for number in range(1000) if where(fqdn := f"s{number}.test"))


WIDER = (*NODES, "10.0.0.9:3333")
HERE = first(lambda fqdn: ME in chosen(fqdn))
THERE = first(lambda fqdn: ME not in chosen(fqdn))
LOST = first(lambda fqdn: ME in chosen(fqdn) and ME not in chosen(fqdn, nodes=WIDER))
"""This node is one of its voters, until there is one node more."""


def service(fqdn, count=3, definition="x", addresses=(ADDRESS,)):
    endpoints = tuple(Endpoint(address) for address in addresses)
    return Service(fqdn, "test", "default", 30, endpoints, definition=definition, voters=count)


class Cluster:
    """One engine, and peers that say what a test lets them say of one service."""

    def __init__(self, *services, nodes=NODES):
        self.now = 100.0
        self.nodes = nodes
        self.services = services
        self.engine = Engine(ME, nodes, services, self.now, Timing(vote_ttl=4.0, learn=0.0))

    def say(self, node, state, *names, definition="x", abstains=""):
        """A peer votes so on these services, and on none of the others."""
        self.now += 0.01
        table = VoteTable()
        for known in self.services:
            ballots = {e.address: Ballot(state, "refused") for e in known.endpoints}
            table.put(
                ServiceVotes(known.fqdn, definition, ballots if known.fqdn in names or not names else {})
            )
        votes = tuple(table[known.fqdn] for known in self.services)
        nodes = electorate_digest(self.nodes)
        said = Statement(node, self.now, nodes, table.digest, votes, Span(), abstains)
        return self.engine.handle(Heard(said), self.now)

    def probe(self, fqdn, *results, address=ADDRESS):
        effects = []
        for result in results:
            self.now += 0.01
            effects += self.engine.handle(Probed([(EndpointKey(fqdn, address), result)]), self.now)
        return effects

    def reseat(self, *nodes):
        self.nodes = nodes
        return self.engine.handle(Reseated(nodes), self.now)

    def later(self, seconds):
        self.now += seconds
        return self.engine.handle(Ticked(), self.now)

    def status(self, fqdn):
        return self.engine.endpoints[EndpointKey(fqdn, ADDRESS)]

    def ballots(self, fqdn):
        return self.engine.electorate.own[fqdn].ballots


def decisions(effects):
    return [effect.after for effect in effects if isinstance(effect, Transition)]


# Who they are.


def test_the_voters_are_those_with_the_largest_hashes():
    def weight(node):
        return blake2b(f"{node}|voters www.test".encode(), digest_size=8).digest()

    assert chosen("www.test") == tuple(sorted(sorted(NODES, key=weight)[-3:]))
    assert chosen("www.test", 1) == (max(NODES, key=weight),)


@pytest.mark.parametrize("count", [None, 5, 6, 1000])
def test_all_nodes_vote_where_no_fewer_are_asked(count):
    assert voters("www.test", reversed(NODES), count) == NODES


@given(SOME_NODES, st.integers(1, 9), st.text())
def test_so_many_vote_whatever_the_order_of_the_nodes(nodes, count, fqdn):
    found = voters(fqdn, nodes, count)
    assert len(found) == len({*found}) == min(count, len(nodes))
    assert {*found} <= {*nodes}
    assert found == voters(fqdn, reversed(nodes), count)


@given(SOME_NODES, st.integers(1, 9), st.text())
def test_a_node_that_comes_takes_at_most_one_seat_and_one_that_goes_leaves_one(nodes, count, fqdn):
    before, after = {*voters(fqdn, nodes, count)}, {*voters(fqdn, [*nodes, "new:1"], count)}
    assert after - before <= {"new:1"}
    assert len(before - after) <= 1
    assert "new:1" in after or after == before


def test_every_node_has_its_share():
    seats = [node for number in range(1000) for node in chosen(f"s{number}.test")]
    assert all(500 < seats.count(node) < 700 for node in NODES)


def test_what_stays_is_not_chosen_again():
    known = Voters(NODES)
    services = {fqdn: service(fqdn) for fqdn in (HERE, THERE)}
    known.configure(services)
    before = known.of(HERE)
    known.configure({**services, THERE: service(THERE, 1), "all.test": service("all.test", None)})
    assert known.of(HERE) is before
    assert (known.of(THERE), known.of("all.test")) == (chosen(THERE, 1), NODES)
    assert [known.are_all(fqdn) for fqdn in (HERE, THERE, "all.test")] == [False, False, True]
    known.reseat(NODES[:3])
    assert known.of(HERE) == NODES[:3]
    assert known.are_all(HERE)
    assert not known.are_all(THERE)
    known.configure({})
    assert known.of(THERE) == NODES[:3]


# Whose ballots count.


def test_a_quorum_of_the_voters_decides_and_is_named():
    cluster = Cluster(service(THERE))
    one, two, three = chosen(THERE)
    assert decisions(cluster.say(one, State.DOWN)) == []
    assert not cluster.status(THERE).divided
    assert decisions(cluster.say(two, State.DOWN)) == [State.DOWN]
    assert cluster.status(THERE).reason == "down: 2 of 3 voters report refused"
    cluster.say(three, State.UP)
    assert cluster.status(THERE).reason == f"down: 2 of 3 voters report refused; {three} reports up"


def test_ballots_of_others_never_count_whatever_they_say():
    cluster = Cluster(service(HERE))
    voting = chosen(HERE)
    cluster.probe(HERE, GOOD)
    for node in NODES[1:]:
        if node not in voting:
            assert decisions(cluster.say(node, State.UP)) == []
    assert cluster.status(HERE).pending
    assert cluster.engine.electorate.ballots(EndpointKey(HERE, ADDRESS)).keys() == {ME}
    assert decisions(cluster.say(voting[-1], State.UP)) == [State.UP]


def test_a_node_that_is_no_voter_has_no_opinion_and_asks_nobody():
    cluster = Cluster(service(THERE))
    before = cluster.engine.electorate.own.digest
    assert cluster.probe(THERE, BAD, BAD, GOOD, GOOD) == []
    status = cluster.status(THERE)
    assert (status.voted_here, status.last, status.opinion.state) == (False, None, State.UNKNOWN)
    assert cluster.engine.electorate.own.digest == before
    assert (cluster.ballots(THERE), cluster.engine.electorate.own[THERE].definition) == ({}, "x")
    one, two, _ = chosen(THERE)
    cluster.say(one, State.UP)
    cluster.say(two, State.UP)
    table = VoteTable()
    table.put(ServiceVotes(THERE, "x", {ADDRESS: Ballot(State.UP)}))
    suspicion = Statement(
        one,
        cluster.now,
        electorate_digest(NODES),
        table.digest,
        suspects=(EndpointKey(THERE, ADDRESS),),
    )
    effects = cluster.engine.handle(Heard(suspicion), cluster.now)
    assert not [effect for effect in effects if isinstance(effect, Recheck)]


def test_who_is_told_of_another_number_of_voters_is_told_to_do_something_else():
    cluster = Cluster(service(THERE))
    one, two, three = chosen(THERE)
    cluster.say(one, State.UP)
    assert decisions(cluster.say(two, State.UP, definition="x, five voters")) == []
    assert (
        cluster.engine.electorate.mismatches[two, THERE]
        == "it probes this service differently: its ballots do not count"
    )
    assert decisions(cluster.say(three, State.UP)) == [State.UP]


def test_one_voter_is_named_as_the_only_one():
    fqdn = first(lambda fqdn: ME not in chosen(fqdn, 1))
    cluster = Cluster(service(fqdn, 1))
    (only,) = chosen(fqdn, 1)
    assert decisions(cluster.say(only, State.DOWN)) == [State.DOWN]
    assert cluster.status(fqdn).reason == f"down: {only}, the only voter, reports refused"


def test_without_a_quorum_of_the_voters_the_verdict_stands_and_its_record_is_left():
    cluster = Cluster(service(THERE))
    one, two, _ = chosen(THERE)
    others = [node for node in NODES if node not in chosen(THERE)]
    for node in NODES[1:]:
        cluster.say(node, State.UP)
    cluster.later(3.0)
    for node in (one, *others[1:]):
        cluster.say(node, State.UP)
    cluster.later(1.5)
    status, publication = cluster.status(THERE), cluster.engine.publications[THERE]
    assert (status.verdict, status.pending, publication.held) == (State.UP, True, "")
    assert ADDRESS not in publication.present[publication.keys[0]] | publication.absent[publication.keys[0]]
    assert decisions(cluster.say(two, State.UP)) == []
    assert not status.pending


def test_a_quorum_of_the_voters_is_not_enough_to_write():
    cluster = Cluster(service(HERE))
    cluster.probe(HERE, GOOD)
    assert decisions(cluster.say(chosen(HERE)[-1], State.UP)) == [State.UP]
    assert cluster.engine.publications[HERE].held == "no quorum: only 2 of 5 nodes heard"


def both_numbers():
    """This node and two others are told of three voters; two more vote on it by another number."""
    cluster = Cluster(service(HERE))
    one, two = (node for node in chosen(HERE) if node != ME)
    three, four = (node for node in NODES if node not in chosen(HERE))
    cluster.probe(HERE, GOOD)
    cluster.say(one, State.UP)
    cluster.say(two, State.UP, definition="x, voters 5")
    cluster.say(three, State.UP, definition="x, voters 5")
    cluster.say(four, State.UNKNOWN)
    return cluster, three, four


def test_nothing_is_written_before_a_quorum_of_all_nodes_is_told_the_same():
    cluster, three, four = both_numbers()
    assert (cluster.status(HERE).verdict, cluster.status(HERE).pending) == (State.UP, False)
    assert cluster.engine.publications[HERE].held == ""
    cluster.say(four, State.UNKNOWN, definition="x, voters 5")
    assert cluster.engine.publications[HERE].held == (
        "no quorum: only 2 of 5 nodes are heard and told the same of it"
    )
    cluster.say(three, State.UNKNOWN)
    assert cluster.engine.publications[HERE].held == ""


def test_the_silence_of_a_node_that_was_told_the_same_is_noticed_although_nothing_else_changes():
    cluster, three, _ = both_numbers()
    one, two = (node for node in chosen(HERE) if node != ME)
    cluster.later(3.0)
    cluster.say(one, State.UP)
    for node in (two, three):
        cluster.say(node, State.UP, definition="x, voters 5")
    effects = cluster.later(1.5)
    assert [effect.publication.held for effect in effects if isinstance(effect, Publish)] == [
        "no quorum: only 2 of 5 nodes are heard and told the same of it"
    ]
    assert not cluster.status(HERE).pending


def test_the_silence_of_a_node_that_has_no_vote_is_noticed_although_it_abstains():
    cluster = Cluster(service(HERE))
    voter = next(node for node in chosen(HERE) if node != ME)
    other = next(node for node in NODES if node not in chosen(HERE))
    cluster.probe(HERE, GOOD)
    cluster.say(voter, State.UP)
    cluster.say(other, State.UNKNOWN, abstains="its own link is down")
    assert cluster.engine.publications[HERE].held == ""
    cluster.later(3.0)
    cluster.say(voter, State.UP)
    effects = cluster.later(1.5)
    assert [effect.publication.held for effect in effects if isinstance(effect, Publish)] == [
        "no quorum: only 2 of 5 nodes heard"
    ]
    assert not cluster.status(HERE).pending


def test_the_silence_of_an_abstaining_node_is_noticed_where_it_was_told_the_same():
    cluster = Cluster(service(HERE))
    one, two = (node for node in chosen(HERE) if node != ME)
    silent, other = (node for node in NODES if node not in chosen(HERE))
    cluster.probe(HERE, GOOD)
    cluster.say(silent, State.UNKNOWN, abstains="its own link is down")
    for _ in range(2):
        cluster.say(one, State.UP)
        for node in (two, other):
            cluster.say(node, State.UP, definition="x, voters 5")
        assert cluster.engine.publications[HERE].held == ""
        effects = cluster.later(3.0)
    assert [effect.publication.held for effect in effects if isinstance(effect, Publish)] == [
        "no quorum: only 2 of 5 nodes are heard and told the same of it"
    ]
    assert not cluster.status(HERE).pending


# When a node doubts itself.


def doubting(count, other):
    """A voter that sees two services down which a fellow voter and `other` nodes see up."""
    both = [f"s{number}.test" for number in range(99) if ME in chosen(f"s{number}.test", count)][:2]
    cluster = Cluster(
        *(service(fqdn, count) for fqdn in both), *(service(f"{THERE}.{n}", 1) for n in range(9))
    )
    for node in other(both):
        cluster.say(node, State.UP)
    effects = [effect for fqdn in both for effect in cluster.probe(fqdn, BAD, BAD)]
    return [effect for effect in effects if isinstance(effect, Abstained)]


def test_who_alone_sees_most_of_what_it_votes_on_down_abstains():
    assert doubting(3, lambda both: {*chosen(both[0]), *chosen(both[1])} - {ME})


def test_nobody_who_has_no_vote_can_make_a_node_doubt():
    assert not doubting(3, lambda both: {*NODES} - {*chosen(both[0]), *chosen(both[1])})


# When others are chosen.


def test_a_voter_that_is_one_no_longer_drops_its_vote_and_says_so():
    cluster, fqdn = Cluster(service(LOST)), LOST
    for node in NODES[1:]:
        cluster.say(node, State.UP)
    cluster.probe(fqdn, GOOD)
    effects = cluster.reseat(*WIDER)
    assert Voted(EndpointKey(fqdn, ADDRESS)) in effects
    assert decisions(effects) == []
    status = cluster.status(fqdn)
    assert (status.verdict, status.voted_here, status.last) == (State.UP, False, None)
    assert cluster.ballots(fqdn) == {}
    assert not [e for e in cluster.probe(fqdn, BAD, BAD) if isinstance(e, Voted)]
    assert cluster.ballots(fqdn) == {}


def test_a_new_voter_begins_without_an_opinion_and_the_verdict_stands():
    cluster, fqdn = Cluster(service(LOST), nodes=WIDER), LOST
    for node in chosen(fqdn, 3, WIDER):
        cluster.say(node, State.DOWN)
    assert cluster.status(fqdn).verdict is State.DOWN
    effects = cluster.reseat(*NODES)
    status = cluster.status(fqdn)
    assert status.voted_here
    assert decisions(effects) == []
    assert status.verdict is State.DOWN
    # Its peers agree that it is down, so one success is not enough to say otherwise.
    assert not [e for e in cluster.probe(fqdn, GOOD) if isinstance(e, Voted)]
    assert Voted(EndpointKey(fqdn, ADDRESS)) in cluster.probe(fqdn, GOOD)
    assert cluster.status(fqdn).verdict is State.DOWN


def test_another_number_of_voters_keeps_what_is_known_where_the_node_stays_one():
    cluster = Cluster(service(HERE, None))
    cluster.probe(HERE, GOOD)
    for node in chosen(HERE):
        if node != ME:
            cluster.say(node, State.UP)
    assert cluster.status(HERE).verdict is State.UP
    fewer = service(HERE, 3, definition="x, voters 3")
    effects = cluster.engine.handle(Reconfigured((fewer,)), cluster.now)
    assert decisions(effects) == []
    assert cluster.ballots(HERE) == {ADDRESS: Ballot(State.UP)}
    assert cluster.status(HERE).verdict is State.UP
    assert cluster.status(HERE).pending  # the others are told of it one after the other


def test_fewer_voters_take_the_vote_of_a_node_that_is_none_of_them():
    fqdn = first(lambda fqdn: ME in chosen(fqdn) and ME not in chosen(fqdn, 1))
    cluster = Cluster(service(fqdn))
    cluster.probe(fqdn, GOOD)
    effects = cluster.engine.handle(Reconfigured((service(fqdn, 1),)), cluster.now)
    assert Voted(EndpointKey(fqdn, ADDRESS)) in effects
    assert cluster.ballots(fqdn) == {}


def test_a_change_of_the_nodes_alone_removes_nothing():
    fqdn = first(lambda fqdn: chosen(fqdn, 1) == (ME,) and ME not in chosen(fqdn, 1, WIDER))
    cluster = Cluster(service(fqdn, 1, addresses=(ADDRESS, "192.0.2.2", "192.0.2.3")))
    for number in (1, 2, 3):
        cluster.probe(fqdn, *([BAD, BAD] if number == 3 else [GOOD]), address=f"192.0.2.{number}")
    effects = cluster.reseat(*WIDER)
    assert decisions(effects) == []
    shown = [effect.publication for effect in effects if isinstance(effect, Publish)][-1]
    assert [*shown.absent.values()] == [*shown.present.values()] == [frozenset()]


def test_who_abstains_does_not_say_so_where_it_does_not_vote():
    electorate = Electorate(ME, NODES, 4.0)
    electorate.configure({fqdn: service(fqdn) for fqdn in (HERE, THERE)})
    electorate.abstention.offline = "no link"
    electorate.recount(1, 0.0)
    assert electorate.ballots(EndpointKey(HERE, ADDRESS)) == {ME: Ballot(State.UNKNOWN, "no link")}
    assert electorate.ballots(EndpointKey(THERE, ADDRESS)) == {}


def test_before_anything_is_configured_everybody_would_vote():
    made = Voters(NODES)
    made.reseat(WIDER)
    assert made.of("a.test") == tuple(sorted(WIDER))
