"""Carries orders out: checked whole, saved with their audit row, put into force, told to the peers.

One order after the other, so that each is checked against what the one before has left. Waiting for the
peers is not part of that.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from rrdnsd.control import orders as o
from rrdnsd.control.base import OrderError, Problem
from rrdnsd.control.reports import Outcome
from rrdnsd.core.ledger import Entry
from rrdnsd.core.membership import Change
from rrdnsd.core.orders import Setting, changes
from rrdnsd.daemon.control import handlers, placing
from rrdnsd.daemon.control.book import plain
from rrdnsd.daemon.control.drafting import Draft, conflict, known_service, supposed
from rrdnsd.daemon.control.office import Office
from rrdnsd.daemon.control.scene import Scene
from rrdnsd.daemon.control.standing import is_change
from rrdnsd.daemon.reload import Wish
from rrdnsd.errors import ConfigError, LedgerError, RrdnsdError, StoreError
from rrdnsd.store.audit import AuditRow
from rrdnsd.store.jsontext import Json

PEERS_SECONDS = 2.0
"""How long an answer waits for the peers that are heard."""

Handler = Callable[[Any, Scene], Draft]

HANDLERS: dict[type[o.Order], Handler] = {
    o.Drain: handlers.drain,
    o.Undrain: handlers.undrain,
    o.Maintenance: handlers.maintenance,
    o.EndMaintenance: handlers.end_maintenance,
    o.Pause: handlers.pause,
    o.Resume: handlers.resume,
    o.Failover: handlers.failover,
    o.Failback: handlers.failback,
    o.Force: handlers.force,
    o.Unforce: handlers.unforce,
    o.AddService: placing.add_service,
    o.RemoveService: placing.remove_service,
    o.AddEndpoint: placing.add_endpoint,
    o.RemoveEndpoint: placing.remove_endpoint,
}
"""What each order that the ledger carries comes to. Refresh, reload and the changes of nodes go other ways."""


class Execution:
    """Takes orders. What was begun is ended, whether or not the one who asked still waits."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._one = asyncio.Lock()
        self._running: set[asyncio.Task[Outcome]] = set()

    async def order(self, order: o.Order, by: str) -> Outcome:
        """Carry out an order of somebody; `by` is the name that the credentials stand for.

        Raises:
            OrderError: it cannot be done; nothing has changed.

        """
        task = asyncio.create_task(self._carried_out(order, _who(order, by)), name=f"order {order.path}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    def _carried_out(self, order: o.Order, who: str) -> Coroutine[Any, Any, Outcome]:
        match order:
            case o.Refresh():
                return self._refreshed(order, who)
            case o.AddNode():
                return self._reseated(order, Change("add", order.node), who)
            case o.RemoveNode():
                return self._reseated(order, Change("remove", order.node), who)
            case o.Reload():
                return self._reloaded(order, who)
            case _:
                return self._ordered(order, HANDLERS[type(order)], who)

    async def _ordered(self, order: o.Order, handler: Handler, who: str) -> Outcome:
        async with self._one:
            before = await self._before(order)
            if before:
                return before
            self._check_membership()
            draft = handler(order, self._office.scene())
            news = self._office.book.news(draft.settings)
            if not news and (order.dry_run or not order.request_id):
                return self._unchanged(draft, news, order)
            async with self._changing(news, order) as bring_into_force:
                if order.dry_run:
                    return self._unchanged(draft, news, order)
                entries = await self._save(order, draft, news, who)
                if entries:
                    bring_into_force()
                    self._put_into_force(entries)
        if not entries:
            return self._unchanged(draft, news, order)
        agreement = await self._told(entries)
        return Outcome(True, [*draft.effect], *agreement, safe_at=draft.safe_at)

    @asynccontextmanager
    async def _changing(self, news: Sequence[Setting], order: o.Order) -> AsyncIterator[Callable[[], None]]:
        """Prepare what the order changes about the configuration, so that nothing is saved that cannot be done."""
        if not any(is_change(setting.key) for setting in news):
            yield lambda: None
            return
        entries = supposed(self._office.scene(), news)
        async with AsyncExitStack() as stack:
            try:
                commit = await stack.enter_async_context(self._office.watched.changing(changes(entries)))
            except ConfigError as error:
                field = "config" if isinstance(order, o.AddService) else ""
                raise OrderError("invalid", placing.problems(error, field)) from error
            except RrdnsdError as error:
                raise OrderError("invalid", [Problem("", str(error))]) from error
            yield commit

    async def _save(self, order: o.Order, draft: Draft, news: Sequence[Setting], who: str) -> Sequence[Entry]:
        book = self._office.book
        try:
            entries = book.stamped(news, who, order.why)
            before = {s.key: plain(e.value) for s in news if (e := book.ledger.get(s.key))}
            after: dict[str, Json] = {
                "orders": {entry.key: plain(entry.value) for entry in entries},
                "effect": [*(draft.effect if news else [draft.stands])],
                "changed": bool(news),
                "safe_at": draft.safe_at,
            }
            row = self._row(order, draft.target, who, {"orders": before}, after)
            saved = await book.write(entries, row)
        except LedgerError as error:
            raise OrderError("invalid", [Problem("", str(error))]) from error
        except StoreError as error:
            raise unavailable(error) from error
        return entries if saved else ()

    def _put_into_force(self, entries: Sequence[Entry]) -> None:
        office = self._office
        office.enforcement.enforce(entries)
        if office.transport:
            office.transport.ordered([entry.key for entry in entries])

    async def _told(self, entries: Sequence[Entry]) -> tuple[list[str], list[str]]:
        """Wait for the peers for a moment; return who knows and who does not."""
        office = self._office
        if office.transport is None:
            return [office.node], []
        agreement = await office.transport.agreed([entry.key for entry in entries], PEERS_SECONDS)
        return [office.node, *agreement.known_by], [*agreement.unknown_to]

    async def _before(self, order: o.Order) -> Outcome | None:
        """Return the outcome of the same request, if it was carried out before."""
        if not order.request_id or order.dry_run:
            return None
        try:
            row = await self._office.store.audit.find(order.request_id)
        except StoreError as error:
            raise unavailable(error) from error
        if row is None:
            return None
        after = row.after if isinstance(row.after, dict) else {}
        if row.action != order.path or after.get("asked") != _asked(order):
            raise conflict(f"the request_id {order.request_id!r} was used for another order before")
        safe_at = after.get("safe_at")
        return Outcome(
            changed=bool(after.get("changed")),
            effect=[str(line) for line in after.get("effect", ())],
            known_by=[self._office.node],
            unknown_to=[],
            safe_at=safe_at if isinstance(safe_at, float) else None,
        )

    def _unchanged(self, draft: Draft, news: Sequence[Setting], order: o.Order) -> Outcome:
        effect = [*draft.effect] if news else [draft.stands]
        safe_at = draft.safe_at
        return Outcome(bool(news), effect, [self._office.node], [], safe_at, dry_run=order.dry_run)

    def _row(self, order: o.Order, target: str, who: str, before: Json, after: dict[str, Json]) -> AuditRow:
        return AuditRow(
            at=self._office.wall(),
            who=who,
            action=order.path,
            target=target,
            why=order.why,
            before=before,
            after={**after, "asked": _asked(order)},
            request_id=order.request_id or None,
        )

    async def _refreshed(self, order: o.Refresh, who: str) -> Outcome:
        """Write a name anew from here; the audit comes first, because what is written cannot be taken back."""
        office = self._office
        async with self._one:
            before = await self._before(order)
            if before:
                return before
            self._check_membership()
            scene = office.scene()
            held = scene.engine.publications[known_service(scene, order.service)].held
            if held:
                raise conflict(f"nothing is written: {held}")
            keepers = scene.keepers(order.service)
            effect = [
                f"{k.server}: adds all live addresses of {order.service}, then deletes the others"
                for k in keepers
            ]
            if order.dry_run:
                return Outcome(True, effect, [office.node], [], dry_run=True)
            await self._record(order, order.service, who, {"effect": effect, "changed": True})
        done = await asyncio.gather(*(keeper.refresh(order.service) for keeper in keepers))
        told = [found.sentence for found in done]
        office.chronicle.note(
            "order", f"{order.service}: refreshed by {who}: {'; '.join(told)}", order.service
        )
        return Outcome(any(found.writes for found in done), told, [office.node], [])

    async def _reseated(self, order: o.Order, change: Change, who: str) -> Outcome:
        """Let the nodes agree on one more or one fewer."""
        office, membership = self._office, self._office.membership
        before = await self._before(order)
        if before:
            return before
        await self._check_nodes(change)
        settled = membership.preview(change)
        if settled.changed and not order.dry_run:
            # What the nodes agree on cannot be taken back: who asked for it is kept before they are asked.
            asked = order.model_copy(update={"request_id": ""})
            await self._record(asked, change.node, who, {"effect": ["the nodes are asked"], "changed": False})
            settled = await membership.change(change)
        if settled.trouble:
            raise OrderError(settled.trouble, [Problem("", settled.sentence)])
        effect = [settled.sentence]
        if settled.changed and not order.dry_run:
            office.chronicle.note("order", f"{change.node}: {order.path} by {who}: {settled.sentence}")
            try:
                await self._record(order, change.node, who, {"effect": [*effect], "changed": True})
            except OrderError as error:
                # The nodes have agreed: to call that a failure would be wrong.
                effect += [f"it is not in the audit: {problem.sentence}" for problem in error.problems]
        heard = membership.heard()
        known, unknown = (
            [n for n in membership.nodes if n in heard],
            [n for n in membership.nodes if n not in heard],
        )
        return Outcome(settled.changed, effect, known, unknown, dry_run=order.dry_run)

    async def _reloaded(self, order: o.Order, who: str) -> Outcome:
        """Take up this node's configuration file; the reload itself writes the audit."""
        before = await self._before(order)
        if before:
            return before
        office = self._office
        try:
            wish = Wish(who, order.why, order.dry_run, order.request_id or None, _asked(order))
            effect = await office.file.reload(wish)
        except ConfigError as error:
            raise OrderError("invalid", [Problem("", sentence) for sentence in error.problems]) from error
        except StoreError as error:
            raise unavailable(error) from error
        except RrdnsdError as error:
            raise OrderError("invalid", [Problem("", str(error))]) from error
        told = effect or ["the file says what is in use"]
        return Outcome(bool(effect), told, [office.node], [], dry_run=order.dry_run)

    def _check_membership(self) -> None:
        """Refuse what nobody would heed now, and all would once this node is added again."""
        if self._office.node not in self._office.membership.nodes:
            raise conflict("this node was removed from the cluster: ask another one")

    async def _check_nodes(self, change: Change) -> None:
        """See that configuration and sandbox allow these nodes: several need a cluster_secret or TLS."""
        office = self._office
        nodes = change.applied(office.membership.nodes)
        if change.action != "add" or nodes == office.membership.nodes:
            return
        try:
            await office.watched.check(changes(office.book.ledger), nodes)
        except ConfigError as error:
            raise OrderError("invalid", [Problem("node", sentence) for sentence in error.problems]) from None

    async def _record(self, order: o.Order, target: str, who: str, after: dict[str, Json]) -> None:
        try:
            await self._office.store.audit.record(self._row(order, target, who, None, after))
        except StoreError as error:
            raise unavailable(error) from error


def unavailable(error: StoreError) -> OrderError:
    """Say that the disk is to blame."""
    return OrderError("unavailable", [Problem("", str(error))])


def _asked(order: o.Order) -> Json:
    asked: Json = order.model_dump(mode="json", exclude={"why", "who", "request_id", "dry_run"})
    return asked


def _who(order: o.Order, by: str) -> str:
    return f"{by} ({order.who})" if order.who else by
