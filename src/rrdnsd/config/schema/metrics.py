"""What is measured, and where it is sent."""

from pydantic import Field

from rrdnsd.config import values as v
from rrdnsd.config.schema.keys import Keys


class StatsdConfig(Keys):
    """A StatsD server that is told what happens, by UDP."""

    address: v.StatsdAddress = Field(
        default="127.0.0.1:8125", description="Host and port of the server; port 8125 if none is given."
    )
    prefix: v.StatsdPrefix = Field(
        default="rrdnsd",
        description="What every name begins with, before a dot; an empty text means nothing.",
    )


class MetricsConfig(Keys):
    """Bounds of what Prometheus reads at `/metrics`."""

    max_endpoints: int = Field(
        default=2000,
        ge=0,
        le=100_000,
        description="With more endpoints than this, none has metrics of its own; those of the services remain.",
        json_schema_extra={"unit": "endpoints"},
    )
    max_services: int = Field(
        default=200,
        ge=0,
        le=100_000,
        description="With more services than this, there is one histogram of probe durations for all of them.",
        json_schema_extra={"unit": "services"},
    )
