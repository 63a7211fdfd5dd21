"""The provider that vendors with single records share: they differ only in the requests of their accounts.

No such vendor can change a record on a condition. So everything is read once more right before it is written,
and a name that has changed is reported as stale: that leaves a window of one round trip instead of none.
"""

import asyncio
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from rrdnsd.core.model import Applied, NameChange, Plan, RRsetKey, ZoneView
from rrdnsd.providers.batches import holds
from rrdnsd.providers.vendor.client import unwrapped
from rrdnsd.providers.vendor.rrsets import Record, Step, steps, view_of

WRITE_WITHIN = 10.0
"""Seconds after which the rest of a plan is not sent any more: it says what was decided then, not what is now."""


class Account(Protocol):
    """One account at a vendor. All of it raises ProviderError for what concerns more than one record."""

    host: str
    """Names the vendor in a sentence."""
    least_ttl: int
    """The shortest TTL that the vendor takes, in seconds."""
    can_retag: bool
    """Whether a record's TTL can be changed without deleting the record for a moment."""
    at_once: int
    """How many names may be written at the same time."""

    async def records(self, zone: str, names: Collection[str]) -> Sequence[Record]:
        """List the records of the zone, at least all of these names and of the names above them, fresh."""

    def unfit(self, name: str) -> str:
        """Tell, after its records were listed, why a name cannot be managed here at all; "" where it can."""

    async def add(self, zone: str, record: Record) -> str:
        """Create the record. Gives "" or why the vendor does not take this one."""

    async def retag(self, zone: str, record: Record) -> str:
        """Give the record its new TTL. Gives "" or why not."""

    async def remove(self, zone: str, record: Record) -> str:
        """Delete the record; one that is gone already is no error. Gives "" or why not."""

    async def close(self) -> None:
        """Close the connections; never raises."""


class VendorZone:
    """The zones of one account; see `providers.base.Provider` for the contract."""

    def __init__(self, label: str, account: Account) -> None:
        self.label = label
        self._account = account
        self._writing = asyncio.Lock()

    async def start(self) -> None:
        """Open nothing: the first question does."""

    async def fetch(self, zone: str, keys: Collection[RRsetKey]) -> ZoneView:
        """List the records at the vendor, all pages of them.

        Raises:
            ProviderError: the vendor cannot be reached, refuses, or its list is not whole.

        """
        return self._view(zone, await self._account.records(zone, _names(keys)), keys)

    async def apply(self, plan: Plan) -> Applied:
        """Read the names once more, then write those that are as the plan found them, one writer at a time.

        Raises:
            ProviderError: the vendor cannot be reached or refuses everything. Some names may have been written.

        """
        if not plan.changes:
            return Applied(frozenset())
        async with self._writing:
            state = _Progress(deque(plan.changes), asyncio.get_running_loop().time() + WRITE_WITHIN)
            keys = [rrset.key for change in plan.changes for rrset in change.rrsets]
            records = await self._account.records(plan.zone, _names(keys))
            view = self._view(plan.zone, records, keys)
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(self._account.at_once):
                        group.create_task(self._work(plan.zone, records, view, state))
            except BaseExceptionGroup as failed:
                raise unwrapped(failed) from None
        return Applied(frozenset(state.written), frozenset(state.stale), state.refused, state.requests)

    async def close(self) -> None:
        """Close the connections."""
        await self._account.close()

    def _view(self, zone: str, records: Sequence[Record], keys: Collection[RRsetKey]) -> ZoneView:
        view = view_of(self._account.host, zone, records, keys)
        unfit = {name: why for name in _names(keys) if (why := self._account.unfit(name))}
        return ZoneView(
            {key: view.rrsets[key] for key in view.rrsets if key.name not in unfit},
            {**view.problems, **unfit},
        )

    async def _work(self, zone: str, records: Sequence[Record], view: ZoneView, state: "_Progress") -> None:
        clock = asyncio.get_running_loop().time
        while state.todo:
            change = state.todo.popleft()
            if clock() > state.until or not holds(change, view):
                state.stale.add(change.name)
                continue
            refusal = await self._write(zone, change, records, state)
            if refusal:
                state.refused[change.name] = refusal
            else:
                state.written.add(change.name)

    async def _write(
        self, zone: str, change: NameChange, records: Sequence[Record], state: "_Progress"
    ) -> str:
        """Carry out one name's steps up to the first that is refused: nothing is removed after that."""
        account = self._account
        todo = steps(account.host, change, records, account.least_ttl)
        if not account.can_retag:
            todo = [step for step in todo if step.action != "retag"]
        for step in todo:
            state.requests += 1
            refusal = await self._do(zone, step)
            if refusal:
                return refusal
        return "" if todo else _why_nothing(account)

    async def _do(self, zone: str, step: Step) -> str:
        match step.action:
            case "add":
                return await self._account.add(zone, step.record)
            case "retag":
                return await self._account.retag(zone, step.record)
            case "remove":
                return await self._account.remove(zone, step.record)


@dataclass(slots=True)
class _Progress:
    """What became of the names so far; after `until`, on the loop's clock, no further one is begun."""

    todo: deque[NameChange]
    until: float
    written: set[str] = field(default_factory=set)
    stale: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)
    requests: int = 0


def _why_nothing(account: Account) -> str:
    if not account.can_retag:
        return f"the TTL of records that exist is left alone at {account.host}: it would take deleting them for a moment"
    return f"{account.host} takes no TTL below {account.least_ttl} s; that is set already"


def _names(keys: Collection[RRsetKey]) -> frozenset[str]:
    return frozenset(key.name for key in keys)
