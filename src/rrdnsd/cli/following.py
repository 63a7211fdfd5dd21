"""Events as lines, those that were and those that come."""

import contextlib
import json
import random
import shutil
import sys
import textwrap
import time
from collections.abc import Iterable, Mapping

from rrdnsd.cli import client
from rrdnsd.cli.decode import decode
from rrdnsd.cli.exits import UnreachableError
from rrdnsd.cli.session import Session
from rrdnsd.cli.times import show_moment
from rrdnsd.control.reports import EventReport, EventsPage

FIRST_PAUSE = 0.5
LAST_PAUSE = 15.0


def print_events(events: Iterable[EventReport]) -> None:
    """Print events, one a line; on a terminal long ones are wrapped under themselves."""
    live = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns
    for event in events:
        line = event_line(event)
        print("\n".join(textwrap.wrap(line, width, subsequent_indent=" " * 21)) if live else line)
    sys.stdout.flush()


def event_line(event: EventReport) -> str:
    """Write an event in one line: when, what kind, about what, and the sentence."""
    about = " ".join(name for name in (event.service, event.address) if name and name not in event.text)
    return f"{show_moment(event.at)}  {event.kind:<11} {about + ': ' if about else ''}{event.text}"


def follow_events(session: Session, wanted: Mapping[str, object], limit: int) -> None:
    """Print the newest events and go on with those that come, until Ctrl-C.

    Raises:
        CommandError: a question was refused, or nobody answers at the start.

    """
    content = client.ask(session.access, "events", {**wanted, "limit": limit})
    page = decode(EventsPage, content)
    if session.as_json:
        for event in reversed(json.loads(content)["events"]):
            print(json.dumps(event, ensure_ascii=False, separators=(",", ":")), flush=True)
    else:
        print_events(reversed(page.events))
    with contextlib.suppress(KeyboardInterrupt):
        _go_on(session, wanted, page.events[0].id if page.events else 0)


def _go_on(session: Session, wanted: Mapping[str, object], last: int) -> None:
    pause = FIRST_PAUSE
    while True:
        try:
            for told in client.listen(session.access, "events/stream", {**wanted, "after": last}):
                event = decode(EventReport, told.data)
                last, pause = event.id, FIRST_PAUSE
                if session.as_json:
                    print(told.data, flush=True)
                else:
                    print_events([event])
        except UnreachableError as error:
            if pause == FIRST_PAUSE:
                print(f"rrdnsd: {error}; trying on", file=sys.stderr)
        time.sleep(pause * random.uniform(0.7, 1.3))  # noqa: S311 - not for security: followers must not come all at once
        pause = min(2 * pause, LAST_PAUSE)
