"""Reads the few facts of an X.509 certificate (RFC 5280) that operators ask for, from its DER encoding.

The ssl module tells them only of a certificate it accepted; they are needed most of one it refused.
"""

from datetime import UTC, datetime
from ipaddress import ip_address
from typing import NamedTuple

_EXPLICIT_VERSION = 0xA0
_EXPLICIT_EXTENSIONS = 0xA3
_UTC_TIME = 0x17
_DNS_NAME = 0x82
_IP_ADDRESS = 0x87
_SUBJECT_ALT_NAME = bytes.fromhex("551d11")
_COMMON_NAME = bytes.fromhex("550403")
_LONG_FORM = 0x80


class Certificate(NamedTuple):
    """Validity in seconds since the epoch; `names` are the host names and addresses it was issued for."""

    not_before: float
    not_after: float
    names: tuple[str, ...]


class _Item(NamedTuple):
    tag: int
    content: bytes


def parse(der: bytes) -> Certificate:
    """Read a certificate.

    Raises:
        ValueError: it is not one.

    """
    try:
        return _read(der)
    except (IndexError, StopIteration, UnicodeDecodeError) as error:
        raise ValueError("not a DER encoded certificate") from error


def _read(der: bytes) -> Certificate:
    fields = _items(_items(_items(der)[0].content)[0].content)
    if fields[0].tag == _EXPLICIT_VERSION:
        fields = fields[1:]
    validity, subject = _items(fields[3].content), fields[4]
    names = tuple(
        name for item in fields[6:] if item.tag == _EXPLICIT_EXTENSIONS for name in _alt_names(item)
    )
    return Certificate(_time(validity[0]), _time(validity[1]), names or _common_names(subject))


def _items(data: bytes) -> list[_Item]:
    """Split a DER value into the values it consists of."""
    items, at = [], 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & _LONG_FORM:
            size = length & ~_LONG_FORM
            length, at = int.from_bytes(data[at : at + size]), at + size
        if at + length > len(data):
            raise IndexError(at + length)
        items.append(_Item(tag, data[at : at + length]))
        at += length
    return items


def _time(item: _Item) -> float:
    text = item.content.decode("ascii")
    if item.tag == _UTC_TIME:
        # RFC 5280 4.1.2.5.1: two digits of the year, 50 to 99 meaning 19xx.
        text = ("19" if text[:2] >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()


def _alt_names(extensions: _Item) -> list[str]:
    for extension in _items(_items(extensions.content)[0].content):
        parts = _items(extension.content)
        if parts[0].content == _SUBJECT_ALT_NAME:
            entries = _items(_items(parts[-1].content)[0].content)
            return [_name(entry) for entry in entries if entry.tag in {_DNS_NAME, _IP_ADDRESS}]
    return []


def _name(entry: _Item) -> str:
    if entry.tag == _DNS_NAME:
        return entry.content.decode("ascii")
    return str(ip_address(entry.content))


def _common_names(subject: _Item) -> tuple[str, ...]:
    attributes = [_items(pair.content) for group in _items(subject.content) for pair in _items(group.content)]
    return tuple(value.content.decode() for oid, value in attributes if oid.content == _COMMON_NAME)
