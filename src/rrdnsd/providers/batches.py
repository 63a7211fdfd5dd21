"""Writes a plan in as few messages as work, and isolates the names that stand in the way of the others.

An UPDATE is applied whole or not at all, so one name whose prerequisite fails, or that the server will not let us
change, would hold back all names of its message. Here it is found and left out.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field

from rrdnsd.core.model import Applied, NameChange, Plan, RRsetKey, ZoneView
from rrdnsd.errors import ProviderError
from rrdnsd.providers.outcome import Denied, Outcome, Stale, TooBig, Written

Send = Callable[[Sequence[NameChange]], Awaitable[Outcome]]
"""Sends one message with all these changes. Raises ProviderError for what no split can mend."""
Look = Callable[[Collection[RRsetKey]], Awaitable[ZoneView]]
"""Reads these RRsets from the server once more."""

SENT_WITHIN = 2.0
"""Seconds after which the rest of a plan is not sent any more: it says what was decided then, not what is now."""

_DENIED_AT_MOST = 7  # the plan, its halves and its quarters: refused everywhere, so it is not about a name

_CONTRADICTION = (
    "the server says that the RRset is not what it answers itself; a wildcard answers for the name (then add the "
    "name's own record once by hand), or updates and queries reach different views"
)


async def write(plan: Plan, send: Send, look: Look) -> Applied:
    """Write all changes of the plan that the server lets through.

    When a prerequisite fails the names of that message are read once more: those that changed are stale, and
    the rest goes out again as one message. Only if that fails too is it halved until the name is found; so two
    writers with the same plan cost each other two messages, not two for each name.

    Where all that takes longer than SENT_WITHIN, what is left is reported as stale, to be planned anew.

    Raises:
        ProviderError: the server cannot be reached, or refuses so much that it is not about a name.

    """
    clock = asyncio.get_running_loop().time
    old_at = clock() + SENT_WITHIN
    state = _Progress()
    parts = deque([_Part(plan.changes)] if plan.changes else [])
    while parts:
        part = parts.popleft()
        if clock() > old_at:
            state.stale.update(part.names)
            continue
        outcome = await send(part.changes)
        state.messages += not isinstance(outcome, TooBig)
        match outcome:
            case Written():
                state.written.update(part.names)
            case TooBig():
                parts.extend(state.split(part, "the name has more addresses than fit in one message"))
            case Stale() if not part.looked:
                parts.extend(await _sift(part, look, state))
            case Stale():
                parts.extend(state.split(part, _CONTRADICTION))
            case Denied(sentence):
                state.denials += 1
                if state.denials >= _DENIED_AT_MOST and not state.written:
                    raise ProviderError(sentence)
                parts.extend(state.split(part, sentence))
    return Applied(frozenset(state.written), frozenset(state.stale), state.denied, state.messages)


@dataclass(frozen=True, slots=True)
class _Part:
    """Changes for one message. `looked`: its names have been read again and seemed to be as the plan has them."""

    changes: tuple[NameChange, ...]
    looked: bool = False

    @property
    def names(self) -> list[str]:
        return [change.name for change in self.changes]


@dataclass(slots=True)
class _Progress:
    """What became of the names so far; `denied` has a sentence for each name that cannot be written."""

    written: set[str] = field(default_factory=set)
    stale: set[str] = field(default_factory=set)
    denied: dict[str, str] = field(default_factory=dict)
    messages: int = 0
    denials: int = 0

    def split(self, part: _Part, sentence: str) -> list[_Part]:
        """Halve the part; a single name cannot be halved, so the sentence is about it."""
        if len(part.changes) == 1:
            self.denied[part.changes[0].name] = sentence
            return []
        middle = len(part.changes) // 2
        return [_Part(half, part.looked) for half in (part.changes[:middle], part.changes[middle:])]


async def _sift(part: _Part, look: Look, state: _Progress) -> list[_Part]:
    view = await look([rrset.key for change in part.changes for rrset in change.rrsets])
    still = tuple(change for change in part.changes if holds(change, view))
    state.stale.update({*part.names} - {change.name for change in still})
    return [_Part(still, looked=True)] if still else []


def holds(change: NameChange, view: ZoneView) -> bool:
    """Tell whether the name still has the addresses that the plan found at it; its TTLs do not matter."""
    if change.name in view.problems:
        return False
    for rrset in change.rrsets:
        served = view.rrsets.get(rrset.key)
        if (served and served.addresses) != (rrset.before and rrset.before.addresses):
            return False
    return True
