"""`digitalocean`: DigitalOcean's API v2, domain records (docs.digitalocean.com/reference/api)."""

from collections.abc import Collection, Mapping, Sequence

from rrdnsd.core.model import rtype_of
from rrdnsd.errors import ProviderError
from rrdnsd.providers.base import Provider, ProviderSpec
from rrdnsd.providers.vendor import options, shapes
from rrdnsd.providers.vendor.account import VendorZone
from rrdnsd.providers.vendor.client import Access, Api
from rrdnsd.providers.vendor.rrsets import Record

URL = "https://api.digitalocean.com/v2"
_PAGE = 200  # the most the API gives at a time
_MOST_PAGES = 250
_LEAST_TTL = 30
_GONE = 404
_LOOKS = 2  # a list that changes while it is read is read once more


def build(spec: ProviderSpec) -> tuple[Provider, ...]:
    """Make the one provider of the account; the option `url` names another base URL than the vendor's.

    Raises:
        ConfigError: no token, or an option that does not exist.

    """
    options.only(spec, {"url"})
    token = options.token(spec, "a personal access token that may read and change domains")
    (url,) = options.base_urls(spec, URL)[:1]
    access = Access(url, spec.timeout, {"Authorization": f"Bearer {token}"}, (token,))
    return (VendorZone(f"{spec.name} {access.host}", DigitalOcean(Api(access))),)


class DigitalOcean:
    """One account; see `vendor.account.Account` for the contract."""

    least_ttl = _LEAST_TTL
    can_retag = True
    at_once = 3

    def __init__(self, api: Api) -> None:
        self.host = api.host
        self._api = api

    async def records(self, zone: str, names: Collection[str]) -> Sequence[Record]:  # noqa: ARG002 -- all come anyway
        """List all records of the zone, page by page.

        Raises:
            ProviderError: a page is missing, or the vendor cannot be asked.

        """
        total, records = 0, dict[str, Record]()
        for _ in range(_LOOKS):
            total, records = await self._pages(zone)
            if len(records) == total:
                return list(records.values())
        raise ProviderError(
            f"{self.host} lists {len(records)} of the {total} records it says {zone} has: the list is not believed"
        )

    def unfit(self, name: str) -> str:  # noqa: ARG002 -- the contract's
        """Every name can be managed."""
        return ""

    async def add(self, zone: str, record: Record) -> str:
        """Create a record."""
        body = {
            "type": record.rtype,
            "name": _relative(record.name, zone),
            "data": record.content,
            "ttl": record.ttl,
        }
        return (await self._api.ask("POST", f"/domains/{zone}/records", body=body)).refusal

    async def retag(self, zone: str, record: Record) -> str:
        """Give a record its new TTL, in place."""
        body = {"type": rtype_of(record.content), "ttl": record.ttl}
        return (await self._api.ask("PATCH", f"/domains/{zone}/records/{record.ident}", body=body)).refusal

    async def remove(self, zone: str, record: Record) -> str:
        """Delete a record."""
        answer = await self._api.ask("DELETE", f"/domains/{zone}/records/{record.ident}")
        return "" if answer.status == _GONE else answer.refusal

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()

    async def _pages(self, zone: str) -> tuple[int, dict[str, Record]]:
        """Read every page; gives how many records there are by what the vendor says, and those that came."""
        records: dict[str, Record] = {}
        for page in range(1, _MOST_PAGES + 1):
            query = {"per_page": str(_PAGE), "page": str(page)}
            answer = await self._api.ask("GET", f"/domains/{zone}/records", query)
            if answer.refusal:
                raise ProviderError(f"the records of {zone} cannot be listed: {answer.refusal}")
            where = f"{self.host}, records of {zone}"
            data = shapes.mapping(answer.data, where)
            listed = shapes.items(data, "domain_records", where)
            total = shapes.scalar(shapes.mapping(data.get("meta"), f'{where}: "meta"'), "total", int, where)
            for item in listed:
                record = _record(item, zone, where)
                records[record.ident] = record
            if not _has_next(data) or not listed:
                return total, records
        raise ProviderError(
            f"{zone} has more records at {self.host} than rrdnsd reads ({_PAGE * _MOST_PAGES})"
        )


def _record(item: Mapping[str, object], zone: str, where: str) -> Record:
    name = shapes.scalar(item, "name", str, where).lower().rstrip(".")
    owner = (
        zone if name in {"@", ""} else name if name == zone or name.endswith("." + zone) else f"{name}.{zone}"
    )
    rtype = shapes.scalar(item, "type", str, where)
    ours = rtype in {"A", "AAAA"}
    return Record(
        str(shapes.scalar(item, "id", int, where)),
        owner,
        rtype,
        shapes.scalar(item, "data", str, where) if ours else "",
        shapes.scalar(item, "ttl", int, where) if ours else 0,
    )


def _has_next(data: Mapping[str, object]) -> bool:
    links = data.get("links")
    pages = links.get("pages") if isinstance(links, dict) else None
    return isinstance(pages, dict) and bool(pages.get("next"))


def _relative(name: str, zone: str) -> str:
    return "@" if name == zone else name.removesuffix("." + zone)
