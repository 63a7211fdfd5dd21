"""Sends UPDATE messages by a program that is installed: nsupdate or knsupdate, one process for each message.

Everything goes over standard input, the key as well: arguments are there for every user to see, and nsupdate sends
unsigned, with exit status 0, when it cannot read a key file.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rrdnsd.core.model import NameChange
from rrdnsd.errors import ProviderError
from rrdnsd.providers import nsupdate_language, query, rcodes
from rrdnsd.providers.message import MAX_UPDATE, Reply, render_update
from rrdnsd.providers.outcome import Outcome, TooBig, judge
from rrdnsd.providers.server import Server

_ROOM = (
    MAX_UPDATE // 2
)  # the tools compress names less well than render_update, by which the size is reckoned
_GRACE = 1.0  # seconds a tool may be late with its own timeout before it is killed


@dataclass(frozen=True, slots=True)
class Result:
    """How a process ended."""

    status: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class Tool:
    """What differs between the two tools.

    `package` is Debian's. `read` finds the server's answer in a failure's output, or None where there was none.
    """

    path: str
    package: str
    read: Callable[[Result], Reply | None]


@dataclass(frozen=True, slots=True)
class ToolSender:
    """Sends each message by a process of its own."""

    tool: Tool
    server: Server

    async def check(self) -> None:
        """See that the tool is there.

        Raises:
            ProviderError: it is not; the sentence names the Debian package.

        """
        if not os.access(self.tool.path, os.X_OK):
            raise ProviderError(_missing(self.tool))

    async def send(self, zone: str, changes: Sequence[NameChange]) -> Outcome:
        """Send one UPDATE with all these changes and read what became of it.

        Raises:
            ProviderError: no answer, or one that no split of the message can mend.

        """
        await asyncio.sleep(0)  # a plan of many messages gives the loop a turn before each is put together
        if render_update(0, zone, changes, _ROOM) is None:
            return TooBig()
        result = await self._run(
            nsupdate_language.render(self.server.resolver, self.server.key, zone, changes)
        )
        reply = Reply("NOERROR", verified=True) if result.status == 0 else self.tool.read(result)
        if reply is None or reply.tsig_error == "BADTIME":
            await self._say_it_better(zone, changes)
        if reply is None:
            raise ProviderError(self._no_answer(zone, result))
        return judge(self.server.asked("update", zone), reply)

    async def _run(self, text: str) -> Result:
        command = [self.tool.path, *nsupdate_language.arguments(self.server.timeout)]
        pipe = asyncio.subprocess.PIPE
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=pipe, stdout=pipe, stderr=pipe, env={"LC_ALL": "C"}
            )
        except FileNotFoundError:
            raise ProviderError(_missing(self.tool)) from None
        except OSError as error:
            raise ProviderError(f"{self.tool.path} cannot be started: {error.strerror}") from error
        try:
            async with asyncio.timeout(self.server.timeout + _GRACE):
                stdout, stderr = await process.communicate(text.encode())
        except TimeoutError as error:
            sentence = rcodes.explain_transport(str(self.server.resolver), error, self.server.timeout)
            raise ProviderError(sentence) from None
        finally:
            await _end(process)
        return Result(
            process.returncode or 0, stdout.decode(errors="replace"), stderr.decode(errors="replace")
        )

    async def _say_it_better(self, zone: str, changes: Sequence[NameChange]) -> None:
        """Ask the server ourselves: "operation canceled" is all that nsupdate says of a refused connection.

        Raises:
            ProviderError: with the reason, which is nearly always the same for a query.

        """
        await query.fetch(self.server, zone, [changes[0].rrsets[0].key])

    def _no_answer(self, zone: str, result: Result) -> str:
        said = " ".join((result.stderr or result.stdout).split())[:300] or f"exit status {result.status}"
        if self.server.key:
            said = said.replace(self.server.key.base64, "***")
        return f"{self.tool.path} could not update {zone} at {self.server.resolver}: {said}"


def _missing(tool: Tool) -> str:
    return f"{tool.path} is not installed: apt install {tool.package}, or use update_method rfc2136, which needs no tool"


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
        await process.wait()
