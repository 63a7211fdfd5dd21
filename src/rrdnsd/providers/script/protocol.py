"""What goes to a script and what comes back, as JSON; docs/scripts.md and docs/script-v1.schema.json describe it. Pure.

Nothing of an answer is believed that is not shaped as documented: "there are no records" must be said, not guessed.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from ipaddress import ip_address

from rrdnsd.core.model import Applied, Plan, RRset, RRsetKey, ZoneView, rtype_of
from rrdnsd.errors import ProviderError

VERSION = 1

_MAX_TTL = 2**31 - 1
_LONGEST_SENTENCE = 300
_LONGEST_PAUSE = 3600.0


def fetch_request(about: Mapping[str, object], zone: str, keys: Collection[RRsetKey]) -> bytes:
    """Ask for RRsets."""
    rrsets = [{"name": key.name, "type": key.rtype} for key in sorted(set(keys))]
    return _packed({"version": VERSION, "verb": "fetch", **about, "zone": zone, "rrsets": rrsets})


def apply_request(about: Mapping[str, object], plan: Plan) -> bytes:
    """Hand a plan over."""
    changes = [
        {
            "name": change.name,
            "reason": change.reason,
            "rrsets": [
                {"type": rrset.key.rtype, "before": _side(rrset.before), "after": _side(rrset.after)}
                for rrset in change.rrsets
            ],
        }
        for change in plan.changes
    ]
    return _packed({"version": VERSION, "verb": "apply", **about, "zone": plan.zone, "changes": changes})


def read_view(answer: bytes, keys: Collection[RRsetKey]) -> ZoneView:
    """Read the answer to `fetch`; RRsets that were not asked for are left out.

    Raises:
        ProviderError: it is not shaped as documented.

    """
    data = _answer(answer)
    wanted = set(keys)
    rrsets: dict[RRsetKey, RRset] = {}
    for item in _items(data.get("rrsets"), "rrsets"):
        rtype = item.get("type")
        if rtype != "A" and rtype != "AAAA":  # noqa: PLR1714 -- mypy narrows by equality only
            continue
        key = RRsetKey(_name(item.get("name"), "rrsets"), rtype)
        if key not in wanted:
            continue
        if key in rrsets:
            raise ProviderError(f"it answers {key.name} {key.rtype} twice; all its addresses belong into one")
        addresses = _addresses(item.get("addresses"), key)
        ttl = _ttl(item.get("ttl"), key)
        if addresses:
            rrsets[key] = RRset(ttl, addresses)
    problems = {
        name: why
        for name, why in _sentences(data.get("problems", {}), "problems").items()
        if any(key.name == name for key in wanted)
    }
    return ZoneView({key: rrset for key, rrset in rrsets.items() if key.name not in problems}, problems)


def read_applied(answer: bytes, plan: Plan) -> Applied:
    """Read the answer to `apply`; no answer at all means that all names were written.

    Raises:
        ProviderError: it is not shaped as documented, or leaves a name out.

    """
    names = {change.name for change in plan.changes}
    if not answer.strip():
        return Applied(frozenset(names), messages=1)
    data = _answer(answer)
    written, stale = (_names(data.get(key, []), key) for key in ("written", "stale"))
    refused = _sentences(data.get("refused", {}), "refused")
    told = [*written, *stale, *refused]
    wrong = sorted({name for name in told if name not in names or told.count(name) > 1} | (names - {*told}))
    if wrong:
        raise ProviderError(
            f"it does not say once of each name whether it was written, stale or refused: see {one_line(wrong[0])}"
        )
    return Applied(frozenset(written), frozenset(stale), refused, messages=1)


def read_pause(answer: bytes) -> float | None:
    """Read after how many seconds a script that cannot do it now wants to be asked again, if it says so."""
    try:
        pause = _answer(answer).get("retry_after")
    except ProviderError:
        return None
    if isinstance(pause, bool) or not isinstance(pause, int | float) or not 0 <= pause <= _LONGEST_PAUSE:
        return None
    return float(pause)


def _packed(request: Mapping[str, object]) -> bytes:
    return json.dumps(request, separators=(",", ":")).encode() + b"\n"


def _side(rrset: RRset | None) -> Mapping[str, object] | None:
    return {"ttl": rrset.ttl, "addresses": sorted(rrset.addresses)} if rrset else None


def _answer(answer: bytes) -> Mapping[str, object]:
    try:
        data = json.loads(answer)
    except (ValueError, RecursionError):
        raise ProviderError("it answered no JSON: standard output is for the answer alone") from None
    if not isinstance(data, dict):
        raise ProviderError("its answer is no JSON object")
    if data.get("version") != VERSION or isinstance(data.get("version"), bool):
        raise ProviderError(f'its answer must hold "version": {VERSION}')
    return data


def _items(value: object, key: str) -> Iterable[Mapping[str, object]]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ProviderError(f'its answer must hold a list of objects as "{key}"')
    return value


def _names(value: object, key: str) -> list[str]:
    if not isinstance(value, list):
        raise ProviderError(f'its answer must hold a list of names as "{key}"')
    return [_name(item, key) for item in value]


def _name(value: object, key: str) -> str:
    if not isinstance(value, str) or not value:
        raise ProviderError(f'a name is missing in "{key}" of its answer')
    return value.lower().removesuffix(".")


def _sentences(value: object, key: str) -> dict[str, str]:
    if not isinstance(value, dict) or not all(
        isinstance(why, str) and one_line(why) for why in value.values()
    ):
        raise ProviderError(f'its answer must hold an object as "{key}", a sentence for each name')
    return {_name(name, key): one_line(why) for name, why in value.items()}


def _addresses(value: object, key: RRsetKey) -> frozenset[str]:
    if not isinstance(value, list):
        raise ProviderError(f'it gives no list of "addresses" for {key.name} {key.rtype}')
    try:
        found = frozenset(str(ip_address(item)) for item in value if isinstance(item, str))
    except ValueError:
        found = frozenset()
    if len(found) != len({str(item) for item in value}) or any(rtype_of(a) != key.rtype for a in found):
        raise ProviderError(f"it gives something for {key.name} {key.rtype} that is no address of this type")
    return found


def _ttl(value: object, key: RRsetKey) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MAX_TTL:
        raise ProviderError(f'it gives no whole number of seconds as "ttl" of {key.name} {key.rtype}')
    return value


def one_line(text: str) -> str:
    """Give what a script says as part of a sentence: its first line, without control characters, not too long."""
    line = next((line for line in text.splitlines() if line.strip()), "")
    return "".join(c if c.isprintable() else " " for c in line).strip()[:_LONGEST_SENTENCE]
