"""`powerdns`: the HTTP API of PowerDNS Authoritative, whole RRsets at a time (doc.powerdns.com, HTTP API, Zones).

One PATCH is one transaction of the server's database: all names of a message change together or none does.
"""

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

from rrdnsd.core.model import Applied, NameChange, Plan, RRsetChange, RRsetKey, ZoneView
from rrdnsd.errors import ProviderError
from rrdnsd.providers import batches
from rrdnsd.providers.base import Provider, ProviderSpec
from rrdnsd.providers.outcome import Denied, Outcome, Stale, TooBig, Written
from rrdnsd.providers.vendor import options, shapes
from rrdnsd.providers.vendor.client import Access, Api, TooLargeError, unwrapped
from rrdnsd.providers.vendor.rrsets import Record, above, view_of

log = logging.getLogger(__name__)

_ONE_BY_ONE = 100  # names that are asked for singly; from more of them on the whole zone is read
_MOST_NAMES = 2000  # in one PATCH: pdns_server takes 2 MiB at most by default
_PRIMARY = frozenset({"Master", "Primary", "Producer"})
_SECONDARY = frozenset({"Slave", "Secondary", "Consumer"})


def build(spec: ProviderSpec) -> tuple[Provider, ...]:
    """Make one provider for each `url` in the options; `server_id` and `ca_file` are options as well.

    Raises:
        ConfigError: no key, no URL, or an option that does not exist.

    """
    options.only(spec, {"url", "server_id", "ca_file"})
    key = options.token(spec, "the api-key of pdns.conf")
    if "url" not in spec.options:
        raise options.problem(
            spec, "options.url", 'is required by powerdns: its webserver, such as "http://192.0.2.1:8081"'
        )
    server = quote(str(spec.options.get("server_id", "localhost")), safe="")
    tls = options.tls_context(spec)
    made = []
    for url in options.base_urls(spec, plain=True):
        base = url if url.endswith("/api/v1") else url + "/api/v1"
        access = Access(f"{base}/servers/{server}", spec.timeout, {"X-API-Key": key}, (key,), tls)
        made.append(PowerDns(f"{spec.name} {access.host}", Api(access)))
    return tuple(made)


@dataclass(frozen=True, slots=True)
class _Zone:
    """What was read of a zone. `disabled` are contents that the server keeps without serving them."""

    kind: str
    records: Sequence[Record]
    disabled: Mapping[RRsetKey, Sequence[str]]


class PowerDns:
    """One PowerDNS server; see `providers.base.Provider` for the contract."""

    def __init__(self, label: str, api: Api) -> None:
        self.label = label
        self._api = api
        self._writing = asyncio.Lock()
        self._warned: set[str] = set()

    async def start(self) -> None:
        """Open nothing: the first question does."""

    async def fetch(self, zone: str, keys: Collection[RRsetKey]) -> ZoneView:
        """Read the names from the server's database.

        Raises:
            ProviderError: the server cannot be reached, refuses, or its answer is no zone.

        """
        read = await self._read(zone, keys)
        return view_of(self._api.host, zone, read.records, keys)

    async def apply(self, plan: Plan) -> Applied:
        """Write the plan with one PATCH where nothing stands in its way.

        The API knows no condition: the names are read once more right before, and only the window between those
        two requests is left.

        Raises:
            ProviderError: the server cannot be reached, or refuses so much that it is not about a name.

        """
        async with self._writing:
            return await batches.write(plan, partial(self._send, plan.zone), partial(self.fetch, plan.zone))

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()

    async def _send(self, zone: str, changes: Sequence[NameChange]) -> Outcome:
        if len(changes) > _MOST_NAMES:
            return TooBig()
        keys = [rrset.key for change in changes for rrset in change.rrsets]
        read = await self._read_whole(zone, keys)
        view = view_of(self._api.host, zone, read.records, keys)
        if not all(batches.holds(change, view) for change in changes):
            return Stale()
        rrsets = [_rrset(rrset, read.disabled.get(rrset.key, ())) for c in changes for rrset in c.rrsets]
        answer = await self._api.ask("PATCH", _path(zone), body={"rrsets": rrsets})
        if answer.refusal:
            return Denied(answer.refusal)
        if read.kind in _PRIMARY:
            await self._notify(zone)
        return Written()

    async def _notify(self, zone: str) -> None:
        """Tell the secondaries at once; by itself the server looks for changed zones once a minute."""
        try:
            await self._api.ask("PUT", f"{_path(zone)}/notify")
        except ProviderError as error:
            log.warning("[updater] %s: the secondaries of %s are told later: %s", self.label, zone, error)

    async def _read_whole(self, zone: str, keys: Collection[RRsetKey]) -> _Zone:
        """Read disabled records as well, which are not among those of a single name: a REPLACE must keep them."""
        try:
            return _parts(zone, await self._get(zone, None))
        except TooLargeError:  # a zone of that size can only be written without looking for them
            return await self._read(zone, keys)

    async def _read(self, zone: str, keys: Collection[RRsetKey]) -> _Zone:
        names = sorted({name for key in keys for name in (key.name, *above(key.name, zone))})
        if len(names) > _ONE_BY_ONE:
            return _parts(zone, await self._get(zone, None))
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._get(zone, name)) for name in names]
        except BaseExceptionGroup as failed:
            raise unwrapped(failed) from None
        parts = [_parts(zone, task.result()) for task in tasks]
        # Servers before 4.7 do not know rrset_name and give the whole zone each time: the same records again.
        records = dict.fromkeys(record for part in parts for record in part.records)
        disabled = {key: contents for part in parts for key, contents in part.disabled.items()}
        return _Zone(parts[0].kind if parts else "", tuple(records), disabled)

    async def _get(self, zone: str, name: str | None) -> Mapping[str, object]:
        query = {"rrset_name": name + "."} if name else None
        answer = await self._api.ask("GET", _path(zone), query)
        if answer.refusal:
            raise ProviderError(f"the zone {zone} cannot be read: {answer.refusal}")
        where = f"{self._api.host}, zone {zone}"
        data = shapes.mapping(answer.data, where)
        if shapes.scalar(data, "name", str, where).lower() != zone + ".":
            raise ProviderError(f"{where}: it answers with another zone")
        self._look_at_kind(zone, data, where)
        return data

    def _look_at_kind(self, zone: str, data: Mapping[str, object], where: str) -> None:
        kind = shapes.scalar(data, "kind", str, where)
        if kind in _SECONDARY:
            raise ProviderError(
                f"{where}: it is a secondary there and gets its records from elsewhere; give the primary"
            )
        if kind in _PRIMARY and not data.get("soa_edit_api") and zone not in self._warned:
            self._warned.add(zone)
            log.warning(
                "[updater] %s: secondaries will not see changes of %s, whose serial the API leaves as it is: "
                "pdnsutil set-meta %s SOA-EDIT-API DEFAULT",
                *(self.label, zone, zone),
            )


def _path(zone: str) -> str:
    return f"/zones/{zone}."


def _rrset(change: RRsetChange, disabled: Sequence[str]) -> dict[str, object]:
    owner = {"name": change.key.name + ".", "type": change.key.rtype}
    records = [{"content": content, "disabled": True} for content in disabled]
    if change.after is None and not records:
        return {**owner, "changetype": "DELETE"}
    rrset = change.after or change.before
    addresses = sorted(change.after.addresses) if change.after else []
    records = [{"content": address, "disabled": False} for address in addresses] + records
    return {**owner, "changetype": "REPLACE", "ttl": rrset.ttl if rrset else 0, "records": records}


def _parts(zone: str, data: Mapping[str, object]) -> _Zone:
    where = f"PowerDNS, zone {zone}"
    records: list[Record] = []
    disabled: dict[RRsetKey, list[str]] = {}
    for rrset in shapes.items(data, "rrsets", where):
        name = shapes.scalar(rrset, "name", str, where).lower().rstrip(".")
        rtype = shapes.scalar(rrset, "type", str, where)
        ttl = shapes.scalar(rrset, "ttl", int, where)
        for record in shapes.items(rrset, "records", where):
            content = shapes.scalar(record, "content", str, where)
            if not shapes.scalar(record, "disabled", bool, where):
                records.append(Record("", name, rtype, content, ttl))
            elif rtype in {"A", "AAAA"}:
                key = RRsetKey(name, "A" if rtype == "A" else "AAAA")
                disabled.setdefault(key, []).append(content)
    return _Zone(shapes.scalar(data, "kind", str, where), records, disabled)
