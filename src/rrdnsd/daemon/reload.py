"""The configuration file while the daemon runs: when it is read again, and how it stands to what is in use."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple, Protocol

from rrdnsd.errors import ConfigError, RrdnsdError
from rrdnsd.store.jsontext import Json

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""How often the file is looked at where it is to be read when it changes."""


class Seen(NamedTuple):
    """By what a file is known to be another: editors write in place or rename a new file over the old one."""

    inode: int
    size: int
    mtime_ns: int


def look_at(path: Path) -> Seen | None:
    """Look which file there is, following links; None if there is none that can be seen."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return Seen(found.st_ino, found.st_size, found.st_mtime_ns)


class Manager(Protocol):
    """The service manager, as far as it is told of reloads."""

    def reloading(self) -> None:
        """Say that a reload has begun."""

    def reloaded(self, refused: str = "") -> None:
        """Say that it is over, and why it was refused if it was."""


class Wish(NamedTuple):
    """Who wants a reload, and whether only to know what it would change. `asked` is the order, if it is one."""

    who: str
    why: str = ""
    dry_run: bool = False
    request_id: str | None = None
    asked: Json = None


TakeUp = Callable[[Wish], Awaitable[list[str]]]
"""Reads, checks and applies the file, and returns what that changes. Raises RrdnsdError: nothing has changed."""


class ConfigurationFile:
    """Has the file taken up again when somebody wishes it, one after the other, and remembers what came of it.

    Wishes that come while a
    reload is under way are one reload after it: what they were about may have been read too late for the first.
    """

    def __init__(
        self,
        path: Path,
        seen: Seen | None,
        wall: Callable[[], float],
    ) -> None:
        self.path = path
        self.trouble = ""
        """Why the file on disk is not the one in use; "" as far as is known it is."""
        self.taken_up_at = wall()
        """When the file was last taken up, in epoch seconds."""
        self.take_up: TakeUp | None = None
        self.manager: Manager | None = None
        self.tell: Callable[[str], None] = lambda _sentence: None
        """Takes a sentence for the events."""
        self.watched: Callable[[], bool] = lambda: False
        """Tells if the file is to be read when it changes."""
        self._seen = seen
        self._wall = wall
        self._wished = asyncio.Event()
        self._one = asyncio.Lock()

    def wish(self) -> None:
        """Let the file be read again, soon: a SIGHUP has come. Returns at once."""
        self._wished.set()

    async def reload(self, wish: Wish) -> list[str]:
        """Take the file up, and return what that changes or, as a dry run, what it would change.

        Raises:
            RrdnsdError: it cannot be used; nothing has changed.

        """
        async with self._one:
            if wish.dry_run:
                return await self._taken_up(wish)
            return await self._reload(wish)

    async def run(self) -> None:
        """Reload as it is wished, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._serve(), name="reloading")
            tasks.create_task(self._watch(), name="watching the configuration file")

    async def _serve(self) -> None:
        while True:
            await self._wished.wait()
            async with self._one:
                self._wished.clear()
                try:
                    await self._reload(Wish("SIGHUP"))
                except RrdnsdError:
                    continue  # it has been told

    async def _watch(self) -> None:
        """Wish for a reload when the file has changed, and has then been the same for one look."""
        last = self._seen
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if not self.watched():
                continue
            now = await asyncio.to_thread(look_at, self.path)
            if now == last and now != self._seen:
                log.info("[load_conf] %s has changed", self.path)
                self._seen = now
                self.wish()
            last = now

    async def _reload(self, wish: Wish) -> list[str]:
        log.info("[load_conf] reading %s again, asked by %s", self.path, wish.who)
        self._seen = await asyncio.to_thread(look_at, self.path)
        if self.manager:
            self.manager.reloading()
        refused = "stopped while reloading"
        try:
            changed = await self._taken_up(wish)
            refused = ""
        except RrdnsdError as error:
            refused = self._refused(error)
            raise
        except Exception:
            log.exception("[load_conf] bug while reloading; what was in use may be so in part")
            refused = self.trouble = (
                f"{self.path} could not be taken up because of a bug: see the log, and restart"
            )
            raise
        finally:
            if self.manager:
                self.manager.reloaded(refused)
        self.trouble, self.taken_up_at = "", self._wall()
        for sentence in changed:
            log.info("[load_conf] %s", sentence)
        told = "; ".join(changed) if changed else "it changes nothing"
        self.tell(f"{self.path} was read again: {told}")
        return changed

    async def _taken_up(self, wish: Wish) -> list[str]:
        if self.take_up is None:
            raise RrdnsdError("nobody is there yet to take the file up")
        return await self.take_up(wish)

    def _refused(self, error: RrdnsdError) -> str:
        problems = error.problems if isinstance(error, ConfigError) else (str(error),)
        for problem in problems:
            log.error("[load_conf] %s: %s", self.path, problem)
        more = f" (and {len(problems) - 1} more, see the log)" if len(problems) > 1 else ""
        self.trouble = f"the file on disk is not the one in use: {self.path}: {problems[0]}{more}"
        log.error("[load_conf] %s cannot be used; nothing has changed", self.path)
        self.tell(f"{self.path} was read again and refused, nothing has changed: {problems[0]}{more}")
        return f"{problems[0]}{more}"
