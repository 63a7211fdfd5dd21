"""What several nodes need beside one: the mesh out, the inbox in, TLS, and the editions of their own zones."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass

from rrdnsd.compose.parts import Clock
from rrdnsd.config import Config
from rrdnsd.core.engine import Engine
from rrdnsd.core.ledger import Ledger
from rrdnsd.core.votes import Statement, VoteTable
from rrdnsd.daemon.membership import Membership
from rrdnsd.daemon.runtime import Runtime
from rrdnsd.peers.base import Receipt
from rrdnsd.peers.inbox import Inbox
from rrdnsd.peers.mesh import Carrier, Mesh, Post
from rrdnsd.peers.outbox import Outgoing
from rrdnsd.providers.builtin.provider import Builtin
from rrdnsd.web.listening import ServerTls


@dataclass(frozen=True, slots=True)
class EngineVoice:
    """Says what the engine believes, and which editions of zones this node serves itself."""

    engine: Engine
    served: Mapping[str, Builtin]
    ledger: Ledger

    @property
    def table(self) -> VoteTable:
        """The votes of this node."""
        return self.engine.electorate.own

    @property
    def electorate(self) -> str:
        """The digest of the nodes it is configured with."""
        return self.engine.electorate.roster.electorate

    @property
    def abstains(self) -> str:
        """Why its ballots do not count."""
        return self.engine.electorate.abstains

    @property
    def editions(self) -> Mapping[str, tuple[int, str]]:
        """The serial and digest of each zone it serves itself."""
        found = {zone: server.edition(zone) for zone, server in self.served.items()}
        return {zone: (edition.serial, edition.digest) for zone, edition in found.items() if edition.serial}


def mesh(config: Config, membership: Membership, voice: EngineVoice, clock: Clock) -> Mesh:
    """Make the transport to the peers, of which there may be none yet."""
    heartbeat = config.heartbeat_ms / 1000
    return Mesh(
        config.local_node,
        membership.nodes,
        _secret(config),
        voice,
        _carrier(config),
        clock,
        heartbeat,
        membership,
    )


def _carrier(config: Config) -> Carrier:
    """Return the way to the peers. aiohttp's 9 MB are for those who have peers: it is loaded by the first message."""

    @contextlib.asynccontextmanager
    async def opened() -> AsyncIterator[Post]:
        async with contextlib.AsyncExitStack() as stack:
            one = asyncio.Lock()
            real: Post | None = None

            async def post(node: str, message: Outgoing) -> tuple[bytes, str]:
                nonlocal real
                async with one:
                    if real is None:
                        real = await stack.enter_async_context(_http(config)())
                return await real(node, message)

            yield post

    return opened


def _http(config: Config) -> Carrier:
    from rrdnsd.peers.http import HttpCarrier  # noqa: PLC0415 -- see above

    timeout = 2 * config.heartbeat_ms / 1000
    return HttpCarrier(config.nodes_protocol, timeout=timeout, tls=_client_tls(config))


def inbox(
    config: Config,
    membership: Membership,
    runtime: Runtime,
    voice: EngineVoice,
    clock: Clock,
    heard: Callable[[Statement], None],
) -> Inbox:
    """Make what takes in the peers' messages; `heard` is told of each."""

    def listen(statement: Statement) -> Receipt:
        for zone, (serial, digest) in statement.editions.items():
            server = voice.served.get(zone)
            if server:
                server.heed(zone, serial, digest)
        receipt = runtime.listen(statement)
        heard(statement)
        return receipt

    return Inbox(config.local_node, membership.nodes, _secret(config), listen, clock, membership)


def server_tls(config: Config) -> ServerTls | None:
    """Return how `local_node` itself serves TLS, None if it does not."""
    if config.tls is None:
        return None
    return ServerTls(config.tls.cert_file, config.tls.key_file, config.tls.ca_file)


def needs_certificate(config: Config) -> bool:
    """Tell if a peer must show its certificate, beside a cluster_secret or instead of one."""
    return config.tls is not None and config.tls.ca_file is not None


def _secret(config: Config) -> bytes:
    return config.cluster_secret.get_secret_value().encode()


def _client_tls(config: Config) -> ssl.SSLContext | None:
    if config.nodes_protocol != "https":
        return None
    context = ssl.create_default_context(cafile=config.tls.ca_file if config.tls else None)
    if config.tls:
        context.load_cert_chain(config.tls.cert_file, config.tls.key_file)
    return context
