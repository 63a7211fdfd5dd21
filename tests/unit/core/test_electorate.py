"""Which ballots count for an endpoint, who is configured differently, and when this node abstains."""

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from rrdnsd.core.effects import Abstained, Mismatched, PeerChanged
from rrdnsd.core.electorate import Electorate
from rrdnsd.core.model import Endpoint, EndpointKey, Service, State
from rrdnsd.core.quorum import Ballot
from rrdnsd.core.votes import ServiceVotes, Span, Statement, VoteTable, electorate_digest

ME, PEER, OTHER = NODES = ("10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1")
TTL = 4.0
HERE = electorate_digest(NODES)
WWW, API = "www.test", "api.test"
ADDRESSES = ("192.0.2.1", "192.0.2.2")
UP, DOWN, UNKNOWN = Ballot(State.UP), Ballot(State.DOWN, "refused"), Ballot(State.UNKNOWN)


def service(name, definition="x", addresses=ADDRESSES):
    endpoints = tuple(Endpoint(address) for address in addresses)
    return Service(name, "test", "default", 60, endpoints, definition=definition)


def electorate(*services, nodes=NODES):
    made = Electorate(ME, nodes, TTL)
    made.configure({s.fqdn: s for s in services or (service(WWW), service(API))})
    return made


@dataclass
class Peer:
    """A peer that says what it has to say, all of it or only what changed."""

    node: str
    table: VoteTable

    @classmethod
    def watching(cls, node, *services, ballots=None):
        made = cls(node, VoteTable())
        for s in services or (service(WWW), service(API)):
            made.table.put(ServiceVotes(s.fqdn, s.definition, dict(ballots or {})))
        return made

    def says(self, *names, at=0.0, **more):
        votes = tuple(self.table[name] for name in names)
        return Statement(self.node, at, more.pop("nodes", HERE), self.table.digest, votes, **more)

    def all(self, at=0.0, **more):
        return self.says(*sorted(self.table.services()), at=at, span=Span(), **more)


def hear(voters, statement, now=None):
    moment = statement.said_at if now is None else now
    _, effects = voters.hear(statement, moment)
    return effects + voters.recount(4, moment)


BALLOT = st.sampled_from([UP, DOWN, UNKNOWN])
VOTES = st.dictionaries(st.sampled_from(ADDRESSES), BALLOT)


@dataclass(frozen=True)
class Said:
    node: str
    age: float
    whole: bool
    alike: bool
    abstains: str
    definition: str
    votes: dict


SAID = st.builds(
    Said,
    st.sampled_from([PEER, OTHER]),
    st.floats(0, 6),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["", "", "", "no link"]),
    st.sampled_from(["x", "x", "y"]),
    VOTES,
)


@settings(max_examples=80)
@given(VOTES, st.sampled_from(["", "its own link"]), st.lists(SAID, max_size=6))
def test_the_ballots_that_count_are_those_of_a_plain_reading(own, offline, sayings):
    voters, now, last = electorate(service(WWW)), 100.0, {}
    for address, ballot in own.items():
        voters.vote(EndpointKey(WWW, address), ballot)
    voters.abstention.offline = offline
    for said in sayings:
        peer = Peer.watching(said.node, service(WWW, said.definition), ballots=said.votes)
        statement = peer.all(
            now - said.age, abstains=said.abstains, nodes=HERE if said.alike else "other nodes"
        )
        if not said.whole:
            statement = Statement(
                said.node,
                statement.said_at,
                statement.electorate,
                "0" * 32,
                statement.votes,
                Span(),
                said.abstains,
            )
        hear(voters, statement, now)
        if said.age <= TTL:
            last[said.node] = said
    voters.recount(2, now)
    for address in ADDRESSES:
        expected = {}
        if offline:
            expected[ME] = Ballot(State.UNKNOWN, offline)
        elif address in own:
            expected[ME] = own[address]
        for node, said in last.items():
            counts = said.whole and said.alike and not said.abstains and said.definition == "x"
            if counts and address in said.votes:
                expected[node] = said.votes[address]
        assert voters.ballots(EndpointKey(WWW, address)) == expected


def texts(effects):
    return {(e.service, e.text) for e in effects if isinstance(e, Mismatched)}


DIFFERENT = "it probes this service differently: its ballots do not count"


def test_a_service_that_is_asked_differently_shows_and_its_ballots_do_not_count():
    voters = electorate()
    peer = Peer.watching(PEER, service(WWW, "another"), service(API), ballots={ADDRESSES[0]: DOWN})
    assert texts(hear(voters, peer.all())) == {(WWW, DIFFERENT)}
    assert voters.mismatches == {(PEER, WWW): DIFFERENT}
    assert voters.ballots(EndpointKey(WWW, ADDRESSES[0])) == {}
    assert voters.ballots(EndpointKey(API, ADDRESSES[0])) == {PEER: DOWN}


def test_services_that_only_one_of_them_watches_show():
    voters = electorate()
    peer = Peer.watching(PEER, service(WWW), service("new.test"))
    assert texts(hear(voters, peer.all())) == {
        (API, "it does not watch this service"),
        ("new.test", "it watches this service, which is not configured here"),
    }


def test_other_nodes_show_and_no_ballot_counts():
    voters = electorate()
    peer = Peer.watching(PEER, ballots={ADDRESSES[0]: DOWN})
    effects = hear(voters, peer.all(nodes="of four nodes"))
    assert texts(effects) == {("", "it is configured with other nodes: its ballots do not count")}
    assert voters.ballots(EndpointKey(WWW, ADDRESSES[0])) == {}
    assert texts(hear(voters, peer.all(1.0))) == {("", "")}
    assert voters.mismatches == {}
    assert voters.ballots(EndpointKey(WWW, ADDRESSES[0])) == {PEER: DOWN}


def test_a_difference_is_told_once_and_not_taken_back_while_the_table_is_fetched_again():
    voters = electorate()
    peer = Peer.watching(PEER, service(WWW, "another"), service(API))
    hear(voters, peer.all())
    peer.table.cast(EndpointKey(API, ADDRESSES[0]), DOWN)
    assert texts(hear(voters, peer.says(at=1.0))) == set()  # the vote itself was lost
    assert voters.mismatches == {(PEER, WWW): DIFFERENT}
    assert texts(hear(voters, peer.all(2.0))) == set()
    assert texts(hear(voters, peer.all(3.0))) == set()


def test_a_peer_that_is_reconfigured_shows_although_its_first_message_tells_it_all():
    voters = electorate()
    peer = Peer.watching(PEER)
    hear(voters, peer.all())
    peer.table.put(ServiceVotes(WWW, "another", {ADDRESSES[0]: UP}))
    assert texts(hear(voters, peer.says(WWW, at=1.0))) == {(WWW, DIFFERENT)}
    peer.table.put(ServiceVotes(WWW, "x", {ADDRESSES[0]: UP}))
    assert texts(hear(voters, peer.says(WWW, at=2.0))) == {(WWW, "")}
    assert voters.mismatches == {}


def test_when_this_node_is_reconfigured_what_differs_is_told_anew():
    voters = electorate()
    hear(voters, Peer.watching(PEER, service(WWW, "another"), service(API)).all())
    alike = voters.configure({WWW: service(WWW, "another"), API: service(API)})
    assert texts(alike) == {(WWW, "")}
    assert texts(voters.configure({WWW: service(WWW, "another")})) == {
        (API, "it watches this service, which is not configured here")
    }


def test_a_new_configuration_keeps_the_votes_on_what_is_still_asked():
    voters = electorate()
    for address in ADDRESSES:
        voters.vote(EndpointKey(WWW, address), DOWN)
        voters.vote(EndpointKey(API, address), UP)
    voters.configure({WWW: service(WWW, addresses=ADDRESSES[:1]), API: service(API, "another")})
    assert voters.own[WWW].ballots == {ADDRESSES[0]: DOWN}
    assert (voters.own[API].definition, voters.own[API].ballots) == ("another", {})
    voters.configure({API: service(API)})
    assert [*voters.own.services()] == [API]


def peers_see_up(voters, at=0.0, abstains=""):
    up = dict.fromkeys(ADDRESSES, UP)
    return [
        e
        for node in (PEER, OTHER)
        for e in hear(voters, Peer.watching(node, ballots=up).all(at, abstains=abstains))
    ]


def fails(voters, now, *keys):
    for key in keys:
        voters.vote(key, DOWN)
        voters.compare([key], now)
    return voters.recount(4, now)


KEYS = [EndpointKey(name, address) for name in (WWW, API) for address in ADDRESSES]


def test_a_node_that_alone_sees_most_of_everything_down_abstains_and_says_so_once():
    voters = electorate()
    peers_see_up(voters)
    assert fails(voters, 0.0, *KEYS[:2]) == []
    told = fails(voters, 0.0, KEYS[2])
    assert told == [
        Abstained(
            "sees 3 of 4 endpoints of 2 services down that its peers see up: its own link may be at fault"
        )
    ]
    assert fails(voters, 0.0, KEYS[3]) == []
    assert voters.abstains.startswith("sees 4 of 4")
    assert voters.ballots(KEYS[0])[ME] == Ballot(State.UNKNOWN, voters.abstains)


def test_it_goes_on_abstaining_while_its_peers_abstain_as_well():
    voters = electorate()
    peers_see_up(voters)
    fails(voters, 0.0, *KEYS)
    peers_see_up(voters, 1.0, abstains="their own reasons")
    assert fails(voters, 1.0, *KEYS) == []


def test_it_votes_again_when_its_link_is_back_or_its_peers_agree():
    for back, peers_see in ((UP, UP), (DOWN, DOWN)):
        voters = electorate()
        peers_see_up(voters)
        fails(voters, 0.0, *KEYS)
        for node in (PEER, OTHER):
            hear(voters, Peer.watching(node, ballots=dict.fromkeys(ADDRESSES, peers_see)).all(1.0))
        for key in KEYS:
            voters.vote(key, back)
            voters.compare([key], 1.0)
        assert voters.recount(4, 1.0) == [Abstained("")]


def test_nobody_to_compare_with_is_no_reason_to_doubt():
    voters = electorate()
    assert fails(voters, 0.0, *KEYS) == []
    peers_see_up(voters, 0.0)
    fails(voters, 10.0, *KEYS)
    assert not voters.abstains


def test_a_node_alone_never_doubts_itself():
    voters = electorate(nodes=(ME,))
    assert fails(voters, 0.0, *KEYS) == []


def test_what_is_recanted_is_neither_voted_nor_held_against_this_node():
    voters = electorate()
    peers_see_up(voters)
    fails(voters, 0.0, *KEYS)
    voters.recant()
    assert voters.recount(4, 0.0) == [Abstained("")]
    assert all(not voters.own[name].ballots for name in (WWW, API))


def test_learning_ends_when_every_peer_is_heard():
    voters = electorate()
    voters.abstention.learning_until = 3.0
    assert [type(e) for e in voters.recount(4, 0.0)] == [Abstained]
    assert hear(voters, Peer.watching(PEER).all(1.0)) == [PeerChanged(PEER, True, "")]
    assert hear(voters, Peer.watching(OTHER).all(1.1)) == [PeerChanged(OTHER, True, ""), Abstained("")]


def test_learning_ends_in_time_when_a_peer_is_away():
    voters = electorate()
    voters.abstention.learning_until = 3.0
    voters.recount(4, 0.0)
    assert voters.recount(4, 2.9) == []
    assert voters.recount(4, 3.0) == [Abstained("")]


def test_it_says_why_a_peer_does_not_count():
    voters = electorate()
    peer = Peer.watching(PEER)
    assert hear(voters, peer.all()) == [PeerChanged(PEER, True, "")]
    reasons = []
    for statement, now in [
        (peer.all(1.0, abstains="no link"), 1.0),
        (peer.all(2.0), 2.0),
        (peer.all(3.0, nodes="others"), 3.0),
        (peer.all(4.0), 4.0),
        (Statement(PEER, 5.0, HERE, "0" * 32), 5.0),
        (peer.all(6.0), 6.0),
        (peer.all(0.0), 10.5),
    ]:
        reasons += [
            e.reason for e in hear(voters, statement, now) if isinstance(e, PeerChanged) and not e.counted
        ]
    assert reasons == [
        "it abstains: no link",
        "it is configured with other nodes",
        "its votes are being fetched again",
        "not heard for more than 4 s",
    ]


def test_it_listens_before_it_knows_what_to_vote_on():
    voters = Electorate(ME, NODES, TTL)
    touched, effects = voters.hear(Peer.watching(PEER, service(WWW), ballots={ADDRESSES[0]: UP}).all(), 0.0)
    assert not touched
    assert texts(effects) == {(WWW, "it watches this service, which is not configured here")}


def test_touched_is_what_is_voted_on_otherwise_and_is_configured_here():
    voters = electorate()
    peer = Peer.watching(PEER, service(WWW), service("new.test"), ballots={ADDRESSES[0]: UP})
    assert voters.hear(peer.says(WWW, "new.test"), 0.0)[0] == {WWW: [EndpointKey(WWW, ADDRESSES[0])]}
    assert voters.hear(peer.says(WWW, "new.test"), 1.0)[0] == {}


def test_a_service_that_a_peer_watches_no_longer_shows():
    voters = electorate()
    peer = Peer.watching(PEER)
    hear(voters, peer.all())
    peer.table.drop(API)
    assert texts(hear(voters, peer.all(1.0))) == {(API, "it does not watch this service")}


def test_what_is_configured_no_longer_is_not_held_against_this_node():
    voters = electorate()
    peers_see_up(voters)
    fails(voters, 0.0, *KEYS)
    voters.configure({API: service(API)})
    assert voters.abstention.lonely == set(KEYS[2:])
    voters.configure({API: service(API, addresses=ADDRESSES[:1])})
    assert voters.abstention.lonely == {KEYS[2]}


def test_in_another_list_of_nodes_it_is_compared_with_those_who_know_the_list():
    voters = electorate()
    for key in KEYS:
        voters.vote(key, DOWN)
    pair = NODES[:2]
    hear(voters, Peer.watching(PEER, ballots=dict.fromkeys(ADDRESSES, UP)).all(nodes=electorate_digest(pair)))
    assert not voters.abstention.lonely
    voters.reseat(pair, 1.0)
    assert voters.abstention.lonely == set(KEYS)


def test_of_two_nodes_one_can_be_lonely():
    voters = electorate(nodes=NODES[:2])
    up = dict.fromkeys(ADDRESSES, UP)
    hear(voters, Peer.watching(PEER, ballots=up).all(nodes=electorate_digest(NODES[:2])))
    assert [type(effect) for effect in fails(voters, 0.0, *KEYS)] == [Abstained]


def test_an_endpoint_that_is_up_takes_nothing_from_those_it_is_lonely_about():
    voters = electorate()
    peers_see_up(voters)
    fails(voters, 0.0, *KEYS[:3])
    voters.vote(KEYS[3], UP)
    voters.compare([KEYS[3]], 0.0)
    assert voters.recount(4, 0.0) == []
    assert voters.abstains.startswith("sees 3 of 4 endpoints of 2 services down")


def test_it_is_compared_with_peers_as_soon_as_they_count():
    voters = electorate()
    for key in KEYS:
        voters.vote(key, DOWN)
    assert [type(effect) for effect in peers_see_up(voters)] == [PeerChanged, Abstained, PeerChanged]


def test_who_recants_still_watches_the_same():
    voters = electorate()
    voters.recant()
    assert voters.own[WWW] == ServiceVotes(WWW, "x", {})


def test_a_peer_is_not_called_silent_in_the_last_moment_of_its_votes():
    voters = electorate()
    peer = Peer.watching(PEER)
    hear(voters, peer.all(1.0))
    assert hear(voters, peer.all(1.0, abstains="no link"), 1.0 + TTL) == [
        PeerChanged(PEER, counted=False, reason="it abstains: no link")
    ]


def test_only_those_endpoints_are_touched_on_which_it_votes_otherwise():
    voters = electorate()
    peer = Peer.watching(PEER, ballots=dict.fromkeys(ADDRESSES, UP))
    hear(voters, peer.all())
    other = EndpointKey(WWW, ADDRESSES[1])
    peer.table.cast(other, DOWN)
    assert voters.hear(peer.says(WWW, at=1.0), 1.0)[0] == {WWW: [other]}
    peer.table.put(ServiceVotes(WWW, "x", {ADDRESSES[0]: UP}))
    assert voters.hear(peer.says(WWW, at=2.0), 2.0)[0] == {WWW: [other]}
