"""The keys at the top level. Those that services inherit come last."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field, SecretStr

from rrdnsd.config import values as v
from rrdnsd.config.effective import (
    EffectiveProvider,
    EffectiveService,
    effective_providers,
    effective_service,
)
from rrdnsd.config.schema.builtin import BuiltinConfig
from rrdnsd.config.schema.interface import ApiConfig, TlsConfig
from rrdnsd.config.schema.keys import Keys, text_default
from rrdnsd.config.schema.metrics import MetricsConfig, StatsdConfig
from rrdnsd.config.schema.notifiers import NotifierConfig
from rrdnsd.config.schema.providers import ProviderConfig, RemovalGuard
from rrdnsd.config.schema.sandbox import SandboxConfig, as_object
from rrdnsd.config.schema.services import ServiceConfig
from rrdnsd.config.text import show

CONF_VERSION = 1


def _version(value: object) -> object:
    if type(value) is not int:
        raise ValueError(f"must be the number {CONF_VERSION}, got {show(value)}")
    if value != CONF_VERSION:
        raise ValueError(f"this rrdnsd reads version {CONF_VERSION} only, got {show(value)}")
    return value


class Config(Keys):
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
        default=None, description="TLS on `local_node` itself.", json_schema_extra=text_default("none")
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
        json_schema_extra=text_default("builtin"),
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
        json_schema_extra=text_default("its defaults"),
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
        json_schema_extra=text_default("none"),
    )
    reload_on_change: bool = Field(
        default=False,
        description="Whether this file is read again when it changes, as on SIGHUP; it is looked at every second.",
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
        json_schema_extra=text_default("none, nothing is sent"),
    )
    metrics: MetricsConfig = Field(
        default=MetricsConfig(), description="Bounds of what Prometheus reads, see [metrics.md](metrics.md)."
    )
    sandbox: Annotated[
        SandboxConfig, BeforeValidator(as_object, json_schema_input_type=bool | SandboxConfig)
    ] = Field(
        default=SandboxConfig(),
        description="What rrdnsd may do once it runs, see [security.md](security.md); `false` leaves it all it could do anyway.",
    )

    probe_interval_ms: v.Milliseconds = Field(
        default=5000, description="Time between two probes of an endpoint."
    )
    probe_timeout_ms: v.Milliseconds | None = Field(
        default=None,
        description="How long a whole probe may take; not more than the interval.",
        json_schema_extra=text_default("2000, or the interval if that is shorter"),
    )
    fast_interval_ms: v.Milliseconds | None = Field(
        default=None,
        description="Time between probes while an endpoint is being decided: after a first failure of one that is up, or"
        " a first success of one that is down.",
        json_schema_extra=text_default("a tenth of the interval, within 100 to 2000"),
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
    voters: v.Nodes | None = Field(
        default=None,
        description="How many of the nodes probe a service and vote on it; the quorum is counted over them. See"
        " [clustering.md](clustering.md#voters).",
        json_schema_extra=text_default("all nodes"),
    )
    expect_status: v.StatusRanges = Field(
        default=((200, 399),),
        description='HTTP status codes that count as success: `204`, `"200-399"` or `["200-299", 401]`.',
        json_schema_extra={"default": "200-399"},
    )
    expect_body: v.Pattern | None = Field(
        default=None,
        description="Regular expression to be found in the first 64 KiB of the body.",
        json_schema_extra=text_default("none"),
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
        json_schema_extra=text_default("the system's"),
    )
    reuse_connections: bool = Field(
        default=False, description="Keep connections open between probes: cheaper, and tests less."
    )
    min_cert_days: v.Days = Field(
        default=0,
        description="Where a certificate is verified, it must be valid for so many more days.",
    )
    ttl: v.Ttl = Field(default=60, description="TTL of the records.")
    on_remove: v.OnRemove = Field(
        default="keep",
        description="What becomes of the records of a service or an endpoint that is taken out of this file: `keep` leaves"
        " them as they are, `withdraw` has them deleted once the files of a quorum of the nodes agree. See"
        " [operations.md](operations.md#reload).",
    )

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
