"""What may be asked: the parameters of the reads."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from rrdnsd.config import values as v
from rrdnsd.control.reports import EventFilter
from rrdnsd.store.events import EventKind

LAST_SECOND = 253_402_300_799
"""The last second of the year 9999."""

_MOST_ID = 2**63 - 1  # what SQLite can count
_MOST_ROWS = 1000

Moment = Annotated[float, Field(ge=0, le=LAST_SECOND, allow_inf_nan=False)]
Number = Annotated[int, Field(ge=0, le=_MOST_ID)]

_SINCE = "From this moment on, in epoch seconds."
_UNTIL = "Before this moment, in epoch seconds."
_SERVICE = "The name of a service."
_ADDRESS = "The address of an endpoint."


class _Question(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OfService(_Question):
    """One service, or all of them."""

    service: v.DomainName | None = Field(default=None, description=_SERVICE, examples=["www.example.org"])


class OfEndpoint(_Question):
    """One service, or one endpoint of it."""

    service: v.DomainName = Field(description=_SERVICE, examples=["www.example.org"])
    address: v.Address | None = Field(default=None, description=_ADDRESS, examples=["192.0.2.1"])


class OfPast(OfService):
    """A span of the past."""

    address: v.Address | None = Field(default=None, description=_ADDRESS, examples=["192.0.2.1"])
    since: Moment | None = Field(default=None, description=f"{_SINCE} Default: a day before `until`.")
    until: Moment | None = Field(default=None, description=f"{_UNTIL} Default: now.")
    step: int = Field(
        default=3600,
        ge=60,
        le=86_400,
        multiple_of=60,
        description="Seconds of each span, a multiple of 60. An answer has the last 1500 spans at most.",
    )


class OfRuns(OfEndpoint):
    """Recorded probes of a service."""

    since: Moment | None = Field(default=None, description=f"{_SINCE} Default: a day before `until`.")
    until: Moment | None = Field(default=None, description=f"{_UNTIL} Default: now.")


class OfAudit(_Question):
    """A page of the audit."""

    limit: int = Field(default=100, ge=1, le=_MOST_ROWS, description="How many rows at most.")
    before: Number | None = Field(default=None, description="Only rows with a lower id.")


class EventsWanted(OfService):
    """Which events."""

    address: v.Address | None = Field(default=None, description=_ADDRESS, examples=["192.0.2.1"])
    kind: list[EventKind] = Field(
        default=[], max_length=50, description="Kinds of events; may be repeated. Default: all."
    )
    since: Moment | None = Field(default=None, description=_SINCE)
    until: Moment | None = Field(default=None, description=_UNTIL)
    after: Number | None = Field(default=None, description="Only events with a higher id, the oldest first.")

    def filter(self, before: int | None = None, after: int | None = None) -> EventFilter:
        """Return what the daemon is asked; `after` goes before the parameter of that name."""
        return EventFilter(
            service=self.service,
            address=self.address,
            kinds=tuple(self.kind) or None,
            since=self.since,
            until=self.until,
            before_id=before,
            after_id=self.after if after is None else after,
        )


class OfEvents(EventsWanted):
    """A page of events, the newest first unless `after` is given."""

    before: Number | None = Field(default=None, description="Only events with a lower id.")
    limit: int = Field(default=100, ge=1, le=_MOST_ROWS, description="How many events at most.")


def is_number(text: str) -> bool:
    """Tell if a text is an id, as browsers send back the last one they have seen."""
    return text.isascii() and text.isdigit() and int(text[:20]) <= _MOST_ID
