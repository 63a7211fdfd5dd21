"""Changes A and AAAA records in the text of a zone file; every other line, comment and blank stays as it is. Pure."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from ipaddress import ip_address

from rrdnsd.core.model import NameChange, RRset, RRsetChange, RRsetKey, RRType
from rrdnsd.errors import ProviderError
from rrdnsd.providers.zonefile.serial import raised
from rrdnsd.providers.zonefile.text import Record, ZoneText, read

_SIGNED = frozenset({"RRSIG", "NSEC", "NSEC3", "ZONEMD"})
_OURS: Mapping[str, RRType] = {"A": "A", "AAAA": "AAAA"}
_SERIAL_AT = 2
_SERIAL_DIGITS = 10


@dataclass(frozen=True, slots=True)
class Edit:
    """The text as it shall be, and its serial.

    `written` are the names that stand in it as the plan wants them. `differing` stand in the old text otherwise than
    the plan has found them at the server, and were left alone; `refused` has a sentence for each that cannot be changed.
    """

    text: str
    serial: int
    written: frozenset[str]
    differing: frozenset[str]
    refused: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Span:
    """A piece of the text to be replaced; `rank` puts whole new lines before an owner added at the same place."""

    start: int
    end: int
    text: str
    rank: int = 0


def edit(
    text: str, where: str, zone: str, changes: Sequence[NameChange], known: Collection[str], today: date
) -> Edit:
    """Bring the names of a plan to what it wants, each one whole or not at all; `where` names the file in sentences.

    The serial is raised where anything changes, and where a name differs that is not `known` to: the server shall
    read the file anew then, and be seen to have done so.

    Raises:
        ProviderError: the text is no zone that can be changed safely; the sentence has the line.

    """
    found = read(text, zone, where)
    soa = _soa(found, zone, where)
    held: dict[RRsetKey, list[Record]] = defaultdict(list)
    for record in found.records:
        if rtype := _OURS.get(record.rtype):
            held[RRsetKey(record.owner, rtype)].append(record)
    refused = {c.name: why for c in changes if (why := _unreadable(c, held, where))}
    fitting = [c for c in changes if c.name not in refused and all(_fits(r, held) for r in c.rrsets)]
    written = frozenset(change.name for change in fitting)
    differing = frozenset(change.name for change in changes) - written - refused.keys()
    spans = _spans(found, [rrset for change in fitting for rrset in change.rrsets], held)
    serial = int(soa.text)
    if spans or differing - {*known}:
        serial = raised(serial, today)
        spans.append(_Span(soa.start, soa.end, str(serial)))
    return Edit(_replaced(text, spans), serial, written, differing, refused)


def _soa(found: ZoneText, zone: str, where: str) -> "_Serial":
    signed = next((record for record in found.records if record.rtype in _SIGNED), None)
    if signed:
        raise ProviderError(
            f"{where}, line {signed.line}: {signed.rtype} shows that the zone is signed in its file, and a change would "
            "make the signatures wrong: give rrdnsd a zone of its own that is not signed, or let BIND, Knot or PowerDNS sign it"
        )
    soas = [record for record in found.records if record.rtype == "SOA" and record.owner == zone]
    if len(soas) != 1:
        raise ProviderError(f"{where} has {len(soas) or 'no'} SOA records of {zone}: a zone has exactly one")
    words = soas[0].rdata
    serial = words[_SERIAL_AT] if len(words) > _SERIAL_AT else None
    if serial is None or not serial.text.isdecimal() or len(serial.text) > _SERIAL_DIGITS:
        raise ProviderError(f"{where}, line {soas[0].line}: the serial of the SOA is no number")
    return _Serial(serial.text, serial.start, serial.end)


@dataclass(frozen=True, slots=True)
class _Serial:
    text: str
    start: int
    end: int


def _unreadable(change: NameChange, held: Mapping[RRsetKey, Sequence[Record]], where: str) -> str:
    for rrset in change.rrsets:
        for record in held.get(rrset.key, ()):
            if len(record.rdata) != 1 or not _address(record):
                return f"{where}, line {record.line}: the {record.rtype} record of {change.name} holds no plain address"
    return ""


def _fits(change: RRsetChange, held: Mapping[RRsetKey, Sequence[Record]]) -> bool:
    """Tell whether the file has what the plan found, or already what it wants: a reload was missed then."""
    addresses = {_address(record) for record in held.get(change.key, ())}
    return any(addresses == (side.addresses if side else set()) for side in (change.before, change.after))


def _spans(
    found: ZoneText, changes: Sequence[RRsetChange], held: Mapping[RRsetKey, Sequence[Record]]
) -> list[_Span]:
    last_of: dict[str, Record] = {record.owner: record for record in found.records}
    spans: list[_Span] = []
    deleted: set[int] = set()
    for change in changes:
        records = held.get(change.key, ())
        after = change.after.addresses if change.after else frozenset[str]()
        gone = [record for record in records if _address(record) not in after]
        deleted.update(record.start for record in gone)
        spans += [_Span(record.start, record.end, "") for record in gone]
        if change.after:
            kept = [record for record in records if _address(record) in after]
            spans += [
                _retagged(record, change.after.ttl) for record in kept if record.ttl != change.after.ttl
            ]
            new = after - {_address(record) for record in kept}
            beside = records[-1] if records else last_of.get(change.key.name)
            if new:
                spans.append(_inserted(found, change.key, RRset(change.after.ttl, new), beside))
    if any(span.end == len(found.text) for span in spans) and not found.text.endswith("\n"):
        spans.append(_Span(len(found.text), len(found.text), _line_end(found.text), -1))
    return spans + _owners_again(found.records, deleted)


def _retagged(record: Record, ttl: int) -> _Span:
    if record.ttl_word:
        return _Span(record.ttl_word.start, record.ttl_word.end, str(ttl))
    return _Span(record.kind.start, record.kind.start, f"{ttl} ")


def _inserted(found: ZoneText, key: RRsetKey, rrset: RRset, beside: Record | None) -> _Span:
    """Put new lines after a record of the same owner, so that whoever inherits it still does; else at the end."""
    end = _line_end(found.text)
    at = beside.end if beside else len(found.text)
    owner = _relative(key.name, beside.origin if beside else found.origin)
    lines = [f"{owner}\t{rrset.ttl}\tIN\t{key.rtype}\t{address}{end}" for address in sorted(rrset.addresses)]
    return _Span(at, at, "".join(lines))


def _owners_again(records: Sequence[Record], deleted: Collection[int]) -> list[_Span]:
    """Name the owner at the first line that is left of those that inherited it from a deleted one."""
    spans = []
    orphaned = False
    for record in records:
        if record.states_owner:
            orphaned = False
        if record.start in deleted:
            orphaned = orphaned or record.states_owner
        elif orphaned:
            spans.append(_Span(record.start, record.start, _relative(record.owner, record.origin), 1))
            orphaned = False
    return spans


def _relative(name: str, origin: str) -> str:
    if name == origin:
        return "@"
    return name.removesuffix(f".{origin}") if name.endswith(f".{origin}") else f"{name}."


def _replaced(text: str, spans: Sequence[_Span]) -> str:
    parts, at = [], 0
    for span in sorted(spans, key=lambda s: (s.start, s.end, s.rank)):
        parts += [text[at : span.start], span.text]
        at = span.end
    return "".join([*parts, text[at:]])


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _address(record: Record) -> str:
    try:
        return str(ip_address(record.rdata[0].text))
    except (ValueError, IndexError):
        return ""
