"""One way to tell people."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, SecretStr

from rrdnsd.config import values as v
from rrdnsd.config.schema.keys import Keys, text_default


class NotifierConfig(Keys):
    """One way to tell people: to whom, of what, and how often."""

    type: str = Field(
        description="How: `webhook`, `script` or `apprise`; see [notifiers.md](notifiers.md).",
    )
    name: v.PlainName | None = Field(
        default=None,
        description="What it is called in logs and by `rrdnsd notify test`; the same on every node, each name once.",
        json_schema_extra=text_default("the type"),
    )
    url: v.Secret = Field(
        default=SecretStr(""),
        description="Where to: the URL of the `webhook`, or that of `apprise`; it is never shown. Or `env:NAME` or"
        " `file:PATH`.",
    )
    secret: v.Secret = Field(
        default=SecretStr(""),
        description="Signs what a `webhook` sends (HMAC-SHA256). At least 16 characters; or `env:NAME` or `file:PATH`.",
    )
    headers: Mapping[v.HeaderName, v.HeaderValue] = Field(
        default_factory=dict,
        repr=False,
        description="Headers that a `webhook` sends as well; a value may be `env:NAME`.",
    )
    command: v.ListOf[str] = Field(
        default=(), description="The program of a `script` and its arguments; no shell is involved."
    )
    options: v.Options = Field(
        default_factory=dict,
        repr=False,
        description="What only this type understands; a text may be `env:NAME` or `file:PATH`.",
    )
    timeout_ms: v.Milliseconds = Field(default=10_000, description="How long one delivery may take.")
    services: v.ListOf[v.ServicePattern] = Field(
        default=(),
        description="The services to tell of: names, or `*.` and the domain that names end with.",
        json_schema_extra=text_default("all"),
    )
    kinds: v.ListOf[v.NotifierKind] = Field(
        default=(),
        description="What to tell of: `endpoint`, `service`, `fail-open`, `dns`, `guard`, `quorum`, `node`,"
        " `certificate`.",
        json_schema_extra=text_default("all"),
    )
    severity: Literal["info", "warning", "critical"] = Field(
        default="info",
        description="The least severity of the troubles to tell of; that one is over is told wherever it was told itself.",
    )
    batch_ms: v.Milliseconds = Field(
        default=1500, description="How long to collect what happens at the same time for one message."
    )
    remind_minutes: v.Minutes | None = Field(
        default=None,
        description="After how long a trouble that lasts is told again.",
        json_schema_extra=text_default("never"),
    )
    flap_changes: int = Field(
        default=4,
        ge=0,
        le=100,
        description="How many changes of one endpoint (or server, node ...) are told within `flap_minutes`; 0 means all.",
        json_schema_extra={"unit": "changes"},
    )
    flap_minutes: v.Minutes = Field(
        default=10, description="When an endpoint has changed so often, it is told of again after this time."
    )
    queue_size: int = Field(
        default=1000,
        ge=1,
        le=100_000,
        description="How many messages may wait for a receiver that is away; the oldest make room.",
        json_schema_extra={"unit": "messages"},
    )

    @property
    def called(self) -> str:
        """Its name, given or by default."""
        return self.name or self.type
