"""Bugs put in on purpose: each is one small patch of real code, and the seed of a run that catches it."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from functools import partial
from unittest.mock import patch

from rrdnsd.core import (
    agreement,
    counting,
    ledger,
    membership,
    override,
    plan,
    publish,
    publishing,
    quorum,
    voters,
)
from rrdnsd.core.electorate import Electorate
from rrdnsd.core.engine import Engine
from rrdnsd.core.events import Ticked
from rrdnsd.core.ledger import Ledger, Stamp
from rrdnsd.core.roster import Peer, Roster
from rrdnsd.daemon.control.book import Book
from rrdnsd.daemon.runtime import Runtime
from rrdnsd.peers.courier import Courier
from rrdnsd.peers.inbox import Inbox
from rrdnsd.peers.mesh import Mesh
from rrdnsd.providers import message
from simulation import node as process
from simulation.world import simulate

Patch = Callable[[], AbstractContextManager[object]]


@dataclass(frozen=True)
class Mutant:
    """One bug: what is wrong with it, how to put it in, and a seed that finds it."""

    name: str
    what: str
    patches: tuple[Patch, ...]
    seed: int

    def planted(self) -> ExitStack:
        """Have the bug in the code while the block runs."""
        stack = ExitStack()
        for made in self.patches:
            stack.enter_context(made())
        return stack


def first_seed(mutant: Mutant, limit: int = 2000) -> int | None:
    """Look for the first run that catches the bug: for when the simulated world itself has changed."""
    with mutant.planted():
        return next((seed for seed in range(1, limit) if simulate(seed).violation), None)


def _decide_by_those_heard(ballots, nodes, real=quorum.decide):
    return real(ballots, min(nodes, max(1, len(ballots))))


def _fresh_for_ever(self, _now, _vote_ttl):
    return self.in_step and not self.electorate_differs


def _made_just_now(self, _request):
    return self._clock()


def _always_in_step(self, statement, now, real=Roster.hear):
    touched = real(self, statement, now)
    if statement.node in self._peers:
        self._peers[statement.node].in_step = True
    return touched


def _never_pending(status, orders, now, real=publishing.effective):
    return replace(real(status, orders, now), pending=False)


def _only_healthy(tiers, up, min_up, _last_resort):
    return next((tier & up for tier in tiers if len(tier & up) >= min_up), up)


def _without_floor(publication, key, existing, tolerated, real=plan._rrset_change):
    may_go = publication.drained | publication.absent[key]
    return real(replace(publication, drained=may_go), key, existing, tolerated)


def _count_at_once(self, keys, services, now):
    self.electorate.compare(keys, now)
    effects = [e for key in keys for e in self._count(key.service, [self.endpoints[key]], now)[0]]
    return effects + self._publish(services, services, now)


def _any_question(_self, peer, service):
    return peer.table.get(service)


def _whatever_comes_last(self, entries, real=Ledger.merge):
    entries = [entry for entry in entries if self._entries.get(entry.key) != entry]
    for entry in entries:
        if entry.key in self._entries:
            self._sum -= ledger._hash(self._entries.pop(entry.key))
    return real(self, entries)


def _time_of_day(_self, node, wall_ms):
    return Stamp(wall_ms, 0, node)


def _known_when_sent(self, real=Courier.pick):
    chosen = real(self)
    self._drop(chosen, again=False)
    return chosen


async def _not_saved(self, entries, _audit):
    self.take(entries)
    return True


async def _a_beat_later(self, wake, _until, real=Mesh._wait):
    await real(self, wake, asyncio.get_running_loop().time() + self._heartbeat)


def _forgetful(file, _kept, real=membership.begin):
    return real(file, None)


def _whatever_list(self, now, vote_ttl):
    return self.in_step and now - self.heard_at <= vote_ttl


def _narrowed(self, fqdn, statuses, now, voters_of, real=Engine._count):
    """Count as if the voters of a service that has not all nodes for voters were those that `voters_of` returns."""
    known, roster = self.electorate.voters, self.electorate.roster
    if known.are_all(fqdn):
        return real(self, fqdn, statuses, now)
    heard = [node for node in roster.nodes if node == roster.me or roster.peers[node].counted]
    with patch.dict(known._chosen, {fqdn: voters_of(self.services[fqdn], known, heard)}):
        return real(self, fqdn, statuses, now)


def _count_the_voters_heard(self, fqdn, statuses, now):
    def voters_of(service, known, heard):
        return tuple(node for node in known.of(service.fqdn) if node in heard)

    return _narrowed(self, fqdn, statuses, now, voters_of)


def _choose_from_those_heard(self, fqdn, statuses, now):
    def voters_of(service, _known, heard):
        return voters.voters(service.fqdn, heard, service.voters)

    return _narrowed(self, fqdn, statuses, now, voters_of)


def _certain_of_nothing(self, _services=()):
    self.handle(Ticked())


def _keep_the_vote(self, nodes, now, real=Electorate.reseat):
    with patch.object(self, "votes_on", lambda _service: True):
        return real(self, nodes, now)


def _everybody_probes(_service, nodes, _count):
    return tuple(sorted(nodes))


MUTANTS = (
    Mutant(
        "quorum of the nodes that are heard",
        "counts a majority of the ballots at hand instead of the configured nodes",
        (
            partial(patch.object, counting.quorum, "decide", _decide_by_those_heard),
            partial(patch.object, Roster, "no_quorum", lambda _self, _now: ""),
        ),
        1,
    ),
    Mutant(
        "votes live for ever",
        "a node that is not heard any more keeps its vote",
        (partial(patch.object, Peer, "fresh", _fresh_for_ever),),
        6,
    ),
    Mutant(
        "every message is new",
        "a delayed message, or one read after a freeze, counts as said now",
        (partial(patch.object, Inbox, "_said_at", _made_just_now),),
        6,
    ),
    Mutant(
        "a table that differs is believed",
        "ballots count although a change of them was lost on the way",
        (partial(patch.object, Roster, "hear", _always_in_step),),
        15,
    ),
    Mutant(
        "nothing is pending",
        "acts on the last verdict although no quorum stands behind it any more",
        (partial(patch.object, publishing, "effective", _never_pending),),
        6,
    ),
    Mutant(
        "writes before it knows",
        "publishes before every endpoint has a first verdict",
        (partial(patch.object, publish, "_unverified", lambda _service, _states: ""),),
        5,
    ),
    Mutant(
        "health may empty a name",
        "publishes the healthy endpoints and nothing else, without the floors",
        (
            partial(patch.object, publish, "_choose", _only_healthy),
            partial(patch.object, plan, "_rrset_change", _without_floor),
        ),
        2,
    ),
    Mutant(
        "nobody waits for a turn",
        "every node writes at once",
        (partial(patch.object, Runtime, "rank", lambda _self, _subject: 0),),
        10,
    ),
    Mutant(
        "another question is as good",
        "ballots count although their node was told to probe something else",
        (partial(patch.object, Electorate, "_answers", _any_question),),
        15,
    ),
    Mutant(
        "no prerequisites",
        "an update replaces whatever is there by now",
        (partial(patch.object, message, "_prerequisites", lambda _owner, _change: []),),
        5,
    ),
    Mutant(
        "it counts before it settles who counts",
        "votes are counted before the word of their node that it abstains",
        (partial(patch.object, Engine, "_decide", _count_at_once),),
        547,
    ),
    Mutant(
        "the floor is counted without DNS",
        "an endpoint without a quorum counts as served although another node took it out",
        (partial(patch.object, plan, "_above_floor", lambda publication, _view: publication),),
        127,
    ),
    Mutant(
        "silence delays the next word",
        "after a message without an answer a node waits a whole heartbeat more",
        (partial(patch.object, Mesh, "_wait", _a_beat_later),),
        49,
    ),
    Mutant(
        "the order that comes last counts",
        "an entry replaces the one that is there whatever their stamps say",
        (partial(patch.object, Ledger, "merge", _whatever_comes_last),),
        1,
    ),
    Mutant(
        "orders are stamped with the time of day",
        "a node whose clock is behind gives an order that counts less than the one it replaces",
        (partial(patch.object, Ledger, "stamp", _time_of_day),),
        1,
    ),
    Mutant(
        "orders are confirmed when they are sent",
        "what is on its way counts as known, and what is lost on the way is not sent again",
        (partial(patch.object, Courier, "pick", _known_when_sent),),
        8,
    ),
    Mutant(
        "ledgers that differ are left so",
        "a peer that was killed before it had saved an order does not get it again",
        (partial(patch.object, Courier, "_push_all", lambda _self: False),),
        8,
    ),
    Mutant(
        "an order is saved after it is acknowledged",
        "a node that is killed then has lost what it has confirmed",
        (partial(patch.object, Book, "write", _not_saved),),
        126,
    ),
    Mutant(
        "drained is as good as healthy",
        "an order to drain reaches every node and changes nothing",
        (partial(patch.object, override, "effective", lambda observed, _key, _orders, _now: observed),),
        8,
    ),
    Mutant(
        "what is agreed about nodes is forgotten at a restart",
        "a node that is started anew goes by its file, and has promised nothing",
        (partial(patch.object, membership, "begin", _forgetful),),
        76,
    ),
    Mutant(
        "half of the nodes may change the list",
        "of two orders at once each finds nodes enough that agree",
        (partial(patch.object, agreement, "quorum", lambda nodes: max(1, nodes // 2)),),
        300,
    ),
    Mutant(
        "a removed node counts itself",
        "it goes on with what it hears from those who do not know it any more",
        (partial(patch.object, Roster, "removed", property(lambda _self: False)),),
        652,
    ),
    Mutant(
        "ballots from another list count",
        "while a change of nodes spreads, nodes that do not know it yet are counted with those that do",
        (partial(patch.object, Peer, "fresh", _whatever_list),),
        12,
    ),
    Mutant(
        "quorum of the voters that are heard",
        "counts a majority of the service's voters that can be heard instead of all of them",
        (partial(patch.object, Engine, "_count", _count_the_voters_heard),),
        13,
    ),
    Mutant(
        "each node chooses voters of the nodes it hears",
        "two groups that cannot hear each other each choose voters of their own",
        (partial(patch.object, Engine, "_count", _choose_from_those_heard),),
        20,
    ),
    Mutant(
        "a node that is not asked votes",
        "it probes every service and counts its own ballot",
        (
            partial(patch.object, process, "voters", _everybody_probes),
            partial(patch.object, Electorate, "votes_on", lambda _self, _service: True),
        ),
        4,
    ),
    Mutant(
        "ballots of nodes that are not asked count",
        "whoever says something about a service is counted",
        (
            partial(patch.object, process, "voters", _everybody_probes),
            partial(patch.object, Electorate, "votes_on", lambda _self, _service: True),
            partial(patch.object, Electorate, "voting", lambda self, _service: self.roster.peers.items()),
        ),
        4,
    ),
    Mutant(
        "a vote outlives its seat",
        "a node that is no voter any more, because others came, goes on with the vote it had",
        (partial(patch.object, Electorate, "reseat", _keep_the_vote),),
        20,
    ),
    Mutant(
        "each number of voters has its quorum",
        "while files are changed, the voters of the old and of the new number each write what they see",
        (partial(patch.object, Electorate, "no_accord", lambda _self, _service, _now: ""),),
        365,
    ),
    Mutant(
        "what is not counted again yet is written",
        "while a node counts all ballots anew, it goes on with what it decided by those of before",
        (partial(patch.object, Runtime, "catch_up", _certain_of_nothing),),
        111,
    ),
)
