"""The link of this node itself: probes of things it should always reach. While none answers, it abstains."""

from collections.abc import Callable, Iterable, Sequence

from rrdnsd.core.events import Connectivity
from rrdnsd.core.health import Opinion, observe
from rrdnsd.core.model import EndpointKey, ProbeResult, State, Thresholds

OWN_LINK = "own link "
"""Begins the service name in the keys of these probes; no domain name holds a space."""


def link_key(target: str, address: str) -> EndpointKey:
    """Return the key of the probe of one target."""
    return EndpointKey(OWN_LINK + target, address)


class LinkWatch:
    """Judges the results of the connectivity check; `decide` takes the event when the judgement changes."""

    def __init__(
        self, keys: Iterable[EndpointKey], decide: Callable[[Connectivity], None], clock: Callable[[], float]
    ) -> None:
        self._opinions = {key: Opinion() for key in keys}
        self._decide = decide
        self._clock = clock
        self._trouble = ""

    def on_results(self, results: Sequence[tuple[EndpointKey, ProbeResult]]) -> None:
        """Take in a batch of results, whatever else is among them."""
        mine = [(key, result) for key, result in results if key in self._opinions]
        if not mine:
            return
        for key, result in mine:
            before, now = self._opinions[key], self._clock()
            self._opinions[key] = observe(
                before, ok=result.ok, reason=result.reason, thresholds=Thresholds(), now=now
            )
        trouble = self._judge()
        if bool(trouble) != bool(self._trouble):
            self._trouble = trouble
            self._decide(Connectivity(trouble))

    def _judge(self) -> str:
        if any(opinion.state is not State.DOWN for opinion in self._opinions.values()):
            return ""
        found = "; ".join(
            f"{key.service.removeprefix(OWN_LINK)}: {opinion.reason}"
            for key, opinion in self._opinions.items()
        )
        return f"its own connectivity check fails: {found}"
