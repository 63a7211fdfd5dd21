"""Each voter's vote on the endpoints of a service, those that do not count included, with why not."""

from collections.abc import Callable

from rrdnsd.control.reports import VoteReport
from rrdnsd.core.model import State
from rrdnsd.core.quorum import Ballot
from rrdnsd.core.roster import Peer
from rrdnsd.daemon.control.scene import Scene
from rrdnsd.daemon.control.words import span

Vote = Callable[[str], VoteReport]
"""Tells a node's vote on an address."""


def votes(scene: Scene, service: str) -> dict[str, list[VoteReport]]:
    """Return the votes of all voters by address, this node's first if it is one of them."""
    electorate = scene.engine.electorate
    voting = [_own(scene, service)] if electorate.votes_on(service) else []
    voting += [_theirs(scene, service, node, peer) for node, peer in electorate.voting(service)]
    endpoints = scene.engine.services[service].endpoints
    return {e.address: [vote(e.address) for vote in voting] for e in endpoints}


def _own(scene: Scene, service: str) -> Vote:
    electorate = scene.engine.electorate
    me, abstains = electorate.roster.me, electorate.abstains
    ballots = electorate.own[service].ballots

    def vote(address: str) -> VoteReport:
        ballot = ballots.get(address)
        if ballot is None or ballot.state is State.UNKNOWN:
            return VoteReport(me, str(State.UNKNOWN), abstains or "it has not decided yet", counted=False)
        return VoteReport(me, str(ballot.state), abstains or ballot.reason, counted=not abstains)

    return vote


def _theirs(scene: Scene, service: str, node: str, peer: Peer) -> Vote:
    votes = peer.table.get(service)
    differs = votes is not None and votes.definition != scene.engine.services[service].definition
    ballots = votes.ballots if votes else {}
    trouble = "" if peer.counted else why_not(scene, peer)
    if differs:
        trouble = trouble or "it probes this service differently"
    elif votes is None:
        trouble = trouble or "it does not watch this service"

    def vote(address: str) -> VoteReport:
        ballot = ballots.get(address, Ballot(State.UNKNOWN))
        counted = not trouble and ballot.state is not State.UNKNOWN
        reason = trouble or ballot.reason
        if not counted and not reason:
            reason = "it has not decided yet"
        return VoteReport(node, str(ballot.state), reason, counted)

    return vote


def why_not(scene: Scene, peer: Peer) -> str:
    """Say why the ballots of a peer do not count."""
    if not peer.ever_heard:
        return "it is not heard"
    silent = scene.now - peer.heard_at
    if silent > scene.engine.electorate.roster.vote_ttl:
        return f"it was not heard for {span(silent)}"
    if peer.electorate_differs:
        return "it is configured with other nodes"
    return f"it abstains: {peer.abstains}" if peer.abstains else "its votes are being fetched again"
