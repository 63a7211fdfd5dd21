"""A service, and what belongs to one alone."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr

from rrdnsd.config import values as v
from rrdnsd.config.schema.keys import Keys, text_default


class EndpointConfig(Keys):
    """One address that provides a service."""

    address: v.Address = Field(description="IPv4 or IPv6 address.")
    priority: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="Tier for active-standby: of the tiers with `min_up` healthy endpoints, the lowest is published.",
    )
    label: v.Label = Field(default="", description="A name for people, shown in logs and events.")


class StepConfig(Keys):
    """One step of a conversation over tcp: first `expect`, then `send`, then `starttls`, as far as they are given."""

    expect: v.Pattern | None = Field(
        default=None,
        description="Regular expression to be found in what the endpoint sends; `^` and `$` match at each line.",
        json_schema_extra=text_default("none"),
    )
    send: v.SentText | None = Field(
        default=None,
        repr=False,
        description='What to send, exactly so: end it with what ends a line there, mostly `"\\r\\n"`. May be `env:NAME`.',
        json_schema_extra=text_default("none"),
    )
    starttls: bool = Field(
        default=False, description="Go on over TLS; the certificate is verified as for https."
    )


class ServiceConfig(Keys):
    """One public name and the addresses that provide it."""

    fqdn: v.DomainName = Field(description="The name whose A and AAAA records are managed; each name once.")
    zone: v.DomainName = Field(description="The DNS zone that holds the name.")
    healthcheck: v.Healthcheck = Field(
        description="What to probe: scheme, port and path; `{}` stands for the endpoint's address and is"
        " bracketed by itself for IPv6. [probes.md](probes.md) has all schemes.",
    )
    ipaddrs: v.ListOf[
        Annotated[
            EndpointConfig,
            BeforeValidator(v.address_object, json_schema_input_type=str | EndpointConfig),
        ]
    ] = Field(min_length=1, description="The endpoints: plain addresses or objects with `address`.")
    provider: v.PlainName = Field(
        default="default",
        description="Where the records are written: a key of `providers`, or `default` for the top-level `update_*` keys.",
    )
    host: v.DomainName | None = Field(
        default=None,
        description="Host header, SNI and the name the certificate must carry.",
        json_schema_extra=text_default("the fqdn"),
    )
    probe_interval_ms: v.Milliseconds | None = None
    probe_timeout_ms: v.Milliseconds | None = None
    fast_interval_ms: v.Milliseconds | None = None
    rise: v.Times | None = None
    fall: v.Times | None = None
    enable_fail_open: bool | None = None
    fail_open_threshold: v.Share | None = None
    min_up: v.Times | None = None
    voters: v.Nodes | None = None
    expect_status: v.StatusRanges | None = None
    expect_body: v.Pattern | None = None
    method: v.Method | None = None
    headers: Mapping[v.HeaderName, v.HeaderValue] | None = Field(default=None, repr=False)
    verify_tls: bool | None = None
    ca_file: v.CaFile | None = None
    reuse_connections: bool | None = None
    min_cert_days: v.Days | None = None
    query_response: v.ListOf[StepConfig] = Field(
        default=(),
        max_length=32,
        description="For `tcp`: what is said over the connection, step by step.",
    )
    script_args: v.ListOf[v.Argument] = Field(
        default=("{}",),
        max_length=100,
        description="For `script`: the arguments; `{}` stands for the endpoint's address.",
    )
    heartbeat_secret: v.ClusterSecret = Field(
        default=SecretStr(""),
        description="For `heartbeat`: what the endpoints show when they call. At least 16 characters; or `env:NAME`"
        " or `file:PATH`.",
    )
    heartbeat_within_ms: v.Milliseconds = Field(
        default=60_000,
        description="For `heartbeat`: an endpoint is up for so long after it has called.",
    )
    service_check: str = Field(
        default="",
        description="Beside the probes of the endpoints: the URL that a client of the service would use. The name is looked"
        " up where it is served and one address of it is asked, every `reconcile_interval_ms`. Nothing is decided by it.",
    )
    probe_options: v.Options = Field(
        default_factory=dict,
        repr=False,
        description="What only the probe type of a plug-in understands. A text may be `env:NAME` or `file:PATH`.",
    )
    ttl: v.Ttl | None = None
    on_remove: v.OnRemove | None = None
    public: bool = Field(
        default=False,
        description="Whether everybody may see the state of this service: a read-only page and a badge.",
    )
