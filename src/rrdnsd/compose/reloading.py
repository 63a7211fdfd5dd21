"""Takes the configuration file up again while the daemon runs: checked whole, prepared, saved, then put into force.

Nothing is half applied. Whatever may fail comes first; what follows then cannot, and does not wait. A process that is
killed in between finds, when it is started, the same file and what it saved: both lead to the same.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rrdnsd.compose.following import Following, fitting
from rrdnsd.compose.live import Live, Prepared
from rrdnsd.compose.looking import look
from rrdnsd.config.difference import differences
from rrdnsd.config.fixed import needs_restart
from rrdnsd.config.listing import Listed, Listing, listing, unlisting
from rrdnsd.config.loader import Loaded, load_raw
from rrdnsd.config.overlay import Overlaid
from rrdnsd.core.ledger import Entry
from rrdnsd.core.membership import Start
from rrdnsd.core.orders import Setting, changes
from rrdnsd.daemon.control.book import Book, plain
from rrdnsd.daemon.control.drafting import supposed
from rrdnsd.daemon.control.office import Office
from rrdnsd.daemon.reload import Wish
from rrdnsd.errors import ConfigError, LedgerError, StoreError
from rrdnsd.store.audit import AuditRow
from rrdnsd.store.jsontext import Json
from rrdnsd.store.listed import Listed as Shelf

log = logging.getLogger(__name__)

AUTHOR = "the configuration file"
"""Who takes out of DNS what a file lists no more."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What another file comes to. `settings` are what this node has to say of what its file lists no more."""

    loaded: Loaded
    start: Start
    settings: Sequence[Setting]
    found: Overlaid
    prepared: Prepared


class Reloading:
    """What has to be done with a file."""

    def __init__(self, office: Office, live: Live, following: Following, shelf: Shelf) -> None:
        self._office = office
        self._live = live
        self._following = following
        self._shelf = shelf
        self._started = following.loaded.config

    async def take_up(self, wish: Wish) -> list[str]:
        """Read, check and apply the file, and return what that changes; as a dry run, what it would change.

        Raises:
            RrdnsdError: it cannot be used; nothing has changed.

        """
        before = self._following.loaded
        loaded = await asyncio.to_thread(load_raw, before.path, before.around.env, look)
        self._check(loaded)
        async with self._live.lock:
            draft = await self._drafted(loaded)
            committed = False
            try:
                told = _told(before, loaded, draft)
                if not wish.dry_run:
                    entries = await self._save(draft, wish, told)
                    committed = True
                    self._commit(draft, entries)
            finally:
                if not committed:
                    await self._live.discard(draft.prepared)
        return told

    def _check(self, loaded: Loaded) -> None:
        fixed = needs_restart(self._started, loaded.config)
        if fixed:
            sentence = "cannot be changed by a reload; restart rrdnsd for that, and for all else in the file"
            raise ConfigError(str(loaded.path), [f"{', '.join(fixed)}: {sentence}"])

    async def _drafted(self, loaded: Loaded) -> Draft:
        """Do everything that may fail but the saving."""
        office = self._office
        start = office.membership.reread(loaded.config.nodes)
        nodes = sorted({*start.record.nodes, office.node})
        before = listing(self._following.loaded.config)
        said = changes(office.book.ledger)
        settings = unlisting(before, loaded.config, said, office.node)
        wanted = changes(supposed(office.scene(), settings)) if settings else said
        found = await asyncio.to_thread(fitting, loaded, wanted, nodes)
        prepared = await self._live.prepare(found.config, found.changes)
        return Draft(loaded, start, settings, found, prepared)

    async def _save(self, draft: Draft, wish: Wish, told: Sequence[str]) -> list[Entry]:
        office = self._office
        path = str(draft.loaded.path)
        entries = await say(office.book, draft.settings, AUTHOR, path, office.wall())
        try:
            await self._shelf.save(rows(listing(draft.loaded.config)))
            after: Json = {"effect": [*told], "changed": bool(told), "asked": wish.asked}
            row = AuditRow(office.wall(), wish.who, "reload", path, wish.why, None, after, wish.request_id)
            await office.store.audit.record(row)
        except StoreError as error:
            # The file counts whether or not the disk takes a note of it: keys must be exchanged in time.
            log.warning("[load_conf] the reload cannot be noted on disk: %s", error)
        return entries

    def _commit(self, draft: Draft, entries: Sequence[Entry]) -> None:
        office = self._office
        self._live.commit(draft.prepared)
        self._following.taken_up(draft.loaded, draft.found.left_out)
        office.membership.begin_anew(draft.start)
        if entries:
            office.enforcement.enforce(entries)
            if office.transport:
                office.transport.ordered([entry.key for entry in entries])
        office.pulse.beat()


async def catch_up(loaded: Loaded, book: Book, shelf: Shelf, node: str, wall: float) -> list[Entry]:
    """At a start: see what the file lists no more that it listed when this node ran last, and say so.

    Never fails: where the disk cannot be read or written, nothing is withdrawn and nothing forgotten.
    """
    if book.trouble:
        return []
    try:
        kept = await shelf.load()
        settings = unlisting(_listing(kept or {}), loaded.config, changes(book.ledger), node)
        entries = await say(book, settings, AUTHOR, str(loaded.path), wall)
        now = rows(listing(loaded.config))
        if now != kept:
            await shelf.save(now)
    except (StoreError, ConfigError) as error:
        log.warning("[load_conf] what the file lists no more is not withdrawn yet: %s", error)
        return []
    return entries


async def say(book: Book, settings: Sequence[Setting], who: str, path: str, wall: float) -> list[Entry]:
    """Save what this node says of its file, so that it counts.

    Raises:
        StoreError: nothing was saved, or it is not known.
        ConfigError: the ledger cannot hold it.

    """
    news = book.news(settings)
    if not news:
        return []
    try:
        entries = book.stamped(news, who, path)
    except LedgerError as error:
        raise ConfigError(path, [f"what is to be withdrawn cannot be kept: {error}"]) from error
    said: Json = {"orders": {entry.key: plain(entry.value) for entry in entries}}
    await book.write(entries, AuditRow(wall, who, "unlisted", path, "", None, said))
    return entries


def rows(found: Listing) -> dict[str, Json]:
    """Return what is to be remembered of a file, as it is kept."""
    return {
        fqdn: [one.zone, one.provider, sorted(one.addresses), one.on_remove] for fqdn, one in found.items()
    }


def _listing(kept: Mapping[str, Json]) -> Listing:
    found = {}
    for fqdn, row in kept.items():
        match row:
            case [str(zone), str(provider), [*addresses], str(on_remove)]:
                found[fqdn] = Listed(zone, provider, frozenset(map(str, addresses)), on_remove)
            case _:
                pass  # damaged: what is not known is kept
    return found


def _told(before: Loaded, after: Loaded, draft: Draft) -> list[str]:
    withdrawn: dict[str, frozenset[str]] = {}
    node = after.config.local_node
    for fqdn, by_node in draft.prepared.changes.unlisted.items():
        if node in by_node:
            withdrawn[fqdn] = by_node[node].addresses
    return differences(before.config, after.config, withdrawn)
