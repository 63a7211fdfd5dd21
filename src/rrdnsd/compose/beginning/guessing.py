"""Finds out how the endpoints of a name can be probed: what is tried in order, and what answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rrdnsd.compose.beginning.asking import TIMEOUT, Question, Tell, ask_all, silent
from rrdnsd.core.model import EndpointKey, ProbeResult
from rrdnsd.probes.base import CheckSpec

_USUAL = ("https://{}/", "http://{}/", "tcp://{}:443", "tcp://{}:80", "tcp://{}:22")
_MAIL = ("tcp://{}:25", "tcp://{}:587", "tcp://{}:465", "tcp://{}:993")
_BY_LABEL = {
    "mail": _MAIL,
    "mx": _MAIL,
    "smtp": _MAIL,
    "imap": ("tcp://{}:993", "tcp://{}:143"),
    "pop": ("tcp://{}:995", "tcp://{}:110"),
    "ldap": ("tcp://{}:636", "tcp://{}:389"),
    "ldaps": ("tcp://{}:636",),
    "ntp": ("icmp://{}",),
    "ssh": ("tcp://{}:22",),
    "sftp": ("tcp://{}:22",),
    "git": ("https://{}/", "tcp://{}:22"),
    "ftp": ("tcp://{}:21",),
    "xmpp": ("tcp://{}:5222",),
    "pg": ("tcp://{}:5432",),
    "postgres": ("tcp://{}:5432",),
    "mysql": ("tcp://{}:3306",),
    "redis": ("tcp://{}:6379",),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A name without a health check: its addresses, and what to try, the best first."""

    name: str
    addresses: tuple[str, ...]
    candidates: tuple[str, ...]


@dataclass(slots=True)
class Guess:
    """The check that most endpoints answered, with what each said; `tried` has every check that was asked."""

    healthcheck: str
    results: dict[str, ProbeResult] = field(default_factory=dict)
    tried: dict[str, str] = field(default_factory=dict)

    @property
    def up(self) -> int:
        """How many endpoints answered."""
        return sum(result.ok for result in self.results.values())


def candidates(name: str, *, takes_mail: bool = False) -> tuple[str, ...]:
    """Return what to try for a name: what its first label suggests, then what most services are."""
    label = name.partition(".")[0].rstrip("0123456789").rstrip("-")
    first = _BY_LABEL.get(label, _MAIL if takes_mail else ())
    return tuple(dict.fromkeys((*first, *_USUAL)))


async def guess(wanted: Sequence[Wanted], tell: Tell = silent) -> Mapping[str, Guess]:
    """Try one candidate after the other until one is answered by all addresses of a name.

    Where none is, the one that most addresses answered is taken; where nothing answers, the first.
    """
    best = {one.name: Guess(one.candidates[0]) for one in wanted}
    open_ = list(wanted)
    number = 0
    while open_:
        questions = [_question(one, number, address) for one in open_ for address in one.addresses]
        results = iter(await ask_all(questions, tell))
        for one in open_:
            _compare(best[one.name], one.candidates[number], {a: next(results) for a in one.addresses})
        number += 1
        open_ = [
            one for one in open_ if best[one.name].up < len(one.addresses) and number < len(one.candidates)
        ]
    return best


def _question(one: Wanted, number: int, address: str) -> Question:
    check = CheckSpec(one.candidates[number], host=one.name, timeout=TIMEOUT)
    return Question(EndpointKey(one.name, address), check)


def _compare(best: Guess, check: str, results: dict[str, ProbeResult]) -> None:
    up = sum(result.ok for result in results.values())
    reasons = dict.fromkeys(result.reason for result in results.values() if not result.ok)
    best.tried[check] = f"{up} of {len(results)} answer" + (f" ({'; '.join(reasons)})" if reasons else "")
    if not best.results or up > best.up:
        best.healthcheck, best.results = check, results
