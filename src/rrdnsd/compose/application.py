"""Puts the HTTP application together and serves it. Loaded in the background: its libraries take a quarter of a second."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from functools import partial

from fastapi import FastAPI

from rrdnsd.compose import cluster, heartbeats
from rrdnsd.compose.answering import Doors
from rrdnsd.compose.live import Fit
from rrdnsd.compose.metrics import Machines
from rrdnsd.config import Config, host_port
from rrdnsd.daemon.announcing.announcer import Announcer
from rrdnsd.daemon.control.desk import Desk
from rrdnsd.daemon.control.office import Office
from rrdnsd.daemon.membership import Membership
from rrdnsd.peers.inbox import Inbox
from rrdnsd.peers.mesh import Mesh
from rrdnsd.probes.heartbeat import Board
from rrdnsd.turns import Readers
from rrdnsd.web.access import Access
from rrdnsd.web.api import add_api
from rrdnsd.web.app import create_app, streams_of
from rrdnsd.web.dashboard import add_dashboard
from rrdnsd.web.heartbeat import add_heartbeat
from rrdnsd.web.lean import without_pydantic_v1
from rrdnsd.web.metrics import add_metrics
from rrdnsd.web.quorum import add_quorum
from rrdnsd.web.server import serving
from rrdnsd.web.streams import Streams


@dataclass(frozen=True, slots=True)
class Answered:
    """What the application answers from. `alone` means that no peer will ever call."""

    office: Office
    machines: Machines
    announcer: Announcer
    inbox: Inbox
    mesh: Mesh
    board: Board
    fits: list[Fit]
    alone: bool


def served(doors: Doors, config: Config, what: Answered) -> AbstractAsyncContextManager[None]:
    """Put the application together, and return what answers at the doors while it is entered; `config` is the file's."""
    with without_pydantic_v1():
        app = _application(config, what)
    is_node = _is_node(what.office.membership)
    return serving(app, doors.node, cluster.server_tls(config), local=doors.local, is_node=is_node)


def _application(config: Config, what: Answered) -> FastAPI:
    office = what.office
    access = Access()
    app = create_app(access if config.api.enabled else None)
    _follow(access, streams_of(app), what)
    if config.api.enabled:
        readers = Readers()
        desk = Desk(office, readers)
        add_api(app, desk, readers)
        add_dashboard(app, desk, access, readers)
        add_metrics(app, what.machines.exposition(office, what.announcer.channels, readers).text)
    if not what.alone:
        add_quorum(app, what.inbox, needs_certificate=cluster.needs_certificate(config))
    secret_of = partial(heartbeats.secret_of, lambda: office.watched.config)
    add_heartbeat(app, secret_of, heartbeats.taking(what.board, office.runtime, what.mesh.called))
    return app


def _follow(access: Access, streams: Streams, what: Answered) -> None:
    """Let those in whom the configuration lets in from time to time; who is no longer let in hears no more."""

    def fit(config: Config) -> Callable[[], None]:
        def use() -> None:
            before = replace(access)
            access.tokens = config.api.tokens
            access.anonymous_read, access.hosts = config.api.anonymous_read, config.api.allowed_hosts
            if access != before:
                streams.renew()

        return use

    # The file may have been taken up again since the start: the application comes later than the probes.
    fit(what.office.watched.config)()
    what.fits.append(fit)


def _is_node(membership: Membership) -> Callable[[str], bool]:
    return lambda host: any(host_port(node)[0] == host for node in membership.nodes)
