"""`script`: starts a program with the document on its standard input. It has its own process group and its limits."""

import os
from dataclasses import dataclass

from rrdnsd.child import PATH, Job, run
from rrdnsd.errors import ConfigError, NotifierError
from rrdnsd.notifiers.base import NotifierSpec
from rrdnsd.notifiers.message import Message

MOST_OUTPUT = 64 * 1024
"""Bytes that a script may write; with more it is killed."""

_SHOWN = 200
_LONGEST_VARIABLE = 8192
_INHERITED = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR")


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
        program, timeout = self.spec.command[0], self.spec.timeout
        job = Job(self.spec.command, message.body, variables(message), timeout, MOST_OUTPUT, MOST_OUTPUT)
        try:
            ended = await run(job)
        except TimeoutError:
            raise NotifierError(f"not done within {timeout:g} s, killed") from None
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "the command is malformed"
            raise NotifierError(f"{program} cannot be started: {why}") from None
        if ended.flooded:
            raise NotifierError(f"it wrote more than {MOST_OUTPUT} bytes, killed")
        said = _shown(ended.stdout + ended.stderr)
        if ended.status == 0:
            return f"exit status 0{said}"
        raise NotifierError(f"exit status {ended.status}{said}")


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
    return {"PATH": PATH, **inherited, **clean}


def _shown(output: bytes) -> str:
    said = " ".join(output[: 4 * _SHOWN].decode(errors="replace").split())
    clean = "".join(c if c.isprintable() else "?" for c in said)[:_SHOWN]
    return f": {clean}" if clean else ""
