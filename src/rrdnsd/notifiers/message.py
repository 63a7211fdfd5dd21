"""A message to people: the JSON document that programs read, and the words in it. docs/notifiers.md describes it."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rrdnsd.core.telling import Severity

SCHEMA = "rrdnsd.notification/1"
"""Names the form of the document; a change that breaks readers raises the number."""

MOST_LISTED = 500
"""Events that one message lists; the others are only counted."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that people are told. `subject` is what it is about in a few words; times are epoch seconds.

    `duration` is for how many seconds the trouble that is over has lasted, None if that is not known.
    """

    id: str
    kind: str
    state: str
    trouble: bool
    severity: Severity
    subject: str
    text: str
    at: float
    service: str = ""
    address: str = ""
    duration: float | None = None
    reminder: bool = False

    @property
    def sentence(self) -> str:
        """Say it in one line."""
        again = "still " if self.reminder else ""
        lasted = "" if self.duration is None else f" after {spell(self.duration)}"
        return f"{self.subject} is {again}{self.state}{lasted}" + (f": {self.text}" if self.text else "")


@dataclass(frozen=True, slots=True)
class Message:
    """What is delivered: the document, which is all there is to it."""

    document: Mapping[str, object]

    @property
    def id(self) -> str:
        """The same each time that this is delivered."""
        return str(self.document["id"])

    @property
    def severity(self) -> str:
        """`info`, `warning` or `critical`."""
        return str(self.document["severity"])

    @property
    def title(self) -> str:
        """One line."""
        return str(self.document["title"])

    @property
    def text(self) -> str:
        """Some lines: counts first, then every event, by service."""
        return str(self.document["text"])

    @property
    def body(self) -> bytes:
        """The document as JSON."""
        return json.dumps(self.document, separators=(",", ":")).encode()


def compose(
    node: str, at: float, events: Sequence[Event], counts: Counter[tuple[str, str]], *, test: bool = False
) -> Message:
    """Put a message together. `counts` are by kind and state, of the events that are not listed as well."""
    listed = sorted(events[:MOST_LISTED], key=lambda event: (event.service, -event.severity, event.subject))
    troubles = [event.severity for event in listed if event.trouble]
    total = sum(counts.values())
    title = _title(listed, counts, total)
    return Message(
        {
            "schema": SCHEMA,
            "id": digest(event.id for event in listed),
            "at": iso(at),
            "node": node,
            "severity": max(troubles, default=Severity.INFO).word,
            "title": title,
            "text": "\n".join([title, *_lines(listed, total)]),
            "test": test,
            "counts": [
                {"kind": kind, "state": state, "count": count}
                for (kind, state), count in sorted(counts.items())
            ],
            "events": [_described(event) for event in listed],
            "omitted": total - len(listed),
        }
    )


def trial(node: str, name: str, at: float) -> Message:
    """Make a message that says only that it is a test."""
    text = f"a test of the notifier {name}, sent by hand: nothing has happened"
    event = Event(digest([name, iso(at)]), "test", "working", False, Severity.INFO, "rrdnsd", text, at)
    return compose(node, at, [event], Counter({("test", "working"): 1}), test=True)


def digest(parts: Iterable[str]) -> str:
    """Name something by what it consists of."""
    hasher = hashlib.blake2b(digest_size=12)
    for part in parts:
        hasher.update(part.encode("utf-8", "backslashreplace") + b"\0")
    return hasher.hexdigest()


def iso(at: float) -> str:
    """Write a moment as RFC 3339 has it, in UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def spell(seconds: float) -> str:
    """Write a duration with its two largest units."""
    rest = max(0, round(seconds))
    parts: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        amount, rest = divmod(rest, size)
        if amount or (unit == "s" and not parts):
            parts.append(f"{amount} {unit}")
    return " ".join(parts[:2])


def _title(listed: Sequence[Event], counts: Counter[tuple[str, str]], total: int) -> str:
    if total == 1:
        return listed[0].sentence
    said = ", ".join(f"{count} {kind} {state}" for (kind, state), count in counts.most_common())
    services = {event.service for event in listed if event.service}
    if len(services) == 1:
        return f"{said} ({services.pop()})"
    return f"{said} ({len(services)}{'+' if total > len(listed) else ''} services)" if services else said


def _lines(listed: Sequence[Event], total: int) -> list[str]:
    if total == 1:
        return []
    lines: list[str] = []
    service = None
    for event in listed:
        if event.service != service:
            service = event.service
            lines += ["", f"{service}:" if service else "rrdnsd:"]
        lines.append(f"  {event.sentence}")
    return lines + ([f"and {total - len(listed)} more"] if total > len(listed) else [])


def _described(event: Event) -> dict[str, object]:
    return {
        "id": event.id,
        "kind": event.kind,
        "state": event.state,
        "trouble": event.trouble,
        "severity": event.severity.word,
        "service": event.service,
        "address": event.address,
        "subject": event.subject,
        "text": event.text,
        "at": iso(event.at),
        "duration": None if event.duration is None else round(event.duration, 3),
        "reminder": event.reminder,
    }
