"""What everybody may see of a service that is public: its state and uptime; no addresses, counts, reasons or nodes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rrdnsd.control.base import Control, OrderError
from rrdnsd.control.reports import EndpointHistory, ServiceReport, SpanReport
from rrdnsd.errors import RrdnsdError
from rrdnsd.web.dashboard.past import DAY, HOUR
from rrdnsd.web.dashboard.shapes import Bar, bar

SPANS = (("Last 24 hours", DAY, HOUR), ("Last 30 days", 30 * DAY, DAY))
FRESH_SECONDS = 60.0

COLOURS: Mapping[str, str] = {"up": "#1a7f4b", "degraded": "#9a5b00", "down": "#b3261e", "held": "#4a5bb5"}
OTHER_COLOUR = "#5c6670"
LETTER, PADDING = 6.4, 14
"""The mean width of a letter on the badge, and the space around words, in pixels."""

SENTENCES: Mapping[str, str] = {
    "up": "This service is up.",
    "degraded": "This service is up; a part of it is not.",
    "down": "This service is down.",
    "held": "This service is in planned maintenance.",
    "unknown": "The state of this service is not known now.",
}


@dataclass(frozen=True, slots=True)
class PublicSpan:
    """The uptime of one span in words and as a drawing."""

    words: str
    uptime: float | None
    bar: Bar


def public_service(control: Control, fqdn: str) -> ServiceReport | None:
    """Return a service that is public. One that is not, and one that does not exist, must look alike."""
    try:
        services = control.status(fqdn).services
    except OrderError:
        return None
    return next((service for service in services if service.public), None)


def public_state(service: ServiceReport) -> str:
    """Return the word for the state."""
    if service.maintenance:
        return "held"
    return service.state if service.state in SENTENCES else "unknown"


def public_word(state: str) -> str:
    """Return the state as it stands on the badge."""
    return "maintenance" if state == "held" else state


def badge(service: ServiceReport) -> dict[str, object]:
    """Return what the badge needs: its words, its colour, and widths for text of 11 pixels."""
    state = public_state(service)
    word = public_word(state)
    split = round(len(service.fqdn) * LETTER) + PADDING
    return {
        "name": service.fqdn,
        "word": word,
        "colour": COLOURS.get(state, OTHER_COLOUR),
        "split": split,
        "width": split + round(len(word) * LETTER) + PADDING,
    }


class PublicPast:
    """The uptime of public services, asked at most once a minute for each: strangers may not make the disk busy."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._kept: dict[str, tuple[float, list[PublicSpan]]] = {}

    async def spans(self, service: ServiceReport, now: float) -> list[PublicSpan]:
        """Return what is known of the spans that the page shows."""
        kept = self._kept.get(service.fqdn)
        if kept is not None and 0 <= now - kept[0] < FRESH_SECONDS:
            return kept[1]
        try:
            made = [await self._span(service.fqdn, now, *span) for span in SPANS]
        except RrdnsdError:
            made = []
        self._kept[service.fqdn] = (now, made)
        return made

    async def _span(self, fqdn: str, now: float, words: str, seconds: int, step: int) -> PublicSpan:
        report = await self._control.history(now - seconds, now, step, fqdn)
        merged = _merged(report.endpoints, step)
        known = [found.uptime for found in report.endpoints if found.uptime is not None]
        share = sum(known) / len(known) if known else None
        return PublicSpan(words, share, bar(merged, now - seconds, now, step))


def _merged(endpoints: Sequence[EndpointHistory], step: int) -> list[SpanReport]:
    """Return the mean of the endpoints for each span."""
    shares: dict[int, list[float]] = {}
    for endpoint in endpoints:
        for span in endpoint.spans:
            if span.uptime is not None:
                shares.setdefault(span.start, []).append(span.uptime)
    return [
        SpanReport(start, step, 0, 0, sum(found) / len(found), None, None, None)
        for start, found in sorted(shares.items())
    ]
