"""Another list of nodes while the engine runs: who counts, what is a quorum, and a node that is no longer in it."""

from rrdnsd.core.effects import Mismatched, PeerChanged, Publish, Transition
from rrdnsd.core.engine import Engine, Timing
from rrdnsd.core.events import Heard, Probed, Reseated, Ticked
from rrdnsd.core.model import Endpoint, EndpointKey, ProbeResult, Service, State, Timings
from rrdnsd.core.quorum import Ballot
from rrdnsd.core.votes import ServiceVotes, Statement, VoteTable, electorate_digest

A, B, C, D = (f"10.0.0.{number}:3333" for number in range(1, 5))
KEY = EndpointKey("www.test", "192.0.2.1")
SERVICE = Service("www.test", "test", "default", 30, (Endpoint(KEY.address),), definition="x")
GOOD = ProbeResult(True, "", Timings(0.01))
BAD = ProbeResult(False, "connection refused", Timings(0.01))


class Cluster:
    """One engine, and peers that say what a test lets them say."""

    def __init__(self, nodes):
        self.now = 100.0
        self.engine = Engine(A, nodes, (SERVICE,), self.now, Timing(vote_ttl=4.0, learn=0.0))

    def say(self, node, state, nodes):
        self.now += 0.01
        votes = ServiceVotes("www.test", "x", {KEY.address: Ballot(state)})
        table = VoteTable()
        table.put(votes)
        said = Statement(node, self.now, electorate_digest(nodes), table.digest, (votes,))
        return self.engine.handle(Heard(said), self.now)

    def probe(self, *results):
        effects = []
        for result in results:
            self.now += 0.01
            effects += self.engine.handle(Probed([(KEY, result)]), self.now)
        return effects

    def reseat(self, *nodes):
        return self.engine.handle(Reseated(nodes), self.now)

    @property
    def status(self):
        return self.engine.endpoints[KEY]

    @property
    def held(self):
        return self.engine.publications["www.test"].held


def agreed(nodes=(A, B, C)):
    cluster = Cluster(nodes)
    cluster.probe(GOOD)
    for node in nodes[1:]:
        cluster.say(node, State.UP, nodes)
    assert (cluster.status.verdict, cluster.status.pending, cluster.held) == (State.UP, False, "")
    return cluster


def test_a_node_more_raises_the_quorum_and_old_digests_do_not_count():
    cluster = agreed()
    effects = cluster.reseat(A, B, C, D)
    assert cluster.held == "no quorum: only 1 of 4 nodes heard"
    assert cluster.status.pending
    assert cluster.status.verdict is State.UP
    assert [e.node for e in effects if isinstance(e, PeerChanged) and not e.counted] == [B, C]
    cluster.say(B, State.UP, (A, B, C, D))
    assert cluster.held == "no quorum: only 2 of 4 nodes heard"
    cluster.say(C, State.UP, (A, B, C, D))
    assert cluster.held == ""
    assert not cluster.status.pending


def test_a_peer_that_was_there_before_us_counts_at_once():
    cluster = agreed()
    cluster.say(B, State.UP, (A, B, C, D))
    assert cluster.engine.electorate.mismatches == {
        (B, ""): "it is configured with other nodes: its ballots do not count"
    }
    effects = cluster.reseat(A, B, C, D)
    assert Mismatched(B, "", "") in effects
    assert cluster.engine.electorate.ballots(KEY).keys() == {A, B}


def test_a_removed_peer_counts_no_longer_and_its_differences_are_gone():
    cluster = agreed()
    effects = cluster.reseat(A, B)
    assert PeerChanged(C, counted=False, reason="it was removed from the cluster") in effects
    assert cluster.engine.electorate.roster.peers.keys() == {B}
    assert Mismatched(B, "", "it is configured with other nodes: its ballots do not count") in effects
    cluster.say(C, State.DOWN, (A, B, C))
    effects = cluster.reseat(A)
    assert Mismatched(B, "", "") in effects
    assert cluster.engine.electorate.mismatches == {}
    assert cluster.held == ""


def test_votes_of_the_old_list_decide_nothing_in_the_new_one():
    cluster = agreed()
    cluster.probe(BAD, BAD)
    assert cluster.status.verdict is State.UP
    cluster.say(C, State.DOWN, (A, B))  # it knows the new list already, but is not in it
    effects = cluster.reseat(A, B)
    assert not [effect for effect in effects if isinstance(effect, Transition)]
    assert cluster.status.verdict is State.UP
    cluster.say(B, State.DOWN, (A, B))
    assert cluster.status.verdict is State.DOWN


def test_a_node_that_was_removed_writes_nothing_and_says_why():
    cluster = agreed()
    effects = cluster.reseat(B, C)
    assert [e.publication.held for e in effects if isinstance(e, Publish)] == [
        f"this node was removed from the cluster, which is {B}, {C} now: stop it"
    ]
    assert A not in cluster.engine.electorate.ballots(KEY)
    for node in (B, C):
        cluster.say(node, State.UP, (B, C))
    assert cluster.held.startswith("this node was removed")
    cluster.reseat(A, B, C)
    for node in (B, C):
        cluster.say(node, State.UP, (A, B, C))
    assert cluster.held == ""


def test_who_is_alone_afterwards_is_its_own_quorum_and_not_lonely():
    cluster = agreed((A, B))
    cluster.probe(BAD, BAD)
    cluster.engine.electorate.abstention.mark(KEY, lonely=True)
    cluster.reseat(A)
    assert not cluster.engine.electorate.abstention.lonely
    cluster.engine.handle(Ticked(), cluster.now)
    assert (cluster.status.verdict, cluster.held) == (State.DOWN, "")


def test_the_roster_keeps_what_is_known_of_those_that_stay():
    cluster = agreed()
    roster = cluster.engine.electorate.roster
    before = roster.peers[B]
    cluster.reseat(A, B, D)
    assert roster.peers[B] is before
    assert not roster.peers[D].ever_heard
    assert roster.electorate == electorate_digest((A, B, D))
    assert roster.nodes == (A, B, D)
