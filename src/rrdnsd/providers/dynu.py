"""`dynu`: Dynu's API v2, the records of a dynamic DNS domain (api.dynu.com/v2, header API-Key)."""

from collections.abc import Collection, Mapping, Sequence

from rrdnsd.errors import ProviderError
from rrdnsd.providers.base import Provider, ProviderSpec
from rrdnsd.providers.vendor import options, sentences, shapes
from rrdnsd.providers.vendor.account import VendorZone
from rrdnsd.providers.vendor.client import Access, Answer, Api
from rrdnsd.providers.vendor.rrsets import Record

URL = "https://api.dynu.com/v2"
_OK = 200
_ABOUT_ONE = frozenset({400, 404, 409, 422, 501})  # Dynu: 501 is "exists already" and "does not exist"
_GONE = frozenset({404, 501})
_FIELDS = {"A": "ipv4Address", "AAAA": "ipv6Address"}


def build(spec: ProviderSpec) -> tuple[Provider, ...]:
    """Make the one provider of the account; the option `url` names another base URL than the vendor's.

    Raises:
        ConfigError: no token, or an option that does not exist.

    """
    options.only(spec, {"url"})
    token = options.token(spec, "the API key from Dynu's control panel, API credentials")
    (url,) = options.base_urls(spec, URL)[:1]
    access = Access(url, spec.timeout, {"API-Key": token}, (token,), about_one=_ABOUT_ONE)
    return (VendorZone(f"{spec.name} {access.host}", Dynu(Api(access))),)


class Dynu:
    """One account; see `vendor.account.Account` for the contract."""

    least_ttl = 0
    can_retag = True
    at_once = 1

    def __init__(self, api: Api) -> None:
        self.host = api.host
        self._api = api
        self._domains: dict[str, tuple[int, str]] = {}
        self._dynamic: set[str] = set()

    async def records(self, zone: str, names: Collection[str]) -> Sequence[Record]:
        """List all enabled records of the zone; Dynu has no pages.

        Raises:
            ProviderError: the vendor cannot be asked, or does not have the zone.

        """
        ident, domain = await self._domain(zone)
        answer = await self._api.ask("GET", f"/dns/{ident}/record")
        refusal = answer.refusal or self._inner(answer)
        if refusal:
            self._domains.pop(zone, None)
            raise ProviderError(f"the records of {zone} cannot be listed: {refusal}")
        where = f"{self.host}, records of {zone}"
        listed = shapes.items(shapes.mapping(answer.data, where), "dnsRecords", where)
        if not any(item.get("recordType") == "SOA" for item in listed):
            raise ProviderError(f"{where}: the list has no SOA record, so it is not whole and not believed")
        if domain in names:
            await self._look_at_apex(ident, domain)
        return [_record(item, where) for item in listed if shapes.scalar(item, "state", bool, where)]

    def unfit(self, name: str) -> str:
        """Say so of a domain that still has its dynamic address: that is served, and is no record."""
        if name not in self._dynamic:
            return ""
        return (
            f"{name} itself has the address of Dynu's dynamic DNS service; switch that off there (IPv4 and IPv6 "
            "address of the domain), or manage a name below it"
        )

    async def add(self, zone: str, record: Record) -> str:
        """Create a record."""
        ident, domain = await self._domain(zone)
        return await self._send("POST", f"/dns/{ident}/record", _body(record, domain))

    async def retag(self, zone: str, record: Record) -> str:
        """Give a record its new TTL, in place."""
        ident, domain = await self._domain(zone)
        return await self._send("POST", f"/dns/{ident}/record/{record.ident}", _body(record, domain))

    async def remove(self, zone: str, record: Record) -> str:
        """Delete a record."""
        ident, _ = await self._domain(zone)
        answer = await self._api.ask("DELETE", f"/dns/{ident}/record/{record.ident}")
        return "" if answer.status in _GONE else answer.refusal or self._inner(answer)

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()

    async def _look_at_apex(self, ident: int, domain: str) -> None:
        answer = await self._api.ask("GET", f"/dns/{ident}")
        refusal = answer.refusal or self._inner(answer)
        if refusal:
            raise ProviderError(f"the domain {domain} cannot be read: {refusal}")
        where = f"{self.host}, domain {domain}"
        data = shapes.mapping(answer.data, where)
        dynamic = any(shapes.scalar(data, family, bool, where) for family in ("ipv4", "ipv6"))
        (self._dynamic.add if dynamic else self._dynamic.discard)(domain)

    async def _send(self, method: str, path: str, body: Mapping[str, object]) -> str:
        answer = await self._api.ask(method, path, body=body)
        return answer.refusal or self._inner(answer)

    async def _domain(self, zone: str) -> tuple[int, str]:
        """Give Dynu's number and name of the domain that holds the zone; they never change while it exists."""
        if zone not in self._domains:
            answer = await self._api.ask("GET", f"/dns/getroot/{zone}")
            refusal = answer.refusal or self._inner(answer)
            if refusal:
                raise ProviderError(f"{zone} is no domain of this account: {refusal}")
            where = f"{self.host}, domain of {zone}"
            data = shapes.mapping(answer.data, where)
            name = shapes.scalar(data, "domainName", str, where).lower().rstrip(".")
            if zone != name and not zone.endswith("." + name):
                raise ProviderError(f"{where}: it names another domain")
            self._domains[zone] = (shapes.scalar(data, "id", int, where), name)
        return self._domains[zone]

    def _inner(self, answer: Answer) -> str:
        """Read the status inside the JSON: it can tell of an error that the HTTP status does not."""
        where = f"{self.host}, answer"
        status = shapes.scalar(shapes.mapping(answer.data, where), "statusCode", int, where)
        if status == _OK:
            return ""
        said = sentences.said(answer.data, self._api.access.secrets)
        if status in _ABOUT_ONE:
            return sentences.refused(self.host, status, said)
        raise ProviderError(sentences.failed(self.host, status, said, None))


def _record(item: Mapping[str, object], where: str) -> Record:
    rtype = shapes.scalar(item, "recordType", str, where)
    return Record(
        str(shapes.scalar(item, "id", int, where)),
        shapes.scalar(item, "hostname", str, where).lower().rstrip("."),
        rtype,
        shapes.scalar(item, _FIELDS[rtype], str, where) if rtype in _FIELDS else "",
        shapes.scalar(item, "ttl", int, where) if rtype in _FIELDS else 0,
    )


def _body(record: Record, domain: str) -> dict[str, object]:
    node = "" if record.name == domain else record.name.removesuffix("." + domain)
    return {
        "nodeName": node,
        "recordType": record.rtype,
        "ttl": record.ttl,
        "state": True,
        "group": "",
        _FIELDS[record.rtype]: record.content,
    }
