"""What is shown of a service on which only some of the nodes vote, by one that does and by one that does not."""

from itertools import islice

import pytest

from rrdnsd.core.rendezvous import weight
from rrdnsd.core.voters import voters
from rrdnsd.daemon.control.explain import explain
from rrdnsd.daemon.control.ready import ready_report
from rrdnsd.daemon.control.status import status_report
from support.names import NAME
from support.scenes import ME, ONE, THREE, TWO, Stage


@pytest.fixture
def stage(tmp_path):
    """All voters see all of it up but TWO, and the nodes are called so that this node votes or does not."""

    def made(*, votes_here):
        mine = weight(ME, f"voters {NAME}")
        others = (f"10.0.{site}.{n}:3333" for site in range(1, 9) for n in range(200))
        rivals = (node for node in others if (weight(node, f"voters {NAME}") < mine) is votes_here)
        nodes = (ME, *sorted(islice(rivals, 4)))
        played = Stage(tmp_path, nodes=nodes, voters=3, insecure_cluster=True).later(16.0)
        for node in nodes[1:]:
            played.hear(node, nodes, n1="up", n2="down", n3="up")
        if votes_here:
            played.probe(ONE).probe(THREE).probe(TWO, ok=False)
        return played, voters(NAME, nodes, 3)

    return made


def test_who_votes_is_shown_and_nobody_else(stage):
    played, voting = stage(votes_here=False)
    (service,) = status_report(played.scene()).services
    assert service.voters == [*voting]
    endpoint = service.endpoints[1]
    assert [(vote.node, vote.state, vote.counted) for vote in endpoint.votes] == [
        (node, "down", True) for node in voting
    ]
    assert (endpoint.state, endpoint.reason) == ("down", "down: 3 of 3 voters report timeout")
    assert (endpoint.probe, endpoint.probe_ok, endpoint.latency_ms) == ("", None, None)


def test_a_node_without_a_vote_is_ready_and_says_why_it_does_not_probe(stage):
    played, voting = stage(votes_here=False)
    assert ready_report(played.scene(), "").ready
    found = explain(played.scene(), NAME, TWO)
    assert found.addresses[0].steps[0] == "probe: none, this node is not one of its voters"
    assert f"a verdict needs 2 of 3 voters: {voting[0]}, {voting[1]} and {voting[2]}" in found.thresholds


def test_a_voter_shows_its_own_view_first(stage):
    played, voting = stage(votes_here=True)
    (service,) = status_report(played.scene()).services
    assert service.voters == [*voting]
    endpoint = service.endpoints[1]
    assert {vote.node for vote in endpoint.votes} == {*voting}
    assert (endpoint.votes[0].node, endpoint.votes[0].reason) == (ME, "connection refused")
    assert endpoint.probe == "connection refused"
    assert explain(played.scene(), NAME, TWO).addresses[0].steps[0].startswith("probe: connection refused")
