"""One who looks at a daemon all the time: asks its API and dashboard, listens to its streams, fetches what changed.

Run as `python bench/visitor.py HOST:PORT SERVICE` until it is ended; each answer is a line on standard output: when the question
was sent (epoch seconds), how long the whole answer took (ms), its size, and what was asked. Each question has a process of
its own, as different readers have: in one, an answer would wait in the socket while another thread reads a thousand events.
"""

import http.client
import json
import signal
import sys
import time
from collections.abc import Iterator
from multiprocessing import Process
from urllib.parse import urlencode

PARTS, EVENT, CHANGES = "changed tiles", "event", "dashboard's stream"
PAGE, HEAD = "dashboard, the whole page", "dashboard, its head"
OFTEN, SELDOM = 0.05, 0.5
QUESTIONS = {
    "liveness": ("/health", OFTEN),
    "one service": ("/api/v1/status?service={service}", OFTEN),
    "all services": ("/api/v1/status", SELDOM),
    "metrics": ("/metrics", SELDOM),
    PAGE: ("/dash", SELDOM),
}
"""What is asked all the time, each over a connection of its own, and the pause after an answer in seconds."""

ON_A_SCREEN = 20
"""As many services as a browser shows at a time; of those that changed it fetches no more than it shows."""


class Visitor:
    """Asks over one connection that stays open, compressed as browsers do it."""

    def __init__(self, node: str) -> None:
        self._http = http.client.HTTPConnection(node, timeout=30)

    def ask(self, what: str, path: str) -> None:
        """Ask, read the whole answer, and tell how long that took."""
        sent, began = time.time(), time.monotonic()
        self._http.request("GET", path, headers={"Accept-Encoding": "gzip"})
        answer = self._http.getresponse()
        size = len(answer.read1(1 << 16))
        if what == PAGE:
            say(sent, time.monotonic() - began, size, HEAD)
        size += len(answer.read())
        if answer.status != http.client.OK:
            raise SystemExit(f"{path}: {answer.status}")
        say(sent, time.monotonic() - began, size, what)


def say(sent: float, took: float, size: int, what: str) -> None:
    """Write one line, whole, whichever process it comes from."""
    sys.stdout.write(f"{sent:.4f} {1000 * took:.2f} {size} {what}\n")


def stream(node: str, path: str) -> Iterator[tuple[int, dict[str, object]]]:
    """Give each message of a stream and its size; begins anew where it ended, as browsers do."""
    last = ""
    while True:
        connection = http.client.HTTPConnection(node, timeout=30)
        connection.request("GET", path, headers={"Last-Event-ID": last} if last else {})
        answer = connection.getresponse()
        while line := answer.readline():
            if line.startswith(b"id: "):
                last = line[4:].strip().decode()
            if line.startswith(b"data: "):
                yield len(line), json.loads(line[6:])
        connection.close()
        say(time.time(), 0.0, 0, f"{path} ended")


def ask_again(node: str, what: str, path: str, pause: float) -> None:
    """Ask the same for ever, with a pause after each answer."""
    visitor = Visitor(node)
    while True:
        visitor.ask(what, path)
        time.sleep(pause)


def follow_events(node: str) -> None:
    """Listen to all events."""
    for size, event in stream(node, "/api/v1/events/stream"):
        now = time.time()
        say(now, now - float(str(event["at"])), size, EVENT)


def look(node: str) -> None:
    """Keep a page of the dashboard as the daemon is."""
    visitor = Visitor(node)
    known = False
    for size, news in stream(node, "/dash/stream"):
        say(time.time(), 0.0, size, CHANGES)
        changed = list(dict(news["versions"])) if known and isinstance(news["versions"], dict) else []
        known = True
        services = [part for part in changed if part.startswith("s:")][:ON_A_SCREEN]
        wanted = [part for part in changed if not part.startswith("s:")] + services
        if wanted:
            visitor.ask(PARTS, f"/dash/parts?{urlencode([('p', part) for part in wanted])}")


def main() -> None:
    node, service = sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a TextIO has not got it, a TextIOWrapper has
    for task in (follow_events, look):
        Process(target=task, args=(node,), daemon=True).start()
    for what, (path, pause) in QUESTIONS.items():
        asked = node, what, path.format(service=service), pause
        Process(target=ask_again, args=asked, daemon=True).start()
    signal.pause()


if __name__ == "__main__":
    main()
