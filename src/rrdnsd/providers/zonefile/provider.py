"""Changes a zone by its file: read, edit, check, rename, reload, read back; see `providers.base.Provider`."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable, Collection
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

import dns.message
import dns.rdatatype

from rrdnsd.core.model import Applied, NameChange, Plan, RRset, RRsetKey, ZoneView
from rrdnsd.errors import ProviderError
from rrdnsd.providers import query
from rrdnsd.providers.base import Resolver
from rrdnsd.providers.batches import holds
from rrdnsd.providers.server import connect, first_ident
from rrdnsd.providers.zonefile import file
from rrdnsd.providers.zonefile.check import absent, checked
from rrdnsd.providers.zonefile.control import session
from rrdnsd.providers.zonefile.edit import Edit, edit
from rrdnsd.providers.zonefile.options import Options

P = ParamSpec("P")
T = TypeVar("T")

_FIRST_LOOK, _LAST_LOOK = 0.005, 0.1  # seconds between looks at what is served after a reload
_BROKEN_AFTER = 0.5  # seconds of SERVFAIL after which a zone does not come back by itself
_LOCK_EVERY = 0.05


class ZoneFile:
    """The zones that one server on this machine reads from files."""

    of_this_node = True

    def __init__(self, label: str, options: Options, resolver: Resolver, timeout: float) -> None:
        self.label = label
        self._options = options
        self._server = connect(resolver, None, timeout)
        self._timeout = timeout
        self._writing = asyncio.Lock()
        self._contradicted: dict[str, str] = {}
        """Names for which the server answers what no reload explains, and the digest of the file it was so with."""

    async def start(self) -> None:
        """See that the checking program is there; file and socket are looked at when they are needed.

        Raises:
            ProviderError: it is not.

        """
        missing = absent(self._options.check)
        if missing:
            raise ProviderError(missing)

    async def fetch(self, zone: str, keys: Collection[RRsetKey]) -> ZoneView:
        """Ask the server itself, over TCP: the file says what it may serve one day.

        Raises:
            ProviderError: the server cannot be reached or refuses.

        """
        async with self._writing:  # NSD resets connections while it reloads
            return await query.fetch(self._server, zone, keys)

    async def apply(self, plan: Plan) -> Applied:
        """Write all changes of the plan with one new file and one reload.

        A name that stands in the file otherwise than the server answers was edited and not reloaded: that is done now,
        and the name is stale. What is in the file then and still not answered is refused.

        Raises:
            ProviderError: the file, the check, the control socket or the server fails; where the server does not serve
                the new file, the old one is put back.

        """
        if not plan.changes:
            return Applied(frozenset())
        path = await finished(self._options.path(plan.zone).resolve)
        async with self._writing, locked(path, self._timeout):
            return await self._apply(path, plan)

    async def close(self) -> None:
        """Close the connection."""
        await self._server.exchange.close()

    async def _apply(self, path: Path, plan: Plan) -> Applied:
        seen = await finished(file.read, path)
        digest = _digest(seen.text)
        known = {c.name for c in plan.changes if self._contradicted.get(c.name) == digest}
        today = datetime.now().astimezone().date()
        made = await finished(edit, seen.text, str(path), plan.zone, plan.changes, known, today)
        known &= made.differing
        names = frozenset(change.name for change in plan.changes)
        refused = {**made.refused, **dict.fromkeys(known, self._contradiction(path))}
        if names == refused.keys():
            return Applied(frozenset(), refused=refused)
        if not await self._load(path, plan.zone, seen, made):
            return Applied(frozenset(), names - refused.keys(), refused)
        view = await self._served(path, plan, seen, made)
        written = frozenset(c.name for c in plan.changes if c.name in made.written and _shows(view, c))
        still = {c.name for c in plan.changes if c.name in made.differing - known and holds(c, view)}
        self._contradicted.update(dict.fromkeys(still | known, _digest(made.text)))
        refused |= dict.fromkeys(still, self._contradiction(path))
        return Applied(written, names - written - refused.keys(), refused, messages=1)

    async def _load(self, path: Path, zone: str, seen: file.Snapshot, made: Edit) -> bool:
        """Put the new file in place and let it be read; False where somebody else changed the file meanwhile.

        The control socket is connected to before the rename: what cannot be loaded shall not be there either.
        """
        changed = made.text != seen.text
        try:
            if changed:
                await finished(file.write_beside, path, made.text)
            await self._check(path, zone, changed=changed)
            async with session(self._options, self._timeout) as control:
                if changed and not await finished(file.put, path, seen):
                    return False
                refusal = await control.reload(zone)
        finally:
            if changed:
                await finished(file.drop, path)
        if refusal:
            back = await self._put_back(path, zone, seen, made) if changed else ""
            raise ProviderError(f"{refusal}{back}")
        return True

    async def _check(self, path: Path, zone: str, *, changed: bool) -> None:
        check = partial(checked, self._options.check, zone, timeout=self._timeout)
        new = file.beside(path)
        wrong = await check(new if changed else path)
        if not wrong:
            return
        before = await check(path) if changed else wrong
        program = self._options.check[0]
        if before:
            sentence = f"the zone file {path} is broken, mend it first: {program} says: {before}"
        else:
            sentence = (
                f"{program} does not take the changed zone file {path}, which is left as it was: {wrong}"
            )
        raise ProviderError(sentence.replace(str(new), str(path)))

    async def _served(self, path: Path, plan: Plan, seen: file.Snapshot, made: Edit) -> ZoneView:
        """Wait until the server answers with the file's serial and the plan's records, and give what it answers."""
        clock = asyncio.get_running_loop().time
        keys = [rrset.key for change in plan.changes for rrset in change.rrsets]
        expected = [change for change in plan.changes if change.name in made.written]
        began, pause = clock(), _FIRST_LOOK
        while True:
            found = await self._serial(plan.zone)
            view = await self._view(plan.zone, keys) if found == made.serial else None
            late = clock() - began > self._timeout
            if view and (late or all(_shows(view, change) for change in expected)):
                return view
            if late or (found is None and clock() - began > _BROKEN_AFTER):
                break
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LAST_LOOK)
        name = self._options.kind.name
        if found is not None:
            raise ProviderError(
                f"{name} answered ok to the reload of {plan.zone}, and still serves serial {found}, not {made.serial}, "
                f"after {self._timeout:g} s: does it read {path}? If it only takes its time, raise update_timeout_ms"
            )
        back = await self._put_back(path, plan.zone, seen, made) if made.text != seen.text else ""
        raise ProviderError(f"{name} does not serve {plan.zone} after the reload of {path}{back}")

    async def _view(self, zone: str, keys: Collection[RRsetKey]) -> ZoneView | None:
        try:
            return await query.fetch(self._server, zone, keys)
        except ProviderError:
            return None

    async def _serial(self, zone: str) -> int | None:
        """Give the serial that is served; None where the server does not answer or does not serve the zone."""
        question = dns.message.make_query(zone, dns.rdatatype.SOA, flags=0, id=first_ident(1))
        try:
            (reply,) = await self._server.ask([question.to_wire()])
        except ProviderError:
            return None
        answer = reply.message.answer if reply.message and reply.rcode == "NOERROR" else []
        return next((r[0].serial for r in answer if r.rdtype == dns.rdatatype.SOA), None)

    async def _put_back(self, path: Path, zone: str, seen: file.Snapshot, made: Edit) -> str:
        """Put the old file back and let it be read; gives the end of a sentence on what came of it."""
        try:
            now = await finished(file.read, path)
            if now.text != made.text:
                return "; somebody else has changed it meanwhile, so it is left as it is"
            await finished(file.write_beside, path, seen.text)
            await finished(file.put, path, now)
            async with session(self._options, self._timeout) as control:
                refusal = await control.reload(zone)
        except ProviderError as error:
            return f"; the old file could not be put back and loaded: {error}"
        return f"; the old file is back{f', but {refusal}' if refusal else ' and loaded'}"

    def _contradiction(self, path: Path) -> str:
        return (
            f"{self._options.kind.name} answers for the name what {path} does not hold: a wildcard answers (then add the "
            "name's own record once by hand), an $INCLUDE file holds it, or the server reads another file"
        )


async def finished(step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a blocking step in a thread and, even when cancelled, wait for its end: no step may outlive its lock."""
    task = asyncio.ensure_future(asyncio.to_thread(step, *args, **kwargs))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


@contextlib.asynccontextmanager
async def locked(path: Path, within: float) -> AsyncIterator[None]:
    """Hold the lock of a zone file, by which operators and programs keep out of each other's way.

    Raises:
        ProviderError: somebody else holds it for longer than `within` seconds.

    """
    until = asyncio.get_running_loop().time() + within
    with file.opened_lock(path) as opened:
        while not file.locks(opened):
            if asyncio.get_running_loop().time() > until:
                raise ProviderError(
                    f"{file.lock_of(path)} has been locked for {within:g} s: somebody edits {path}, and rrdnsd waits"
                )
            await asyncio.sleep(_LOCK_EVERY)
        yield


def _shows(view: ZoneView, change: NameChange) -> bool:
    return change.name not in view.problems and all(
        _addresses(view.rrsets.get(rrset.key)) == _addresses(rrset.after) for rrset in change.rrsets
    )


def _addresses(rrset: RRset | None) -> frozenset[str]:
    return rrset.addresses if rrset else frozenset()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("latin-1")).hexdigest()
