"""`status --watch`: the status anew whenever it changes, and every few seconds for what changes all the time."""

import contextlib
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from itertools import chain

from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from rrdnsd.cli import client
from rrdnsd.cli.access import Access
from rrdnsd.cli.asking import present, print_json
from rrdnsd.cli.decode import decode
from rrdnsd.cli.exits import CommandError, UnreachableError
from rrdnsd.cli.session import Session
from rrdnsd.cli.status_view import status_view
from rrdnsd.cli.tables import console, show
from rrdnsd.cli.times import show_time
from rrdnsd.control.reports import StatusReport

_PAUSE = 0.25
"""Seconds between two looks at least, however much changes."""

_REST = 2.0
"""Seconds between two looks at most: for latencies and countdowns, and where there is no stream."""


def watch_status(session: Session, query: Mapping[str, object]) -> None:
    """Show the status until Ctrl-C; on a terminal in place, else once for each change.

    Raises:
        CommandError: the first look was refused, or nobody answers.

    """
    looks = _looks(session, present(query))
    with contextlib.suppress(KeyboardInterrupt):
        if session.as_json or not sys.stdout.isatty():
            _print_changes(session, looks)
        else:
            _show_live(looks)


def _looks(session: Session, query: Mapping[str, object]) -> Iterator[bytes | UnreachableError]:
    """Look for ever; after a first success, a daemon that does not answer is waited for."""
    news = threading.Event()
    threading.Thread(target=_listen, args=(session.access, news), daemon=True).start()
    yield client.ask(session.access, "status", query)
    while True:
        time.sleep(_PAUSE)
        news.wait(_REST - _PAUSE)
        news.clear()
        try:
            yield client.ask(session.access, "status", query)
        except UnreachableError as error:
            yield error


def _listen(access: Access, news: threading.Event) -> None:
    while True:
        with contextlib.suppress(CommandError):
            for _told in client.listen(access, "status/stream"):
                news.set()
        time.sleep(_REST)  # without a stream there is still the regular look


def _print_changes(session: Session, looks: Iterator[bytes | UnreachableError]) -> None:
    shown = -1
    away = False
    for content in looks:
        if isinstance(content, UnreachableError):
            if not away:
                print(f"rrdnsd: {content}; trying on", file=sys.stderr)
            away = True
            continue
        away = False
        report = decode(StatusReport, content)
        if report.revision == shown:
            continue
        if session.as_json:
            print_json(content)
        else:
            show(Group(status_view(report), ""))
        shown = report.revision


def _show_live(looks: Iterator[bytes | UnreachableError]) -> None:
    view: RenderableType = ""
    first = next(looks)  # before the screen is taken: an error belongs on the usual one
    with Live(console=console(), screen=True, auto_refresh=False, vertical_overflow="crop") as live:
        for content in chain((first,), looks):
            if isinstance(content, UnreachableError):
                live.update(Group(_away(content), view), refresh=True)
            else:
                view = status_view(decode(StatusReport, content))
                live.update(view, refresh=True)


def _away(error: UnreachableError) -> Text:
    now = time.time()
    return Text(f"! {show_time(now, now)}  {error}; what follows is from before", style="bold red")
