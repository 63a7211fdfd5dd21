"""DigitalOcean's and Dynu's record APIs as their documentation describes them, on top of one list of records."""

import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from support.vendor_http import Asked, VendorApi

TOKEN = "dop_v1_0123456789abcdef0123456789abcdef"
ZONE = "example.test"


@dataclass
class Entry:
    ident: int
    name: str
    rtype: str
    content: str
    ttl: int
    enabled: bool = True


@dataclass
class Zone:
    """The records of a zone. `history` has the addresses at a name after each change; `most` is the vendor's quota."""

    entries: dict[int, Entry] = field(default_factory=dict)
    history: list[tuple[str, frozenset[str]]] = field(default_factory=list)
    most: int = 10_000
    between: Callable[[], None] = lambda: None
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1000))

    def put(self, name: str, rtype: str, content: str, ttl: int = 60, *, enabled: bool = True) -> Entry:
        entry = Entry(next(self.numbers), name, rtype, content, ttl, enabled)
        self.entries[entry.ident] = entry
        self.note(name)
        return entry

    def change(self, ident: int, **what: object) -> Entry:
        self.entries[ident] = replace(self.entries[ident], **what)
        self.note(self.entries[ident].name)
        return self.entries[ident]

    def drop(self, ident: int) -> None:
        self.note(self.entries.pop(ident).name)

    def note(self, name: str) -> None:
        self.history.append((name, frozenset(self.addresses(name, "A") | self.addresses(name, "AAAA"))))

    def addresses(self, name: str, rtype: str = "A") -> set[str]:
        return {
            e.content for e in self.entries.values() if (e.name, e.rtype, e.enabled) == (name, rtype, True)
        }

    def ttls(self, name: str) -> set[int]:
        return {e.ttl for e in self.entries.values() if e.name == name}


def fresh_zone() -> Zone:
    zone = Zone()
    zone.put(ZONE, "SOA", "1800", 1800)
    zone.put(ZONE, "NS", "ns1.vendor.test", 1800)
    zone.put(f"alias.{ZONE}", "CNAME", "www.example.test")
    zone.put(f"sub.{ZONE}", "NS", "ns.else.test")
    zone.put(f"www.{ZONE}", "TXT", "of somebody else")
    return zone


def _exact(body: object, wanted: set[str]) -> bool:
    return isinstance(body, dict) and set(body) == wanted


@dataclass
class DigitalOceanRules:
    """docs.digitalocean.com/reference/api: Domain Records. Pages of at most 200; the least TTL is 30."""

    zone: Zone
    page_most: int = 200

    def __call__(self, asked: Asked) -> tuple[int, object]:  # noqa: PLR0911 -- one line for each request
        match = re.fullmatch(rf"/domains/{re.escape(ZONE)}/records(?:/(\d+))?", asked.path)
        if not match:
            return 404, {"id": "not_found", "message": "The resource you were accessing could not be found."}
        ident = int(match[1]) if match[1] else None
        if asked.method == "GET" and ident is None:
            return self._list(asked.query)
        if asked.method == "POST" and ident is None:
            return self._create(asked.body)
        if ident not in self.zone.entries:
            return 404, {"id": "not_found", "message": "The resource you were accessing could not be found."}
        if asked.method == "PATCH" and _exact(asked.body, {"type", "ttl"}) and asked.body["ttl"] >= 30:
            return 200, {"domain_record": _do_record(self.zone.change(ident, ttl=asked.body["ttl"]))}
        if asked.method == "DELETE" and asked.body is None:
            self.zone.drop(ident)
            return 204, None
        return 422, {"id": "unprocessable_entity", "message": f"cannot {asked.method} that"}

    def _list(self, query: Mapping[str, str]) -> tuple[int, object]:
        per_page, page = int(query.get("per_page", "20")), int(query.get("page", "1"))
        if not 1 <= per_page <= 200:
            return 422, {"id": "unprocessable_entity", "message": "per_page must be within 1 to 200"}
        per_page = min(per_page, self.page_most)
        everything = list(self.zone.entries.values())
        listed = everything[(page - 1) * per_page : page * per_page]
        links = {"pages": {"next": "https://vendor.test/?page"}} if page * per_page < len(everything) else {}
        self.zone.between()
        records = [_do_record(entry) for entry in listed]
        return 200, {"domain_records": records, "links": links, "meta": {"total": len(everything)}}

    def _create(self, body: object) -> tuple[int, object]:
        if not _exact(body, {"type", "name", "data", "ttl"}) or body["type"] not in {"A", "AAAA"}:
            return 422, {"id": "unprocessable_entity", "message": "type, name, data and ttl are wanted"}
        if body["ttl"] < 30:
            return 422, {"id": "unprocessable_entity", "message": "TTL must be at least 30"}
        if len(self.zone.entries) >= self.zone.most:
            return 422, {"id": "unprocessable_entity", "message": "this domain has too many records"}
        name = ZONE if body["name"] == "@" else f"{body['name']}.{ZONE}"
        return 201, {
            "domain_record": _do_record(self.zone.put(name, body["type"], body["data"], body["ttl"]))
        }


def _do_record(entry: Entry) -> dict[str, object]:
    name = "@" if entry.name == ZONE else entry.name.removesuffix(f".{ZONE}")
    rest = dict.fromkeys(("priority", "port", "weight", "flags", "tag"))
    return {
        "id": entry.ident,
        "type": entry.rtype,
        "name": name,
        "data": entry.content,
        "ttl": entry.ttl,
        **rest,
    }


@dataclass
class DynuRules:
    """api.dynu.com/v2: DNS. Errors are told inside the JSON too; 501 is a record that exists, or does not."""

    zone: Zone
    dynamic: bool = False

    def __call__(self, asked: Asked) -> tuple[int, object]:
        match = re.fullmatch(
            r"/dns/(?:getroot/(?P<root>[\w.-]+)|(?P<domain>\d+)(?P<rest>/record(?:/(\d+))?)?)", asked.path
        )
        if not match or match["domain"] not in {None, "1024"} or match["root"] not in {None, ZONE}:
            return _dynu_error(501, "Argument Exception", "Not found.")
        if match["root"]:
            return 200, {"statusCode": 200, "id": 1024, "domainName": ZONE, "hostname": "", "node": ""}
        if not match["rest"]:
            return 200, {
                "statusCode": 200,
                "id": 1024,
                "name": ZONE,
                "ipv4Address": "192.0.2.9",
                "ipv4": self.dynamic,
                "ipv6": False,
            }
        ident = int(match[4]) if match[4] else None
        if asked.method == "GET" and ident is None:
            listed = [_dynu_record(entry) for entry in self.zone.entries.values()]
            self.zone.between()
            return 200, {"statusCode": 200, "dnsRecords": listed}
        return self._change(asked, ident)

    def _change(self, asked: Asked, ident: int | None) -> tuple[int, object]:  # noqa: PLR0911 -- one line for each request
        if ident is not None and ident not in self.zone.entries:
            return _dynu_error(501, "Argument Exception", "The record does not exist.")
        if asked.method == "DELETE" and ident is not None and asked.body is None:
            self.zone.drop(ident)
            return 200, {"statusCode": 200}
        kind = asked.body.get("recordType") if isinstance(asked.body, dict) else ""
        address = {"A": "ipv4Address", "AAAA": "ipv6Address"}.get(kind, "")
        wanted = {"nodeName", "recordType", "ttl", "state", "group", address}
        if asked.method != "POST" or not _exact(asked.body, wanted):
            return _dynu_error(501, "Argument Exception", "Invalid.")
        name = f"{asked.body['nodeName']}.{ZONE}" if asked.body["nodeName"] else ZONE
        if ident is not None:
            return 200, {"statusCode": 200, **_dynu_record(self.zone.change(ident, ttl=asked.body["ttl"]))}
        if asked.body[address] in self.zone.addresses(name, kind):
            return _dynu_error(501, "Argument Exception", "The record exists already.")
        if len(self.zone.entries) >= self.zone.most:
            return _dynu_error(501, "Argument Exception", "Limit of records reached.")
        made = self.zone.put(name, kind, asked.body[address], asked.body["ttl"], enabled=asked.body["state"])
        return 200, {"statusCode": 200, **_dynu_record(made)}


def _dynu_error(status: int, kind: str, message: str) -> tuple[int, object]:
    return status, {"statusCode": status, "type": kind, "message": message}


def _dynu_record(entry: Entry) -> dict[str, object]:
    field_name = {"A": "ipv4Address", "AAAA": "ipv6Address", "CNAME": "host", "NS": "host", "TXT": "textData"}
    return {
        "id": entry.ident,
        "domainId": 1024,
        "domainName": ZONE,
        "nodeName": "" if entry.name == ZONE else entry.name.removesuffix(f".{ZONE}"),
        "hostname": entry.name,
        "recordType": entry.rtype,
        "ttl": entry.ttl,
        "state": entry.enabled,
        "content": f"{entry.name}. {entry.ttl} IN {entry.rtype} {entry.content}",
        "updatedOn": "2026-01-01T00:00:00",
        field_name.get(entry.rtype, "masterName"): entry.content,
    }


VENDORS: Mapping[str, Callable[[Zone], VendorApi]] = {
    "digitalocean": lambda zone: VendorApi(
        DigitalOceanRules(zone), lambda headers: headers.get("Authorization") == f"Bearer {TOKEN}"
    ),
    "dynu": lambda zone: VendorApi(DynuRules(zone), lambda headers: headers.get("API-Key") == TOKEN),
}
