"""What a dns check asks and expects: the path and query of `dns://{}:53/www.example.com?type=A&expect=192.0.2.1`."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

from rrdnsd.config.addresses import endpoint_address
from rrdnsd.config.text import quote

TYPES = frozenset(
    [
        "A",
        "AAAA",
        "CAA",
        "CNAME",
        "DNSKEY",
        "DS",
        "HTTPS",
        "MX",
        "NAPTR",
        "NS",
        "PTR",
        "SOA",
        "SRV",
        "SVCB",
        "TLSA",
        "TXT",
    ]
)
"""The record types that may be asked for."""

RCODES = frozenset({"NOERROR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"})
"""The response codes that may be expected (RFC 1035, 4.1.1)."""

_NAME = re.compile(r"[A-Za-z0-9_*-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")
_LONGEST_NAME = 253
_EXAMPLE = '"dns://{}:53/www.example.com?type=A&expect=192.0.2.1"'


@dataclass(frozen=True, slots=True)
class DnsQuestion:
    """What is asked; `expect` are records in their text form, each of which the answer must hold."""

    name: str
    rtype: str = "A"
    rcode: str = "NOERROR"
    expect: tuple[str, ...] = ()


def parse(path: str, query: str) -> DnsQuestion:
    """Read the question from a URL's path and query (with its `?`, or "").

    Raises:
        ValueError: it is not one; the sentence says what would be right.

    """
    name = unquote(path).removeprefix("/")
    if name != "." and (not _NAME.fullmatch(name) or len(name.rstrip(".")) > _LONGEST_NAME):
        raise ValueError(f"the path of a dns check is the name to ask for, e.g. {_EXAMPLE}")
    given: dict[str, list[str]] = {}
    try:
        pairs = parse_qsl(query.removeprefix("?"), keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise ValueError(f"the query of a dns check is not of the form key=value, e.g. {_EXAMPLE}") from None
    for key, value in pairs:
        given.setdefault(key, []).append(value)
    if unknown := given.keys() - {"type", "rcode", "expect"}:
        raise ValueError(f"a dns check does not know {quote(min(unknown))}; known are type, rcode and expect")
    rtype = _one_of(given.get("type", ["A"]), TYPES, "type")
    rcode = _one_of(given.get("rcode", ["NOERROR"]), RCODES, "rcode")
    expect = tuple(_record(rtype, value) for value in given.get("expect", ()))
    if expect and rcode != "NOERROR":
        raise ValueError(f"a dns check that expects {rcode} cannot expect records as well")
    return DnsQuestion(name.rstrip(".").lower() or ".", rtype, rcode, expect)


def _one_of(values: list[str], known: frozenset[str], key: str) -> str:
    if len(values) != 1 or values[0].upper() not in known:
        got = quote(",".join(values))
        raise ValueError(f"the {key} {got} of a dns check is not one of {', '.join(sorted(known))}")
    return values[0].upper()


def _record(rtype: str, text: str) -> str:
    if rtype not in {"A", "AAAA"}:
        if not text.strip():
            raise ValueError("a dns check expects a record of no text; leave expect out to accept any")
        return text
    try:
        address = endpoint_address(text)
    except ValueError:
        address = ""
    if not address or (":" in address) != (rtype == "AAAA"):
        raise ValueError(f"{quote(text)} is no address that a record of type {rtype} can hold")
    return address
