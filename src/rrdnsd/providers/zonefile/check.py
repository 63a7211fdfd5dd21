"""Lets a program check a zone file before the server gets to see it: both servers answer SERVFAIL for a broken one."""

import os
import re
from pathlib import Path

from rrdnsd.child import Job
from rrdnsd.errors import ProviderError
from rrdnsd.providers.child import run

_PREFIX = re.compile(r"^(?:\[[^\]]*\] )?(?:[\w-]+\[\d+\]: )?(?:error: )?")
_LONGEST = 300


async def checked(command: tuple[str, ...], zone: str, path: Path, timeout: float) -> str:  # noqa: ASYNC109 -- of the process
    """Check a file; gives what the program has to say against it, "" where it is right.

    Raises:
        ProviderError: the program is not there, or does not end.

    """
    missing = absent(command)
    if missing:
        raise ProviderError(missing)
    words = [command[0], *(w.replace("{zone}", zone).replace("{file}", str(path)) for w in command[1:])]
    ended = await run(Job(words, timeout=timeout, folder=str(path.parent)))
    if ended.status == 0:
        return ""
    lines = [line for line in (ended.stderr + ended.stdout).decode(errors="replace").splitlines() if line]
    worst = next((line for line in lines if "error: " in line), (lines or [f"exit status {ended.status}"])[0])
    return _PREFIX.sub("", worst)[:_LONGEST]


def absent(command: tuple[str, ...]) -> str:
    """Give the sentence for a program that is not there, "" where it is."""
    if os.access(command[0], os.X_OK):
        return ""
    packages = {"nsd-checkzone": "nsd", "named-checkzone": "bind9-utils"}
    package = packages.get(Path(command[0]).name)
    return (
        f"{command[0]}, which checks the zone file, is not installed"
        + (f": apt install {package}" if package else "")
        + "; another program can be given in the option check"
    )
