"""Wires the running daemon: what decides, what probes, what writes, what keeps, and what operators talk to."""

import asyncio
import logging
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path

from rrdnsd import __version__
from rrdnsd.compose import cluster, heartbeats, metrics, parts, store
from rrdnsd.compose.answering import Doors, answering
from rrdnsd.compose.following import Following, fitting
from rrdnsd.compose.live import Live, Refuse
from rrdnsd.compose.managing import service_manager
from rrdnsd.compose.metrics import Machines
from rrdnsd.compose.probing import Delivering, scheduling
from rrdnsd.compose.reloading import Reloading, catch_up
from rrdnsd.compose.telling import Telling
from rrdnsd.compose.wholeservices import whole_services
from rrdnsd.config import Config
from rrdnsd.config.loader import Loaded
from rrdnsd.core.engine import Engine, Timing
from rrdnsd.core.events import Reseated
from rrdnsd.core.ledger import Entry, Ledger
from rrdnsd.core.orders import changes
from rrdnsd.core.votes import Statement
from rrdnsd.daemon import journal
from rrdnsd.daemon.announcing.announcer import Announcer
from rrdnsd.daemon.certificates import CertificateWatch
from rrdnsd.daemon.control.book import Book
from rrdnsd.daemon.control.chronicle import Chronicle
from rrdnsd.daemon.control.enforcement import Enforcement
from rrdnsd.daemon.control.office import Office
from rrdnsd.daemon.control.pulse import Pulse
from rrdnsd.daemon.control.rounds import Rounds
from rrdnsd.daemon.lifecycle import Chore, started, watch
from rrdnsd.daemon.manager.telling import ServiceManager
from rrdnsd.daemon.membership import open_membership
from rrdnsd.daemon.memory import Memory, unexpected
from rrdnsd.daemon.reload import ConfigurationFile
from rrdnsd.daemon.runtime import Runtime
from rrdnsd.daemon.wholeservice import WholeServices
from rrdnsd.peers.inbox import Inbox
from rrdnsd.peers.mesh import Mesh
from rrdnsd.store.listed import Listed
from rrdnsd.store.membership import Membership as KeptMembership
from rrdnsd.store.room import Store
from rrdnsd.web import lean

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
    manager: ServiceManager


async def serve(
    loaded: Loaded, state: Path | None, env: Mapping[str, str], refuse: Refuse, file: ConfigurationFile
) -> None:
    """Run until SIGTERM or SIGINT. `refuse` refuses configurations that need what this process may not do.

    Raises:
        RrdnsdError: it cannot start.

    """
    kept = await store.opened(state)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(kept.close)
        house = await _built(loaded, state, kept, env, file)
        office = house.office
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, file.wish)
        stack.push_async_callback(house.live.close)
        house.live.refuse = refuse
        servers = [server for group in house.live.built.values() for server in group]
        await stack.enter_async_context(started(servers))
        await stack.enter_async_context(_web(loaded, house, env))
        config = office.watched.config
        text = f"rrdnsd {__version__} is {config.local_node}; services: {len(config.services)}"
        log.info("[main] %s", text)
        office.chronicle.note("start", text)
        stack.push_async_callback(office.book.close)
        stack.push_async_callback(office.memory.save)
        await watch(office.runtime, office.scheduler, house.live.jobs(), _chores(house))
        office.chronicle.note("stop", "stopping; the records stay as they are")


async def _built(
    loaded: Loaded, state: Path | None, kept: Store, env: Mapping[str, str], file: ConfigurationFile
) -> _House:
    clock, config, me = asyncio.get_running_loop().time, loaded.config, loaded.config.local_node
    began = clock()
    ledger = Ledger()
    book = Book(ledger, kept.ledger, me, time.time)
    await book.load()
    shelf = Listed(kept.database)
    unlisted = await catch_up(loaded, book, shelf, me, time.time())
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
    memory = Memory(kept.remembered, runtime.engine, clock, time.time)
    await memory.load()
    machines = metrics.machines(config, lambda: scheduler)
    certificates = CertificateWatch(
        lambda key, said: chronicle.note("certificate", said, key.service, key.address)
    )
    takers = [kept.recorder.note, certificates.note, *machines.takers]
    delivering = Delivering(config, runtime)
    scheduler = scheduling(store.noting(takers, delivering.deliver))
    live = Live(
        config,
        found.changes,
        runtime,
        scheduler,
        parts.providers(config, state, found.changes),
        lambda: mesh.nudge(),  # noqa: PLW0108 - the mesh is made of what this serves
        state,
    )
    voice = cluster.EngineVoice(runtime.engine, live.served, ledger)
    mesh = cluster.mesh(config, membership, voice, clock)
    runtime.attach(scheduler, parts.keepers(config, live.built, runtime, found.changes), mesh)
    telling = Telling(config, state, runtime, clock, mesh.told)
    announcer = telling.announcer
    live.fits += [telling.fit, delivering.fit, _fit_log]
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
        memory.keep_only()
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
        memory=memory,
        transport=mesh,
        refused=inbox.refusals.counts,
        clock=clock,
        began=began,
        durable=state is not None,
        digests=digests,
        file=file,
    )
    manager = service_manager(config, runtime, scheduler, env)
    house = _House(office, live, following, inbox, mesh, machines, announcer, manager)
    _connect(house)
    _let_reload(house, shelf, unlisted)
    return house


def _let_reload(house: _House, shelf: Listed, unlisted: Sequence[Entry]) -> None:
    """Let the file be taken up again; `unlisted` is what this node says of what it lists no more since the last run."""
    office, live = house.office, house.live
    file = office.file
    file.take_up = Reloading(office, live, house.following, shelf).take_up
    file.manager, file.watched = house.manager, lambda: live.config.reload_on_change
    file.tell = lambda sentence: office.chronicle.note("reload", sentence)
    office.enforcement.enforce(unlisted)


def _fit_log(config: Config) -> Callable[[], None]:
    return lambda: logging.getLogger().setLevel(journal.level(config.loglevel))


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
    runtime.expects = office.memory.expects
    runtime.witness(unexpected(office.memory.expects, office.chronicle.see))
    runtime.witness(office.memory.see)
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
        "remembering what is known": office.memory.run,
        "looking round": Rounds(office).run,
        "taking up the configuration file": office.file.run,
        "checking whole services": _whole_services(house).run,
        "telling people": house.announcer.run,
        "telling the service manager": house.manager.run,
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

    def made(doors: Doors) -> AbstractAsyncContextManager[None]:
        lean.load()
        from rrdnsd.compose.application import Answered, served  # noqa: PLC0415 -- probing need not wait for it

        board = house.live.board
        what = Answered(
            office,
            house.machines,
            house.announcer,
            house.inbox,
            house.mesh,
            board,
            house.live.fits,
            alone=alone,
        )
        return served(doors, config, what)

    return answering(config, env, made, office.scheduler.settle)
