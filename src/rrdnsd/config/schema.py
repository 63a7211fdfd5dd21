"""Every key of the configuration, with its type, default and meaning. Whatever is not here is an error.

A service's key that is None inherits the key of the same name at the top level; `Config.effective` fills
such gaps and turns milliseconds into seconds.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, SecretStr

from rrdnsd.config import values as v
from rrdnsd.config.effective import (
    EffectiveProvider,
    EffectiveService,
    effective_providers,
    effective_service,
)
from rrdnsd.config.text import show

CONF_VERSION = 1


def _version(value: object) -> object:
    if type(value) is not int:
        raise ValueError(f"must be the number {CONF_VERSION}, got {show(value)}")
    if value != CONF_VERSION:
        raise ValueError(f"this rrdnsd reads version {CONF_VERSION} only, got {show(value)}")
    return value


def _text_default(text: str) -> dict[str, JsonValue]:
    """Word a default that depends on other keys, for the documentation."""
    return {"default_text": text}


class _Keys(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        json_schema_extra={"patternProperties": {"^_": {}}},
    )


class EndpointConfig(_Keys):
    """One address that provides a service."""

    address: v.Address = Field(description="IPv4 or IPv6 address.")
    priority: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="Tier for active-standby: of the tiers with `min_up` healthy endpoints, the lowest is published.",
    )
    label: v.Label = Field(default="", description="A name for people, shown in logs and events.")


class StepConfig(_Keys):
    """One step of a conversation over tcp: first `expect`, then `send`, then `starttls`, as far as they are given."""

    expect: v.Pattern | None = Field(
        default=None,
        description="Regular expression to be found in what the endpoint sends; `^` and `$` match at each line.",
        json_schema_extra=_text_default("none"),
    )
    send: v.SentText | None = Field(
        default=None,
        repr=False,
        description='What to send, exactly so: end it with what ends a line there, mostly `"\\r\\n"`. May be `env:NAME`.',
        json_schema_extra=_text_default("none"),
    )
    starttls: bool = Field(
        default=False, description="Go on over TLS; the certificate is verified as for https."
    )


class ServiceConfig(_Keys):
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
        json_schema_extra=_text_default("the fqdn"),
    )
    probe_interval_ms: v.Milliseconds | None = None
    probe_timeout_ms: v.Milliseconds | None = None
    fast_interval_ms: v.Milliseconds | None = None
    rise: v.Times | None = None
    fall: v.Times | None = None
    enable_fail_open: bool | None = None
    fail_open_threshold: v.Share | None = None
    min_up: v.Times | None = None
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
    public: bool = Field(
        default=False,
        description="Whether everybody may see the state of this service: a read-only page and a badge.",
    )


class ProviderConfig(_Keys):
    """One more place where records are written, beside the top-level `update_*` keys."""

    update_method: str = Field(description="As `update_method` at the top level.")
    update_credentials: v.Secret = SecretStr("")
    update_resolvers: v.ListOf[v.ServerAddress] = ()
    update_timeout_ms: v.Milliseconds | None = Field(
        default=None, json_schema_extra=_text_default("the top-level value")
    )
    options: v.Options = Field(
        default_factory=dict, repr=False, description="As `update_options` at the top level."
    )


class BuiltinConfig(_Keys):
    """The built-in authoritative server, which serves the zones when no update method is given."""

    listen: v.ListOf[v.IpAndPort] = Field(
        default=("127.0.0.1:5300",),
        min_length=1,
        description="Addresses and ports to answer on, UDP and TCP.",
    )
    ns: v.ListOf[v.DomainName] = Field(
        default=(),
        description="The zones' NS records; the first is the primary in the SOA.",
        json_schema_extra=_text_default("ns. and the zone"),
    )
    hostmaster: v.Mailbox | None = Field(
        default=None,
        description="Responsible mailbox in the SOA, as a mail address or a domain name.",
        json_schema_extra=_text_default("hostmaster. and the zone"),
    )
    notify: v.ListOf[v.IpAndPort] = Field(
        default=(), description="Secondaries to send NOTIFY to after a change."
    )
    allow_transfer: v.ListOf[v.Network] = Field(
        default=(),
        description="Addresses and networks that may transfer the zones (AXFR).",
        json_schema_extra=_text_default("this machine and the addresses in `notify`"),
    )
    tsig: v.Secret = Field(
        default=SecretStr(""),
        description="TSIG key for transfers and NOTIFY, `[algorithm:]name:secret`; or `env:NAME` or `file:PATH`.",
    )
    refresh: v.Seconds = Field(
        default=300, description="SOA refresh: how often secondaries look for a new serial."
    )
    retry: v.Seconds = Field(default=60, description="SOA retry: how soon they try again.")
    expire: v.Seconds = Field(
        default=1_209_600, description="SOA expire: how long they serve without the primary."
    )
    negative_ttl: v.Ttl = Field(
        default=60, description="SOA minimum: how long resolvers remember that a name or type does not exist."
    )


class TokenConfig(_Keys):
    """A token that a caller of the HTTP interface may show; `rrdnsd token new` makes one."""

    name: v.PlainName = Field(description="Who the token is for: the audit calls its holder so.")
    scope: Literal["read", "write"] = Field(
        description="`read` sees everything, `write` may change things, too."
    )
    hash: v.TokenHash = Field(
        repr=False, description="What `rrdnsd token new` printed for the configuration; not the token itself."
    )


class StatsdConfig(_Keys):
    """A StatsD server that is told what happens, by UDP."""

    address: v.StatsdAddress = Field(
        default="127.0.0.1:8125", description="Host and port of the server; port 8125 if none is given."
    )
    prefix: v.StatsdPrefix = Field(
        default="rrdnsd",
        description="What every name begins with, before a dot; an empty text means nothing.",
    )


class MetricsConfig(_Keys):
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


class ApiConfig(_Keys):
    """The HTTP interface on `local_node`."""

    enabled: bool = Field(
        default=True,
        description="Whether `local_node` answers more than the peers' messages; a node alone then does not listen.",
    )
    tokens: v.ListOf[TokenConfig] = Field(
        default=(),
        max_length=64,
        description="The tokens that are accepted. Without a token of scope `write`, changes are made over the Unix"
        " socket only.",
    )
    socket: v.SocketPath | None = Field(
        default=None,
        description="Path of the Unix socket for the administrators of this machine; a relative path starts beside"
        " this file, an empty text means none.",
        json_schema_extra=_text_default(
            "`api.sock` in $RUNTIME_DIRECTORY, else in /run/rrdnsd if that is there"
        ),
    )
    anonymous_read: bool = Field(
        default=True, description="Whether status, events, history and dashboard can be read without a token."
    )
    allowed_hosts: v.ListOf[v.DomainName] = Field(
        default=(),
        description="Names by which browsers may reach this node without a token, beside its IP addresses and"
        " `localhost`: a guard against DNS rebinding.",
    )


class TlsConfig(_Keys):
    """TLS between the nodes: this node's certificate, and the authority that signs the nodes' certificates."""

    cert_file: v.CaFile = Field(
        description="This node's certificate in PEM form, with `local_node`'s address among its names."
    )
    key_file: v.KeyFile = Field(description="Its private key in PEM form.")
    ca_file: v.CaFile | None = Field(
        default=None,
        description="The authority of the nodes' certificates. With it, peers must show a certificate of theirs.",
        json_schema_extra=_text_default("the system's, and peers show no certificate"),
    )


class NotifierConfig(_Keys):
    """One way to tell people: to whom, of what, and how often."""

    type: str = Field(
        description="How: `webhook`, `script` or `apprise`; see [notifiers.md](notifiers.md).",
    )
    name: v.PlainName | None = Field(
        default=None,
        description="What it is called in logs and by `rrdnsd notify test`; the same on every node, each name once.",
        json_schema_extra=_text_default("the type"),
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
        json_schema_extra=_text_default("all"),
    )
    kinds: v.ListOf[v.NotifierKind] = Field(
        default=(),
        description="What to tell of: `endpoint`, `service`, `fail-open`, `dns`, `guard`, `quorum`, `node`,"
        " `certificate`.",
        json_schema_extra=_text_default("all"),
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
        json_schema_extra=_text_default("never"),
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


class RemovalGuard(_Keys):
    """The guard against taking too much out of DNS at once because of health."""

    share: v.Share = Field(
        default=0.5,
        description="Refuse a plan by which health removes more than this share of a zone's addresses.",
    )
    window_ms: v.Milliseconds = Field(
        default=60_000, description="The time over which removals are added up."
    )


class Config(_Keys):
    """The configuration of rrdnsd."""

    model_config = ConfigDict(title="rrdnsd")

    conf_version: Annotated[Literal[1], BeforeValidator(_version)] = Field(
        default=1, description="Version of the format."
    )
    local_node: v.NodeAddress = Field(
        description="IP address and port of this node, one of `nodes`; the environment variable LOCAL_NODE overrides it."
    )
    nodes: v.ListOf[v.NodeAddress] = Field(
        min_length=1, description="IP address and port of this node and of its peers, if any."
    )
    nodes_protocol: Literal["http", "https"] = Field(
        default="http",
        description="How the nodes talk to each other. `https` without `tls` is for nodes behind reverse proxies.",
    )
    cluster_secret: v.ClusterSecret = Field(
        default=SecretStr(""),
        description="The same on every node: signs what they say to each other (HMAC-SHA256). At least 16"
        " characters; or `env:NAME` or `file:PATH`.",
    )
    tls: TlsConfig | None = Field(
        default=None, description="TLS on `local_node` itself.", json_schema_extra=_text_default("none")
    )
    insecure_cluster: bool = Field(
        default=False,
        description="Whether nodes that are not all on loopback may talk without authentication.",
    )
    heartbeat_ms: v.Milliseconds = Field(
        default=1000, description="How often a node tells its peers that its votes stand."
    )
    vote_ttl_ms: v.Milliseconds = Field(
        default=4000, description="How long the votes of a node count after it was last heard."
    )
    takeover_ms: v.Milliseconds = Field(
        default=1000,
        description="How long the next node in line waits for the one before it to write, then writes itself.",
    )
    connectivity_check: v.ListOf[v.ConnectivityTarget] = Field(
        default=(),
        description="URLs with IP addresses that this node should always reach, e.g. `tcp://192.0.2.1:53`; while"
        " none of them answers, it abstains.",
    )
    services: v.ListOf[ServiceConfig] = Field(min_length=1, description="The services to watch.")

    update_method: str | None = Field(
        default=None,
        description="How records are written: `rfc2136` (native), `nsupdate`, `knsupdate`, `builtin`, or by the API of a"
        " vendor; [providers.md](providers.md) has all of them.",
        json_schema_extra=_text_default("builtin"),
    )
    update_credentials: v.Secret = Field(
        default=SecretStr(""),
        description="`[algorithm:]name:secret` of a TSIG key; or `env:NAME`; or `file:PATH` with that text or a"
        " key file (a relative path is looked for in $CREDENTIALS_DIRECTORY when that is set, else beside this"
        " file). Empty: updates are not signed. For vendors' APIs: the token.",
    )
    update_resolvers: v.ListOf[v.ServerAddress] = Field(
        default=(), description="DNS servers to write to, each on its own; port 53 if none is given."
    )
    update_timeout_ms: v.Milliseconds = Field(
        default=5000, description="How long one exchange with a DNS server may take."
    )
    update_options: v.Options = Field(
        default_factory=dict,
        repr=False,
        description="What only this update method understands, see [providers.md](providers.md). A text may be"
        " `env:NAME` or `file:PATH`, as in `update_credentials`.",
    )
    providers: Mapping[v.PlainName, ProviderConfig] = Field(
        default_factory=dict, description="More places to write to, by name; services choose with `provider`."
    )
    builtin: BuiltinConfig | None = Field(
        default=None,
        description="Settings of the built-in server.",
        json_schema_extra=_text_default("its defaults"),
    )
    mode: Literal["active", "shadow"] = Field(
        default="active", description="`shadow` does everything but write and reports how it would differ."
    )
    reconcile_interval_ms: v.Milliseconds = Field(
        default=30_000, description="How often DNS is compared with what it should hold, to repair drift."
    )
    max_removals: RemovalGuard | None = Field(
        default=RemovalGuard(), description="Guard against mass removal; null switches it off."
    )
    state_dir: v.Folder | None = Field(
        default=None,
        description="Where rrdnsd may keep files; a relative path starts beside this file.",
        json_schema_extra=_text_default("none"),
    )
    loglevel: v.Level = Field(
        default="info",
        description="`trace`, `debug`, `info`, `warning` (also `warn`) or `error`.",
    )
    notifiers: v.ListOf[NotifierConfig] = Field(
        default=(), max_length=32, description="Who is told of what happens, and how."
    )
    api: ApiConfig = Field(default=ApiConfig(), description="The HTTP interface.")
    statsd: StatsdConfig | None = Field(
        default=None,
        description="A StatsD server to tell what happens, see [metrics.md](metrics.md); `{}` means its defaults.",
        json_schema_extra=_text_default("none, nothing is sent"),
    )
    metrics: MetricsConfig = Field(
        default=MetricsConfig(), description="Bounds of what Prometheus reads, see [metrics.md](metrics.md)."
    )

    probe_interval_ms: v.Milliseconds = Field(
        default=5000, description="Time between two probes of an endpoint."
    )
    probe_timeout_ms: v.Milliseconds | None = Field(
        default=None,
        description="How long a whole probe may take; not more than the interval.",
        json_schema_extra=_text_default("2000, or the interval if that is shorter"),
    )
    fast_interval_ms: v.Milliseconds | None = Field(
        default=None,
        description="Time between probes while an endpoint is being decided: after a first failure of one that is up, or"
        " a first success of one that is down.",
        json_schema_extra=_text_default("a tenth of the interval, within 100 to 2000"),
    )
    rise: v.Times = Field(default=2, description="Successes in a row that turn a down endpoint up.")
    fall: v.Times = Field(default=2, description="Failures that turn an up endpoint down.")
    enable_fail_open: bool = Field(
        default=True,
        description="Whether all endpoints stay published when more than `fail_open_threshold` are down.",
    )
    fail_open_threshold: v.Share = Field(
        default=0.5,
        description="Share of a service's endpoints that may be down before health is not believed.",
    )
    min_up: v.Times = Field(
        default=1,
        description="Healthy endpoints a tier needs to be published (see `priority`).",
        json_schema_extra={"unit": "endpoints"},
    )
    expect_status: v.StatusRanges = Field(
        default=((200, 399),),
        description='HTTP status codes that count as success: `204`, `"200-399"` or `["200-299", 401]`.',
        json_schema_extra={"default": "200-399"},
    )
    expect_body: v.Pattern | None = Field(
        default=None,
        description="Regular expression to be found in the first 64 KiB of the body.",
        json_schema_extra=_text_default("none"),
    )
    method: v.Method = Field(default="GET", description="HTTP method of the probe.")
    headers: Mapping[v.HeaderName, v.HeaderValue] = Field(
        default_factory=dict,
        repr=False,
        description="Headers to send; a value may be `env:NAME`. A service's own replace all of these.",
    )
    verify_tls: bool = Field(
        default=True, description="Whether the certificate of an endpoint must be valid."
    )
    ca_file: v.CaFile | None = Field(
        default=None,
        description="Certificates to trust, in PEM form; a relative path starts beside this file.",
        json_schema_extra=_text_default("the system's"),
    )
    reuse_connections: bool = Field(
        default=False, description="Keep connections open between probes: cheaper, and tests less."
    )
    min_cert_days: v.Days = Field(
        default=0,
        description="Where a certificate is verified, it must be valid for so many more days.",
    )
    ttl: v.Ttl = Field(default=60, description="TTL of the records.")

    @property
    def builtin_settings(self) -> BuiltinConfig:
        """The settings of the built-in server, given or by default."""
        return self.builtin or BuiltinConfig()

    def effective(self, service: ServiceConfig) -> EffectiveService:
        """Return the service with all that it inherits filled in."""
        return effective_service(self, service)

    def effective_providers(self) -> tuple[EffectiveProvider, ...]:
        """Return the providers that services use, with all that they inherit filled in."""
        return effective_providers(self)


SECRET_KEYS = frozenset({"update_credentials", "tsig", "cluster_secret", "heartbeat_secret", "url", "secret"})
"""Keys whose values no message ever repeats."""
