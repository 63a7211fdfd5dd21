"""What holds for a service or a provider once every inherited value is filled in; times in seconds."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from rrdnsd.config import healthcheck
from rrdnsd.config.addresses import host_port
from rrdnsd.config.probeoptions import probe_options
from rrdnsd.core.model import Endpoint

if TYPE_CHECKING:
    from rrdnsd.config.schema import Config, ProviderConfig, ServiceConfig

DEFAULT_PROVIDER = "default"
BUILTIN = "builtin"
_DEFAULT_TIMEOUT_MS = 2000
_FASTEST_MS, _SLOWEST_FAST_MS = 100, 2000
_DIGEST_CHARS = 16
_ASKED = (
    "healthcheck", "host", "probe_timeout", "rise", "fall", "expect_status", "expect_body", "method", "verify_tls",
    "reuse_connections",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class EffectiveService:
    """A service with nothing left to inherit. `fail_open_threshold` is None when fail-open is off, `voters` for all."""

    fqdn: str
    zone: str
    provider: str
    healthcheck: str
    scheme: str
    host: str
    ttl: int
    endpoints: tuple[Endpoint, ...]
    probe_interval: float
    probe_timeout: float
    fast_interval: float
    rise: int
    fall: int
    fail_open_threshold: float | None
    min_up: int
    voters: int | None
    expect_status: tuple[tuple[int, int], ...]
    expect_body: str | None
    method: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    verify_tls: bool
    ca_file: str | None
    reuse_connections: bool
    options: Mapping[str, object] = field(repr=False)

    @property
    def definition(self) -> str:
        """The digest of what is asked, of whom, and how many vote on it; computed each time, since few need it."""
        return _digest(self, self.endpoints, self.voters)

    @property
    def question(self) -> str:
        """The digest of what is asked alone."""
        return _digest(self, ())


@dataclass(frozen=True, slots=True)
class EffectiveProvider:
    """A provider with its secrets in the clear, so `credentials` and `options` are kept out of repr.

    `resolvers` are pairs of host and port. `zones` are those of the services that use it, sorted.
    `options` of the method `builtin` are the keys of BuiltinConfig, its TSIG key still a SecretStr.
    """

    name: str
    method: str
    resolvers: tuple[tuple[str, int], ...]
    credentials: str = field(repr=False)
    timeout: float
    zones: tuple[str, ...]
    options: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class TimesMs:
    """The three times of a service's probes, in milliseconds."""

    interval: int
    timeout: int
    fast: int


def times_ms(config: "Config", service: "ServiceConfig | None" = None) -> TimesMs:
    """Fill in a service's times; without a service, those that a service without its own would get."""
    own = service or config
    interval = own.probe_interval_ms or config.probe_interval_ms
    timeout = own.probe_timeout_ms or config.probe_timeout_ms or min(interval, _DEFAULT_TIMEOUT_MS)
    fast = min(interval, max(_FASTEST_MS, min(interval // 10, _SLOWEST_FAST_MS)))
    return TimesMs(interval, timeout, own.fast_interval_ms or config.fast_interval_ms or fast)


def effective_service(config: "Config", service: "ServiceConfig") -> EffectiveService:
    """Fill in what the service inherits from the top level of the configuration."""
    times = times_ms(config, service)
    values = _inherited(config, service)
    return EffectiveService(
        fqdn=service.fqdn,
        zone=service.zone,
        provider=service.provider,
        scheme=healthcheck.scheme_of(service.healthcheck),
        ttl=values["ttl"],
        endpoints=tuple(Endpoint(e.address, e.priority, e.label) for e in service.ipaddrs),
        probe_interval=times.interval / 1000,
        fast_interval=times.fast / 1000,
        fail_open_threshold=values["fail_open_threshold"] if values["enable_fail_open"] else None,
        min_up=values["min_up"],
        voters=values["voters"],
        healthcheck=service.healthcheck,
        host=service.host or service.fqdn,
        probe_timeout=times.timeout / 1000,
        rise=values["rise"],
        fall=values["fall"],
        expect_status=values["expect_status"],
        expect_body=values["expect_body"] or None,
        method=values["method"],
        headers=tuple(values["headers"].items()),
        verify_tls=values["verify_tls"],
        ca_file=values["ca_file"],
        reuse_connections=values["reuse_connections"],
        options=probe_options(service, values["min_cert_days"]),
    )


def effective_providers(
    config: "Config", more: Iterable[tuple[str, str]] = ()
) -> tuple[EffectiveProvider, ...]:
    """List the providers that services use, in the order in which the services name them.

    `more` are pairs of provider and zone that are in use although no service names them any more.
    """
    zones: dict[str, set[str]] = {}
    for provider, zone in [*((s.provider, s.zone) for s in config.services), *more]:
        zones.setdefault(provider, set()).add(zone)
    return tuple(effective_provider(config, name, tuple(sorted(of_it))) for name, of_it in zones.items())


def effective_provider(config: "Config", name: str, zones: tuple[str, ...]) -> EffectiveProvider:
    """Fill in what one provider inherits, for the services of these zones."""
    source: Config | ProviderConfig = config if name == DEFAULT_PROVIDER else config.providers[name]
    method = source.update_method or BUILTIN
    given = config.update_options if source is config else config.providers[name].options
    return EffectiveProvider(
        name=name,
        method=method,
        resolvers=tuple(host_port(resolver) for resolver in source.update_resolvers),
        credentials=source.update_credentials.get_secret_value(),
        timeout=(source.update_timeout_ms or config.update_timeout_ms) / 1000,
        zones=zones,
        options=config.builtin_settings.model_dump() if method == BUILTIN else given,
    )


def _inherited(config: "Config", service: "ServiceConfig") -> dict[str, Any]:
    own = {key: getattr(service, key) for key in _common(type(config), type(service))}
    return {key: getattr(config, key) if value is None else value for key, value in own.items()}


@cache  # a start asks for each service several times
def _common(config: type["Config"], service: type["ServiceConfig"]) -> frozenset[str]:
    return frozenset(config.model_fields.keys() & service.model_fields.keys())


def _digest(service: EffectiveService, endpoints: tuple[Endpoint, ...], voters: int | None = None) -> str:
    """Digest what the endpoints are asked; nodes may keep their CA file at different paths."""
    asked = {
        **{name: getattr(service, name) for name in _ASKED},
        **({"options": service.options} if service.options else {}),
        **({"voters": voters} if voters else {}),
        "ca_file": service.ca_file is not None,
        "headers": sorted((name.lower(), value) for name, value in service.headers),
        "ipaddrs": sorted(endpoint.address for endpoint in endpoints),
    }
    text = json.dumps(asked, sort_keys=True, separators=(",", ":"), default=str)  # a SecretStr shows nothing
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_CHARS]
