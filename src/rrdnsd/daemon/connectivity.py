"""The link of this node itself: probes of things it should always reach. While none answers, it abstains.

The judgement must be there before the votes that a broken link would cast. So whenever any endpoint fails, the
targets are looked at at once, and one failure of all of them is enough to doubt: abstaining takes nothing away.
"""

from collections.abc import Callable, Iterable, Sequence

from rrdnsd.core.events import Connectivity
from rrdnsd.core.health import Opinion, observe
from rrdnsd.core.model import EndpointKey, ProbeResult, State, Thresholds

OWN_LINK = "own link "
"""Begins the service name in the keys of these probes; no domain name holds a space."""

LOOK_AGAIN = 0.1
"""Least seconds between two looks out of turn, however many endpoints fail."""

_AT_ONCE = Thresholds(rise=2, fall=1)


def link_key(target: str, address: str) -> EndpointKey:
    """Return the key of the probe of one target."""
    return EndpointKey(OWN_LINK + target, address)


class LinkWatch:
    """Judges the results of the connectivity check; `decide` takes the event when the judgement changes.

    `look` asks for a probe of one target at once.
    """

    def __init__(
        self,
        keys: Iterable[EndpointKey],
        decide: Callable[[Connectivity], None],
        clock: Callable[[], float],
        look: Callable[[EndpointKey], None] = lambda _key: None,
    ) -> None:
        self._opinions = {key: Opinion() for key in keys}
        self._decide = decide
        self._clock = clock
        self._look = look
        self._looked_at = float("-inf")
        self._trouble = ""

    def on_results(self, results: Sequence[tuple[EndpointKey, ProbeResult]]) -> None:
        """Take in a batch of results, whatever else is among them."""
        mine = [(key, result) for key, result in results if key in self._opinions]
        if mine:
            self._observe(mine)
        recovering = any(opinion.successes for opinion in self._opinions.values())
        if recovering or any(not result.ok for key, result in results if key not in self._opinions):
            self._look_now()

    def _observe(self, results: Sequence[tuple[EndpointKey, ProbeResult]]) -> None:
        for key, result in results:
            before, now = self._opinions[key], self._clock()
            self._opinions[key] = observe(
                before, ok=result.ok, reason=result.reason, thresholds=_AT_ONCE, now=now
            )
        trouble = self._judge()
        if bool(trouble) != bool(self._trouble):
            self._trouble = trouble
            self._decide(Connectivity(trouble))

    def _look_now(self) -> None:
        now = self._clock()
        if now - self._looked_at >= LOOK_AGAIN:
            self._looked_at = now
            for key in self._opinions:
                self._look(key)

    def _judge(self) -> str:
        if any(opinion.state is not State.DOWN for opinion in self._opinions.values()):
            return ""
        found = "; ".join(
            f"{key.service.removeprefix(OWN_LINK)}: {opinion.reason}"
            for key, opinion in self._opinions.items()
        )
        return f"its own connectivity check fails: {found}"
