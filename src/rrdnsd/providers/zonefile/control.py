"""Speaks to the control socket of NSD or Unbound, as nsd-control and unbound-control do: one line, one connection."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass

from rrdnsd.errors import ProviderError
from rrdnsd.providers.base import Resolver
from rrdnsd.providers.zonefile.options import Options

_MOST = 65_536


@dataclass(frozen=True, slots=True)
class Session:
    """An open connection that takes one command."""

    options: Options
    timeout: float
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def reload(self, zone: str) -> str:
        """Let the server read the zone's file anew; NSD does so after its answer. Gives "" or its refusal.

        Raises:
            ProviderError: no answer in time.

        """
        kind = self.options.kind
        try:
            async with asyncio.timeout(self.timeout):
                self.writer.write(f"{kind.magic} {kind.reload} {zone}\n".encode())
                await self.writer.drain()
                answer = (await self.reader.read(_MOST)).decode(errors="replace").strip()
        except (OSError, TimeoutError) as error:
            raise ProviderError(_unreachable(self.options, error, self.timeout)) from None
        if not answer.startswith("ok"):
            said = answer.partition("\n")[0][:200] or "nothing"
            return f"{kind.name} did not reload {zone}; it answers at {self.options.control}: {said}"
        return ""


@contextlib.asynccontextmanager
async def session(options: Options, timeout: float) -> AsyncIterator[Session]:  # noqa: ASYNC109 -- of each step, not of the whole
    """Connect to the control socket.

    Raises:
        ProviderError: it is not there, refuses, or the certificates are wrong.

    """
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await _connected(options)
    except (OSError, TimeoutError) as error:
        raise ProviderError(_unreachable(options, error, timeout)) from None
    try:
        yield Session(options, timeout, reader, writer)
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)  # the transport closes its socket in the loop's next turn


async def _connected(options: Options) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    match options.control:
        case Resolver(host, port):
            return await asyncio.open_connection(host, port, ssl=_tls(options))
        case str(path):
            return await asyncio.open_unix_connection(path)


def _tls(options: Options) -> ssl.SSLContext | None:
    if not options.certificates:
        return None
    server_cert, key, certificate = options.certificates
    context = ssl.create_default_context(cafile=server_cert)
    context.check_hostname = False  # the certificate is that one, whatever name stands in it
    context.load_cert_chain(certificate, key)
    return context


def _unreachable(options: Options, error: Exception, timeout: float) -> str:
    name, where = options.kind.name, options.control
    match error:
        case FileNotFoundError():
            why = f"there is no such socket: is {name} running, with control-enable: yes and this control-interface?"
        case PermissionError():
            why = "this user may not open it: let the user that runs rrdnsd belong to the socket's group"
        case ConnectionRefusedError():
            why = f"nobody listens: is {name} running?"
        case TimeoutError():
            why = f"no answer within {timeout:g} s"
        case _:
            why = str(error) or type(error).__name__
    return f"the control socket {where} of {name} cannot be used: {why}"
