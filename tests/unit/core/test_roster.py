"""Whose ballots count and who may write first, against plain readings of the rules."""

import hashlib
import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrdnsd.core.model import State
from rrdnsd.core.quorum import Ballot, quorum
from rrdnsd.core.roster import Roster
from rrdnsd.core.votes import ServiceVotes, Statement, VoteTable, electorate_digest

NODES = tuple(f"10.0.0.{number}:3333" for number in range(1, 6))
ME, *PEERS = NODES
TTL = 4.0
HERE = electorate_digest(NODES)
VOTES = ServiceVotes("www.test", "x", {"192.0.2.1": Ballot(State.UP)})


def table():
    made = VoteTable()
    made.put(VOTES)
    return made


def say(node, said_at, *, right=True, electorate=HERE, abstains="", votes=(VOTES,)):
    digest = table().digest if right else "0" * 32
    return Statement(node, said_at, electorate, digest, votes, abstains=abstains)


EVENT = st.one_of(
    st.tuples(st.just("wait"), st.floats(0, 5)),
    st.tuples(
        st.just("hear"),
        st.tuples(
            st.sampled_from(PEERS),
            st.floats(0, 6),
            st.booleans(),
            st.sampled_from([HERE, HERE, "other"]),
            st.sampled_from(["", "", "no link"]),
        ),
    ),
)


@given(st.lists(EVENT, max_size=30))
def test_a_peer_counts_while_everything_holds(events):
    roster, now, last = Roster(ME, NODES, TTL), 100.0, {}
    for what, value in events:
        if what == "wait":
            now += value
        else:
            node, age, right, electorate, abstains = value
            touched = roster.hear(
                say(node, now - age, right=right, electorate=electorate, abstains=abstains), now
            )
            assert touched == ({"www.test"} if age <= TTL else set())
            if age <= TTL:
                latest = max([now - age, *(at for at, *_ in [last[node]])]) if node in last else now - age
                last[node] = (latest, right, electorate, abstains)
        heard = {
            node
            for node, (at, right, electorate, _) in last.items()
            if now - at <= TTL and right and electorate == HERE
        }
        before = {node for node, peer in roster.peers.items() if peer.counted}
        changed = roster.recount(now)
        counted = {node for node, peer in roster.peers.items() if peer.counted}
        assert counted == {node for node in heard if not last[node][3]}
        assert set(changed) == before ^ counted
        assert roster.fresh_nodes(now) == 1 + len(heard)
        assert bool(roster.no_quorum(now)) == (1 + len(heard) < 3)


def test_it_says_how_many_nodes_are_heard():
    roster = Roster(ME, NODES, TTL)
    roster.hear(say(PEERS[0], 10.0), 10.0)
    assert roster.no_quorum(10.0) == "no quorum: only 2 of 5 nodes heard"
    roster.hear(say(PEERS[1], 10.0), 10.0)
    assert roster.no_quorum(10.0) == ""
    assert roster.no_quorum(14.1) == "no quorum: only 1 of 5 nodes heard"


def test_a_node_alone_is_its_own_quorum():
    roster = Roster(ME, (ME,), TTL)
    assert roster.no_quorum(0.0) == ""
    assert roster.rank("test", 0.0, abstaining=False) == 0


def test_a_stranger_is_not_listened_to():
    roster = Roster(ME, NODES, TTL)
    assert roster.hear(say("10.9.9.9:3333", 1.0), 1.0) == set()
    assert roster.hear(say(ME, 1.0), 1.0) == set()
    assert roster.fresh_nodes(1.0) == 1


def test_a_statement_from_before_does_not_make_a_peer_younger_nor_older():
    roster = Roster(ME, NODES, TTL)
    roster.hear(say(PEERS[0], 10.0), 10.0)
    roster.hear(say(PEERS[0], 8.0), 11.0)
    assert roster.peers[PEERS[0]].heard_at == 10.0


def test_to_forget_is_to_have_heard_nobody():
    roster = Roster(ME, NODES, TTL)
    for peer in PEERS:
        roster.hear(say(peer, 10.0), 10.0)
    roster.forget(10.5)
    assert roster.no_quorum(10.5) == "no quorum: only 1 of 5 nodes heard"
    assert not any(peer.ever_heard for peer in roster.peers.values())


def test_what_was_said_before_forgetting_is_not_heard_afterwards():
    roster = Roster(ME, NODES, TTL)
    roster.forget(10.5)
    roster.hear(say(PEERS[0], 10.4), 10.6)
    assert roster.fresh_nodes(10.6) == 1
    roster.hear(say(PEERS[0], 10.5), 10.6)
    assert roster.fresh_nodes(10.6) == 2


def order(subject, nodes):
    """Rendezvous hashing as the papers tell it: every node's weight for the subject, largest first."""
    return sorted(
        nodes,
        key=lambda node: hashlib.blake2b(f"{node}|{subject}".encode(), digest_size=8).digest(),
        reverse=True,
    )


@given(st.text(max_size=20), st.sets(st.sampled_from(NODES), min_size=1))
def test_every_live_node_has_its_own_place_and_all_agree(subject, live):
    ranks = {}
    for me in live:
        roster = Roster(me, NODES, TTL)
        for peer in live - {me}:
            roster.hear(say(peer, 10.0), 10.0)
        ranks[me] = roster.rank(subject, 10.0, abstaining=False)
    assert sorted(live, key=ranks.__getitem__) == order(subject, live)
    assert sorted(ranks.values()) == [*range(len(live))]


@given(st.text(max_size=20), st.sampled_from(NODES))
def test_when_a_node_goes_only_what_it_wrote_moves(subject, gone):
    first = order(subject, NODES)[0]
    after = order(subject, set(NODES) - {gone})[0]
    assert first in {after, gone}


def test_the_work_is_spread():
    firsts = Counter(order(f"zone-{number}.test@default 192.0.2.53:53", NODES)[0] for number in range(1000))
    assert min(firsts.values()) > 120


def test_who_abstains_comes_last_and_is_skipped_by_the_others():
    for subject, doubtful in itertools.product(("a.test", "b.test", "c.test"), NODES):
        others = [node for node in NODES if node != doubtful]
        for me in NODES:
            roster = Roster(me, NODES, TTL)
            for peer in set(NODES) - {me}:
                roster.hear(say(peer, 10.0, abstains="no link" if peer == doubtful else ""), 10.0)
            rank = roster.rank(subject, 10.0, abstaining=me == doubtful)
            assert rank == (4 if me == doubtful else order(subject, others).index(me))


@given(st.integers(1, 9))
def test_two_quorums_share_a_node(nodes):
    assert 2 * quorum(nodes) > nodes


@pytest.mark.parametrize("subject", ["a.test", "b.test"])
def test_the_writers_are_those_who_are_heard_and_do_not_abstain_in_their_order(subject):
    for doubtful, number in itertools.product(PEERS, range(len(PEERS) + 1)):
        roster, heard = Roster(ME, NODES, TTL), set(PEERS[:number])
        for peer in heard:
            roster.hear(say(peer, 10.0, abstains="no link" if peer == doubtful else ""), 10.0)
        able = heard - {doubtful}
        assert roster.writers(subject, 10.0 + TTL, abstaining=False) == order(subject, able | {ME})
        assert roster.writers(subject, 10.0 + TTL, abstaining=True) == [*order(subject, able), ME]
        assert roster.writers(subject, 10.1 + TTL, abstaining=False) == [ME]


def test_nobody_differs_of_whom_nothing_was_heard():
    roster = Roster(ME, NODES, TTL)
    roster.hear(say(PEERS[0], 10.0), 10.0)
    roster.reseat(NODES[:3])
    assert [peer.electorate_differs for peer in roster.peers.values()] == [True, False]


def test_it_knows_who_was_heard_when_it_looked_last():
    roster = Roster(ME, NODES, TTL)
    assert roster.heard == ()
    roster.hear(say(PEERS[1], 10.0, abstains="no link"), 10.0)
    assert roster.heard == ()
    roster.recount(10.0)
    assert roster.heard == (PEERS[1],)
