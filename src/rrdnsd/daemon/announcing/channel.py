"""One notifier at work: collects what is due, puts it in the queue, and delivers one message after the other.

Channels know nothing of each other, so a receiver that is slow or away delays nobody else. All of it runs beside
the probes: whatever walks through many subjects gives the event loop back after a part of them.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

from rrdnsd.core.telling import Kind, Told
from rrdnsd.daemon.announcing.board import Board, Item, Rules
from rrdnsd.daemon.announcing.conditions import Condition
from rrdnsd.daemon.announcing.wording import worded
from rrdnsd.daemon.backoff import Backoff
from rrdnsd.errors import NotifierError
from rrdnsd.notifiers.base import Notifier
from rrdnsd.notifiers.message import Message
from rrdnsd.notifiers.queue import Queue, write_whole

log = logging.getLogger(__name__)

T = TypeVar("T")

LOOK_SECONDS = 0.25
SAVE_SECONDS = 5.0
REMIND_SECONDS = 10.0
PART = 250
"""Subjects that are walked through at a time."""

FINAL_TRIES = 3
"""How often a message is tried that the receiver will hardly ever take."""

MARKS_FILE = "told.marks"


class Scene(Protocol):
    """What a channel needs to know of the node."""

    @property
    def node(self) -> str:
        """Its name."""

    def before(self, notifier: str) -> Sequence[str] | None:
        """Return the nodes that are to tell before this one; None while this one must not tell at all."""

    def quiet(self) -> Callable[[Condition], bool]:
        """Return what tells, for this moment, which conditions must not be told."""

    def share(self, marks: Sequence[Told]) -> None:
        """Let the other nodes know what people know."""


@dataclass(slots=True)
class Tally:
    """What became of messages since the start, for metrics. `failing` is why the last try failed, "" if it did not."""

    sent: int = 0
    failures: int = 0
    given_up: int = 0
    failing: str = ""


class _Record(NamedTuple):
    """A message in the queue."""

    message: Message
    marks: tuple[Told, ...]


@dataclass(slots=True)
class Channel:
    """One notifier. `timeout` is in seconds for one delivery; `folder` is where what must outlive the process is kept."""

    board: Board
    queue: Queue
    notifier: Notifier
    scene: Scene
    clock: Callable[[], float]
    wall: Callable[[], float]
    timeout: float
    folder: Path | None = None
    backoff: Backoff = field(default_factory=lambda: Backoff(1.0, 300.0))
    tally: Tally = field(default_factory=Tally)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _unsaved: bool = False
    _reminded: float = 0.0
    _opened: bool = False

    def __post_init__(self) -> None:
        """Judge nothing before it was read what people know."""
        if self.folder is not None:
            self.board.recall()

    @property
    def name(self) -> str:
        """The notifier's name."""
        return self.board.name

    def adopt(self, notifier: Notifier, rules: Rules, timeout: float, most: int) -> None:
        """Go on with these from now on; what waits, and what people know, stays."""
        self.notifier, self.board.rules, self.timeout, self.queue.most = notifier, rules, timeout, most
        self._changed.set()

    async def run(self) -> None:
        """Tell people until cancelled."""
        await self._open()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._collect(), name=f"notifier {self.name}: collecting")
            tasks.create_task(self._deliver(), name=f"notifier {self.name}: delivering")
            tasks.create_task(self._save(), name=f"notifier {self.name}: saving")

    def hear(self, marks: Iterable[Told]) -> None:
        """Take in what people were told by other nodes."""
        if [mark for mark in marks if self.board.hear(mark)]:
            self._unsaved = True
            self._changed.set()

    async def look(self) -> None:
        """Put into the queue what is due now."""
        before = self.scene.before(self.name)
        if before is None:
            return
        quiet = self.scene.quiet()
        ready: list[Condition] = []
        first = self.clock()
        for part in _parts(self.board.open):
            found = self.board.ready(part, before, quiet)
            first = min((self.board.ready_at(condition, before) for condition in found), default=first)
            ready += found
            await asyncio.sleep(0)
        reminders = self._reminders(before, quiet)
        if not ready and not reminders:
            return
        if reminders or self.clock() - first >= self.board.rules.batch:
            await self._enqueue(ready, reminders)

    def _reminders(self, before: Sequence[str], quiet: Callable[[Condition], bool]) -> list[Condition]:
        now = self.clock()
        if not self.board.rules.remind or now < self._reminded + REMIND_SECONDS:
            return []
        self._reminded = now
        return self.board.due_reminders(before, quiet)

    async def _collect(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self.board.open or self.board.rules.remind:
                await self.look()

    async def _enqueue(self, ready: Sequence[Condition], reminders: Sequence[Condition]) -> None:
        items: list[Item] = []
        for part in _parts(ready):
            items += [self.board.take(condition) for condition in part]
            await asyncio.sleep(0)
        items += [self.board.take(condition, reminder=True) for condition in reminders]
        # A service that is down altogether is a message of its own, and the first one.
        urgent = [item for item in items if item.condition.subject.kind is Kind.SERVICE]
        usual = [item for item in items if item.condition.subject.kind is not Kind.SERVICE]
        for group in filter(None, (urgent, usual)):
            message = worded(self.scene.node, self.wall(), group)
            await self.queue.put(await _packed(message, [item.mark for item in group]))
        self._changed.set()

    async def _deliver(self) -> None:
        tries: dict[int, int] = {}
        while True:
            number = self.queue.first()
            if number is None or self.scene.before(self.name) is None:
                await self._wait(1.0)
                continue
            tries = {number: tries.get(number, 0)}
            body = await self.queue.read(number)
            record = None if body is None else await _unpacked(body)
            if record is None:
                await self.queue.drop(number)
            elif all(self.board.is_settled(mark) for mark in record.marks):
                await self.queue.remove(number)
            else:
                tries[number] += 1
                await self._attempt(number, record, tries[number])

    async def _attempt(self, number: int, record: _Record, tries: int) -> None:
        try:
            answer = await self._send(record.message)
        except NotifierError as error:
            self._note_failure(str(error))
            if error.final and tries >= FINAL_TRIES:
                await self._give_up(number, record)
            else:
                await self._rest(max(self.backoff.delay(tries), error.retry_after or 0.0), record)
            return
        self.tally.sent += 1
        self.tally.failing = ""
        log.info("[notify] %s: %s (%s)", self.name, record.message.title, answer)
        await self._told(record.marks)
        await self.queue.remove(number)

    async def _send(self, message: Message) -> str:
        try:
            async with asyncio.timeout(self.timeout + 1.0):
                return await self.notifier.send(message)
        except NotifierError:
            raise
        except TimeoutError:
            raise NotifierError(f"not done within {self.timeout:g} s") from None
        except Exception as error:  # a stranger's bug must not end the telling
            log.exception("[notify] bug in the notifier %s", self.name)
            raise NotifierError(f"a bug: {type(error).__name__}") from error

    def _note_failure(self, reason: str) -> None:
        self.tally.failures += 1
        if reason != self.tally.failing:
            self.tally.failing = reason
            log.warning("[notify] %s: %s; %d messages wait", self.name, reason, len(self.queue))

    async def _give_up(self, number: int, record: _Record) -> None:
        self.tally.given_up += 1
        log.error("[notify] %s: given up: %s", self.name, record.message.title)
        await self._told(record.marks)
        await self.queue.remove(number)

    async def _told(self, marks: Sequence[Told]) -> None:
        for part in _parts(marks):
            for mark in part:
                self.board.hear(mark)
            self.scene.share(part)
            await asyncio.sleep(0)
        await self._keep_marks()

    async def _rest(self, seconds: float, record: _Record) -> None:
        """Wait before the next try, but not for what others have told meanwhile."""
        until = self.clock() + seconds
        while self.clock() < until:
            await self._wait(until - self.clock())
            if all(self.board.is_settled(mark) for mark in record.marks):
                return

    async def _wait(self, seconds: float) -> None:
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    async def _open(self) -> None:
        """Find what an earlier process left: messages on their way, and what people know."""
        if self._opened or self.folder is None:
            return
        self._opened = True
        try:
            await self._recall(self.folder)
        finally:
            self.board.recalled()

    async def _recall(self, folder: Path) -> None:
        for mark in await asyncio.to_thread(_read_marks, folder / MARKS_FILE, self.name):
            self.board.hear(mark)
        await self.queue.open()
        for number in self.queue.numbers():
            body = await self.queue.read(number)
            record = None if body is None else await _unpacked(body)
            for mark in record.marks if record else ():
                self.board.expect(mark)

    async def _save(self) -> None:
        while True:
            await asyncio.sleep(SAVE_SECONDS)
            self.board.prune()
            if self._unsaved:
                await self._keep_marks()

    async def _keep_marks(self) -> None:
        self._unsaved = False
        if self.folder is not None:
            body = await _marks_text(self.board.marks())
            with contextlib.suppress(OSError):  # the queue's own failure has told of the disk
                await asyncio.to_thread(write_whole, self.folder / MARKS_FILE, body)


def _parts(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), PART):
        yield items[start : start + PART]


async def _marks_text(marks: Sequence[Told]) -> bytes:
    """Write marks, some of them a line."""
    lines = []
    for part in _parts(marks):
        lines.append(json.dumps(part))
        await asyncio.sleep(0)
    return "\n".join(lines).encode()


async def _packed(message: Message, marks: Sequence[Told]) -> bytes:
    """Write the document on a line of its own, and the marks."""
    return message.body + b"\n" + await _marks_text(marks)


async def _unpacked(body: bytes) -> _Record | None:
    """Read what `_packed` wrote; None if the file was damaged."""
    head, *lines = body.split(b"\n")
    marks: list[Told] = []
    try:
        message = Message(dict(json.loads(head)))
        for line in lines:
            marks += [Told(*mark) for mark in json.loads(line)]
            await asyncio.sleep(0)
        return _Record(message, tuple(marks)) if message.id and message.title else None
    except (ValueError, TypeError, KeyError):
        return None


def _read_marks(path: Path, notifier: str) -> list[Told]:
    try:
        lines = path.read_bytes().splitlines()
        read = [Told(*mark) for line in lines for mark in json.loads(line)]
        return [mark for mark in read if mark.notifier == notifier]
    except (OSError, ValueError, TypeError):
        return []
