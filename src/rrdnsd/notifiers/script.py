"""`script`: starts a program with the document on its standard input. It has its own process group and its limits."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass

from rrdnsd.errors import ConfigError, NotifierError
from rrdnsd.notifiers.base import NotifierSpec
from rrdnsd.notifiers.message import Message

MOST_OUTPUT = 64 * 1024
"""Bytes that a script may write; with more it is killed."""

_SHOWN = 200
_LOOK_SECONDS = 0.02
_LONGEST_VARIABLE = 8192
_INHERITED = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR")
_USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def build(spec: NotifierSpec) -> "Script":
    """Make the notifier.

    Raises:
        ConfigError: it has no command.

    """
    if not spec.command:
        raise ConfigError(f"notifier {spec.name}", ["command: must be a list, the program first"])
    return Script(spec)


@dataclass(frozen=True, slots=True)
class Script:
    """One program."""

    spec: NotifierSpec

    async def send(self, message: Message) -> str:
        """Run it; exit status 0 is success.

        What it leaves running in its process group is killed when it ends, and all of it at the timeout.

        Raises:
            NotifierError: another exit status, too much output, or it did not end in time.

        """
        output = bytearray()
        async with self._running(message) as process:
            try:
                async with asyncio.timeout(self.spec.timeout):
                    await _talk(process, message.body, output)
            except TimeoutError:
                raise NotifierError(f"not done within {self.spec.timeout:g} s, killed") from None
        said = _shown(output)
        if process.returncode == 0:
            return f"exit status 0{said}"
        raise NotifierError(f"exit status {process.returncode}{said}")

    @contextlib.asynccontextmanager
    async def _running(self, message: Message) -> AsyncIterator[asyncio.subprocess.Process]:
        pipe = asyncio.subprocess.PIPE
        try:
            process = await asyncio.create_subprocess_exec(
                *self.spec.command,
                stdin=pipe,
                stdout=pipe,
                stderr=asyncio.subprocess.STDOUT,
                env=variables(message),
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "the command is malformed"
            raise NotifierError(f"{self.spec.command[0]} cannot be started: {why}") from None
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            # What has left the group may hold the pipes open: nobody waits for it.
            process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001 -- asyncio has no other way
            await process.wait()


def variables(message: Message) -> dict[str, str]:
    """Return the environment of a script: little of the daemon's, which may hold secrets."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    own = {
        "RRDNSD_ID": message.id,
        "RRDNSD_SEVERITY": message.severity,
        "RRDNSD_TITLE": message.title,
        "RRDNSD_TEXT": message.text,
        "RRDNSD_NODE": str(message.document["node"]),
        "RRDNSD_TEST": "1" if message.document["test"] else "",
    }
    clean = {name: text.replace("\0", "")[:_LONGEST_VARIABLE] for name, text in own.items()}
    return {"PATH": _USUAL_PATH, **inherited, **clean}


async def _talk(process: asyncio.subprocess.Process, body: bytes, output: bytearray) -> None:
    async with asyncio.TaskGroup() as tasks:
        telling = tasks.create_task(_tell(process, body))
        listening = tasks.create_task(_listen(process, output))
        # Its wait() would wait until nobody holds the pipes open any more.
        while process.returncode is None:  # noqa: ASYNC110 -- and asyncio has no event for it
            await asyncio.sleep(_LOOK_SECONDS)
        # What it said last may still be in the pipe; what others hold open of it is not waited for.
        await asyncio.wait([listening], timeout=0.2)
        telling.cancel()
        listening.cancel()


async def _tell(process: asyncio.subprocess.Process, body: bytes) -> None:
    if process.stdin:
        with contextlib.suppress(OSError):  # it need not read
            process.stdin.write(body)
            await process.stdin.drain()
        process.stdin.close()


async def _listen(process: asyncio.subprocess.Process, output: bytearray) -> None:
    while process.stdout and (part := await process.stdout.read(4096)):
        output += part
        if len(output) > MOST_OUTPUT:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            output[:] = f"it wrote more than {MOST_OUTPUT} bytes, killed".encode()
            return


def _shown(output: bytearray) -> str:
    said = " ".join(output[: 4 * _SHOWN].decode(errors="replace").split())
    clean = "".join(c if c.isprintable() else "?" for c in said)[:_SHOWN]
    return f": {clean}" if clean else ""
