"""What several nodes need beside one: the mesh out, the inbox in, TLS, and the editions of their own zones."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass

from rrdnsd.compose.parts import Clock, Providers
from rrdnsd.config import Config
from rrdnsd.core.engine import Engine
from rrdnsd.core.votes import Statement, VoteTable
from rrdnsd.daemon.runtime import Runtime
from rrdnsd.peers.inbox import Inbox
from rrdnsd.peers.mesh import Mesh
from rrdnsd.providers.builtin.provider import Builtin
from rrdnsd.web.server import ServerTls


@dataclass(frozen=True, slots=True)
class EngineVoice:
    """Says what the engine believes, and which editions of zones this node serves itself."""

    engine: Engine
    served: Mapping[str, Builtin]

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


def served_zones(config: Config, built: Providers) -> dict[str, Builtin]:
    """Return the built-in server of each zone that this node serves itself."""
    return {
        service.zone: server
        for service in config.services
        for server in built[service.provider]
        if isinstance(server, Builtin)
    }


def mesh(config: Config, voice: EngineVoice, clock: Clock) -> Mesh | None:
    """Make the transport to the peers; None for a node alone."""
    if len(config.nodes) == 1:
        return None
    from rrdnsd.peers.http import HttpCarrier  # noqa: PLC0415 -- aiohttp's 9 MB are for those who have peers

    heartbeat = config.heartbeat_ms / 1000
    carrier = HttpCarrier(config.nodes_protocol, timeout=2 * heartbeat, tls=_client_tls(config))
    return Mesh(config.local_node, config.nodes, _secret(config), voice, carrier, clock, heartbeat)


def inbox(config: Config, runtime: Runtime, voice: EngineVoice, clock: Clock) -> Inbox:
    """Make what takes in the peers' messages."""

    def listen(statement: Statement) -> bool:
        for zone, (serial, digest) in statement.editions.items():
            server = voice.served.get(zone)
            if server:
                server.heed(zone, serial, digest)
        return runtime.listen(statement)

    return Inbox(config.local_node, config.nodes, _secret(config), listen, clock)


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
