"""Where records are written, and the guard against writing too much."""

from pydantic import Field, SecretStr

from rrdnsd.config import values as v
from rrdnsd.config.schema.keys import Keys, text_default


class ProviderConfig(Keys):
    """One more place where records are written, beside the top-level `update_*` keys."""

    update_method: str = Field(description="As `update_method` at the top level.")
    update_credentials: v.Secret = SecretStr("")
    update_resolvers: v.ListOf[v.ServerAddress] = ()
    update_timeout_ms: v.Milliseconds | None = Field(
        default=None, json_schema_extra=text_default("the top-level value")
    )
    options: v.Options = Field(
        default_factory=dict, repr=False, description="As `update_options` at the top level."
    )


class RemovalGuard(Keys):
    """The guard against taking too much out of DNS at once because of health."""

    share: v.Share = Field(
        default=0.5,
        description="Refuse a plan by which health removes more than this share of a zone's addresses.",
    )
    window_ms: v.Milliseconds = Field(
        default=60_000, description="The time over which removals are added up."
    )
