"""Waiting until a drained address may be stopped, with a line that tells how far it is."""

import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TextIO

from rrdnsd.cli import client
from rrdnsd.cli.decode import decode
from rrdnsd.cli.exits import CommandError, Exit, UnreachableError
from rrdnsd.cli.session import Session
from rrdnsd.cli.times import show_duration, show_time
from rrdnsd.control.reports import DrainReport, StatusReport

LOOK_SECONDS = 0.5
PATIENCE_SECONDS = 60.0
"""How long the daemon may be away while somebody waits: as long as a restart or an upgrade takes."""

_NO_DRAIN = "the drain was ended by another order"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a drain is: a sentence, the countdown behind it, and if it is over."""

    sentence: str
    countdown: str
    safe: bool


class Line:
    """One line that is written over where it fits on a terminal; elsewhere it is written when its sentence changes."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._live = out.isatty()
        self._last = ""
        self._open = False

    def show(self, progress: Progress) -> None:
        """Show how far it is."""
        whole = progress.sentence + progress.countdown
        if progress.sentence != self._last:
            self.end()
        if self._live and len(whole) < shutil.get_terminal_size().columns:
            self._out.write(f"\r\x1b[K{whole}")
            self._open = True
        elif progress.sentence != self._last:
            self._out.write(f"{whole}\n")
        self._last = progress.sentence
        self._out.flush()

    def end(self) -> None:
        """Leave the line."""
        if self._open:
            self._out.write("\n")
            self._out.flush()
            self._open = False


def wait_until_safe(session: Session, address: str, service: str | None, within: float | None) -> None:
    """Return when an address is safe to stop.

    Raises:
        CommandError: it is not within this time, or the drain was ended.

    """
    line = Line(sys.stderr if session.as_json else sys.stdout)
    ends = None if within is None else time.monotonic() + within
    heard = time.monotonic()
    try:
        while True:
            try:
                progress = progress_of(_status(session, service), address)
                heard = time.monotonic()
            except UnreachableError:
                if time.monotonic() - heard > PATIENCE_SECONDS:
                    raise
                progress = Progress(
                    "the daemon does not answer at the moment; the drain stays", "", safe=False
                )
            line.show(progress)
            if progress.safe:
                return
            if ends is not None and time.monotonic() > ends:
                raise CommandError("it is not safe to stop yet; the drain stays in place", Exit.NOT_YET)
            time.sleep(LOOK_SECONDS)
    finally:
        line.end()


def progress_of(status: StatusReport, address: str) -> Progress:
    """Say how far the drain of an address is, in all the services shown that drain it.

    Raises:
        CommandError: nothing drains it.

    """
    drains = {
        found.fqdn: endpoint.drain
        for found in status.services
        for endpoint in found.endpoints
        if endpoint.address == address and endpoint.drain
    }
    if not drains:
        raise CommandError(f"{address} is not drained any more: {_NO_DRAIN}", Exit.NOT_YET)
    if all(drain.safe for drain in drains.values()):
        return Progress("safe to stop now", "", safe=True)
    served = {fqdn: drain for fqdn, drain in drains.items() if not drain.safe and drain.safe_at is None}
    if served:
        return Progress(_still_served(address, served), "", safe=False)
    safe_at = max(drain.safe_at or 0.0 for drain in drains.values())
    left = max(0.0, safe_at - status.now)
    return Progress(
        f"{address} is out of {_names(list(drains))}; safe to stop at {show_time(safe_at, status.now)}",
        f" (in {show_duration(left)})",
        safe=False,
    )


def _still_served(address: str, drains: dict[str, DrainReport]) -> str:
    reasons = "; ".join(dict.fromkeys(drain.waiting_for for drain in drains.values() if drain.waiting_for))
    return f"waiting until {address} is out of {_names(list(drains))}" + (f": {reasons}" if reasons else "")


def _names(names: Sequence[str]) -> str:
    most = 3
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _status(session: Session, service: str | None) -> StatusReport:
    query = {"service": service} if service else {}
    return decode(StatusReport, client.ask(session.access, "status", query))
