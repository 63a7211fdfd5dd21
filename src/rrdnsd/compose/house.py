"""Wires the running daemon: what decides, what probes, what writes, what keeps, and what operators talk to."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fastapi import FastAPI

from rrdnsd import __version__
from rrdnsd.compose import cluster, heartbeats, metrics, parts, store
from rrdnsd.compose.following import Following, fitting
from rrdnsd.compose.live import Live
from rrdnsd.compose.metrics import Machines
from rrdnsd.compose.probing import delivering, scheduling
from rrdnsd.compose.telling import announcer as telling
from rrdnsd.compose.wholeservices import whole_services
from rrdnsd.config import Config, host_port
from rrdnsd.config.loader import Loaded
from rrdnsd.config.socketpath import socket_path
from rrdnsd.core.engine import Engine, Timing
from rrdnsd.core.events import Reseated
from rrdnsd.core.ledger import Entry, Ledger
from rrdnsd.core.orders import changes
from rrdnsd.core.votes import Statement
from rrdnsd.daemon.announcing.announcer import Announcer
from rrdnsd.daemon.certificates import CertificateWatch
from rrdnsd.daemon.control.book import Book
from rrdnsd.daemon.control.chronicle import Chronicle
from rrdnsd.daemon.control.desk import Desk
from rrdnsd.daemon.control.enforcement import Enforcement
from rrdnsd.daemon.control.office import Office
from rrdnsd.daemon.control.pulse import Pulse
from rrdnsd.daemon.control.rounds import Rounds
from rrdnsd.daemon.lifecycle import Chore, started, watch
from rrdnsd.daemon.membership import Membership, open_membership
from rrdnsd.daemon.runtime import Runtime
from rrdnsd.daemon.wholeservice import WholeServices
from rrdnsd.peers.inbox import Inbox
from rrdnsd.peers.mesh import Mesh
from rrdnsd.store.membership import Membership as KeptMembership
from rrdnsd.store.room import Store
from rrdnsd.web.access import Access
from rrdnsd.web.api import add_api
from rrdnsd.web.app import create_app, without_pydantic_v1
from rrdnsd.web.dashboard import add_dashboard
from rrdnsd.web.heartbeat import add_heartbeat
from rrdnsd.web.metrics import add_metrics
from rrdnsd.web.quorum import add_quorum
from rrdnsd.web.server import listen, serving

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _House:
    """What is needed until the end."""

    office: Office
    live: Live
    following: Following
    inbox: Inbox
    mesh: Mesh
    machines: Machines
    announcer: Announcer


async def serve(loaded: Loaded, state: Path | None, env: Mapping[str, str]) -> None:
    """Run until SIGTERM or SIGINT.

    Raises:
        RrdnsdError: it cannot start.

    """
    kept = await store.opened(state)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(kept.close)
        house = await _built(loaded, state, kept)
        office = house.office
        stack.push_async_callback(house.live.close)
        servers = [server for group in house.live.built.values() for server in group]
        await stack.enter_async_context(started(servers))
        await stack.enter_async_context(_web(loaded, house, env))
        config = office.watched.config
        text = f"rrdnsd {__version__} is {config.local_node}; services: {len(config.services)}"
        log.info("[main] %s", text)
        office.chronicle.note("start", text)
        stack.push_async_callback(office.book.close)
        await watch(office.runtime, office.scheduler, house.live.jobs(), _chores(house))
        office.chronicle.note("stop", "stopping; the records stay as they are")


async def _built(loaded: Loaded, state: Path | None, kept: Store) -> _House:
    clock, config, me = asyncio.get_running_loop().time, loaded.config, loaded.config.local_node
    began = clock()
    ledger = Ledger()
    book = Book(ledger, kept.ledger, me, time.time)
    await book.load()
    membership = await open_membership(
        me,
        config.nodes,
        KeptMembership(kept.database),
        clock,
        durable=state is not None,
        vote_ttl=config.vote_ttl_ms / 1000,
    )
    found = fitting(loaded, changes(ledger), membership.configured)
    config = found.config
    timing = Timing(vote_ttl=config.vote_ttl_ms / 1000, learn=3 * config.heartbeat_ms / 1000)
    services = parts.core_services(config, found.changes)
    runtime = Runtime(Engine(me, membership.nodes, services, began, timing), clock, ledger)
    machines = metrics.machines(config, lambda: scheduler)
    certificates = CertificateWatch(
        lambda key, said: chronicle.note("certificate", said, key.service, key.address)
    )
    takers = [kept.recorder.note, certificates.note, *machines.takers]
    scheduler = scheduling(store.noting(takers, delivering(config, runtime)))
    live = Live(
        config, found.changes, runtime, scheduler, parts.providers(config, state, found.changes), state
    )
    voice = cluster.EngineVoice(runtime.engine, live.served, ledger)
    mesh = cluster.mesh(config, membership, voice, clock)
    runtime.attach(scheduler, parts.keepers(config, live.built, runtime, found.changes), mesh)
    announcer = telling(config, state, runtime, clock, mesh.told)
    pulse, chronicle = Pulse(int(time.time() * 1000)), Chronicle(kept.events, me)
    digests: dict[str, str] = {}

    def heard(statement: Statement) -> None:
        announcer.heard(statement.told)
        heartbeats.hear(live.board, runtime, statement)
        machines.tally.message(statement.node)
        differs = digests.get(statement.node) != statement.ledger
        digests[statement.node] = statement.ledger
        if differs or statement.votes or statement.span:
            pulse.beat()

    inbox = cluster.inbox(config, membership, runtime, voice, clock, heard)

    def changed() -> None:
        kept.recorder.keep_only(runtime.engine.endpoints)
        machines.tally.keep_only(runtime.engine.services)
        certificates.keep_only(frozenset(runtime.engine.endpoints))
        pulse.beat()

    following = Following(loaded, live, ledger, lambda: membership.configured, found.left_out, changed)
    office = Office(
        node=me,
        runtime=runtime,
        scheduler=scheduler,
        store=kept,
        book=book,
        chronicle=chronicle,
        enforcement=Enforcement(ledger, runtime, chronicle, following.follow, clock, time.time),
        pulse=pulse,
        watched=following,
        membership=membership,
        transport=mesh,
        refused=inbox.refusals.counts,
        clock=clock,
        began=began,
        durable=state is not None,
        digests=digests,
    )
    house = _House(office, live, following, inbox, mesh, machines, announcer)
    _connect(house)
    return house


def _connect(house: _House) -> None:
    """Let the parts hear of each other; orders that stand are known before anything is decided."""
    office = house.office
    runtime, book, enforcement, mesh = office.runtime, office.book, office.enforcement, house.mesh

    def take(entries: Sequence[Entry], node: str) -> None:
        news = book.take(entries)
        if news:
            enforcement.enforce(news)
            mesh.ordered([entry.key for entry in news], known_to=node)
            office.pulse.beat()

    def late(news: Sequence[Entry]) -> None:
        enforcement.enforce(news)
        mesh.ordered([entry.key for entry in news])
        office.pulse.beat()

    def chosen(nodes: tuple[str, ...], _version: int) -> None:
        runtime.handle(Reseated(nodes))
        mesh.reseat(nodes)
        house.inbox.reseat(nodes)
        house.following.follow()
        office.pulse.beat()

    runtime.on_entries = take
    book.taken = late
    runtime.witness(office.chronicle.see)
    runtime.witness(store.verdicts(office.store.recorder))
    runtime.witness(metrics.seeing(house.machines.tally))
    runtime.witness(house.announcer.see)
    runtime.witness(lambda _: office.pulse.beat())
    office.membership.attach(chosen, mesh.nudge)
    enforcement.decide()


def _chores(house: _House) -> dict[str, Chore]:
    office = house.office
    return {
        "writing the store": office.store.run,
        "saving orders of peers": office.book.run,
        "following changes of services": house.following.run,
        "agreeing on nodes": office.membership.run,
        "looking round": Rounds(office).run,
        "checking whole services": _whole_services(house).run,
        "telling people": house.announcer.run,
        **house.machines.chores(),
    }


def _whole_services(house: _House) -> WholeServices:
    office = house.office

    def tell(fqdn: str, said: str) -> None:
        office.chronicle.note("service_check", said, fqdn)
        office.pulse.beat()

    return whole_services(lambda: house.following.config, house.live.built, tell, office.checks)


def _web(loaded: Loaded, house: _House, env: Mapping[str, str]) -> AbstractAsyncContextManager[None]:
    """Return what serves `local_node`: nothing where neither the API nor peers need it."""
    config, office = loaded.config, house.office
    # A node without a secret can never get peers, so nobody needs to reach it as one.
    alone = len(office.membership.nodes) == 1 and not config.cluster_secret and config.tls is None
    if alone and not config.api.enabled and not heartbeats.is_used(config):
        return nullcontext()
    with without_pydantic_v1():
        app = _app(config, house, alone=alone)
    local = socket_path(config.api.socket, env) if config.api.enabled else None
    sock = listen(*host_port(config.local_node))
    return serving(app, sock, cluster.server_tls(config), local=local, is_node=_is_node(office.membership))


def _app(config: Config, house: _House, *, alone: bool) -> FastAPI:
    office = house.office
    access = Access(config.api.tokens, config.api.anonymous_read, config.api.allowed_hosts)
    app = create_app(access if config.api.enabled else None)
    if config.api.enabled:
        desk = Desk(office)
        add_api(app, desk)
        add_dashboard(app, desk, access)
        add_metrics(app, house.machines.exposition(office, house.announcer.channels).text)
    if not alone:
        add_quorum(app, house.inbox, needs_certificate=cluster.needs_certificate(config))
    secret_of = partial(heartbeats.secret_of, lambda: house.following.config)
    add_heartbeat(app, secret_of, heartbeats.taking(house.live.board, office.runtime, house.mesh.called))
    return app


def _is_node(membership: Membership) -> Callable[[str], bool]:
    return lambda host: any(host_port(node)[0] == host for node in membership.nodes)
