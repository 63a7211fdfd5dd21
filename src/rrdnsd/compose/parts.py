"""From the configuration to the parts: services, probes, providers, keepers of zones."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from rrdnsd.config import Config, EffectiveProvider, EffectiveService, connectivity, host_port
from rrdnsd.config.effective import BUILTIN
from rrdnsd.core.model import EndpointKey, ProbeResult, Service, Thresholds
from rrdnsd.core.plan import RemovalLimit
from rrdnsd.daemon.connectivity import link_key
from rrdnsd.daemon.keeping import KeeperSettings
from rrdnsd.daemon.reconciler import ZoneKeeper
from rrdnsd.daemon.runtime import Runtime
from rrdnsd.daemon.scheduler import Job, phase_of
from rrdnsd.probes.base import CheckSpec
from rrdnsd.probes.registry import ProbeTypes
from rrdnsd.providers.base import Provider, ProviderSpec, Resolver
from rrdnsd.providers.builtin.provider import Builtin
from rrdnsd.providers.registry import find_build as find_provider

Results = Sequence[tuple[EndpointKey, ProbeResult]]
Clock = Callable[[], float]
Providers = dict[str, tuple[Provider, ...]]


def core_services(config: Config) -> tuple[Service, ...]:
    """Return what the core needs to know of the services."""
    return tuple(_core_service(config.effective(service)) for service in config.services)


def _core_service(service: EffectiveService) -> Service:
    return Service(
        fqdn=service.fqdn,
        zone=service.zone,
        provider=service.provider,
        ttl=service.ttl,
        endpoints=service.endpoints,
        thresholds=Thresholds(service.rise, service.fall),
        fail_open_threshold=service.fail_open_threshold,
        min_up=service.min_up,
        fast_interval=service.fast_interval,
        definition=service.definition,
    )


def link_checks(config: Config) -> dict[EndpointKey, str]:
    """Return the health check template of each target of the node's own connectivity check."""
    found = {}
    for target in config.connectivity_check:
        template, address = connectivity.split(target)
        found[link_key(target, address)] = template
    return found


def jobs(config: Config, now: float, wall: float) -> list[Job]:
    """Build the probe of every endpoint, and those of the node's own connectivity check.

    The nodes of a cluster spread their probes of an endpoint over its interval. Their common measure is the
    time of day (`wall`, which is `now` on the monotonic clock): where clocks are wrong, the spread is random.

    Raises:
        PluginError: a scheme has no probe type.
        ConfigError: a probe type cannot work with its settings.

    """
    types = ProbeTypes()
    place = sorted(config.nodes).index(config.local_node) / len(config.nodes)
    made = []
    for service in map(config.effective, config.services):
        check = _check_spec(service)
        shift = place + (now - wall) / service.probe_interval
        for endpoint in service.endpoints:
            key = EndpointKey(service.fqdn, endpoint.address)
            made.append(Job(types.build(check, key), service.probe_interval, (phase_of(key) + shift) % 1))
    interval = config.probe_interval_ms / 1000
    timeout = (config.probe_timeout_ms or config.probe_interval_ms) / 1000
    for key, template in link_checks(config).items():
        check = CheckSpec(template, host=key.address, timeout=timeout)
        made.append(Job(types.build(check, key), interval))
    return made


def providers(config: Config, state_dir: Path | None) -> Providers:
    """Build the providers that services use, by name.

    Raises:
        PluginError: an update method is not installed.
        ConfigError: credentials or options cannot be used.

    """
    names: dict[str, list[str]] = {}
    for service in config.services:
        names.setdefault(service.provider, []).append(service.fqdn)
    return {
        found.name: find_provider(found.method)(_provider_spec(found, names[found.name], state_dir))
        for found in config.effective_providers()
    }


def readers(config: Config) -> Providers:
    """Build providers that only read; the built-in server is asked over the network like any other."""
    found = {}
    for provider in config.effective_providers():
        spec = _provider_spec(provider, [], None)
        if provider.method == BUILTIN:
            address = Resolver(*host_port(config.builtin_settings.listen[0]))
            spec = replace(spec, method="rfc2136", resolvers=(address,), credentials="", options={})
        found[provider.name] = find_provider(spec.method)(spec)
    return found


def keepers(
    config: Config, built: Providers, runtime: Runtime
) -> dict[tuple[str, str], tuple[ZoneKeeper, ...]]:
    """Make a keeper for each zone on each server of its provider."""
    limit = config.max_removals
    settings = KeeperSettings(
        interval=config.reconcile_interval_ms / 1000,
        takeover=config.takeover_ms / 1000,
        shadow=config.mode == "shadow",
        limit=RemovalLimit(limit.share, limit.window_ms / 1000) if limit else None,
    )

    def keeper(server: Provider, zone: str) -> ZoneKeeper:
        # The built-in server is this node's own: nobody else writes it, so there is nobody to wait for.
        # One order for all servers of a zone: so one node can tell when a change is visible on each of them.
        turn = _at_once if isinstance(server, Builtin) else partial(runtime.rank, zone)
        return ZoneKeeper(server, zone, settings, runtime.report, runtime.clock, turn, runtime.catch_up)

    return {
        (name, zone): tuple(keeper(server, zone) for server in built[name])
        for name, zone in sorted({(service.provider, service.zone) for service in config.services})
    }


def _check_spec(service: EffectiveService) -> CheckSpec:
    return CheckSpec(
        healthcheck=service.healthcheck,
        host=service.host,
        timeout=service.probe_timeout,
        method=service.method,
        headers=service.headers,
        expect_status=service.expect_status,
        expect_body=service.expect_body,
        verify_tls=service.verify_tls,
        ca_file=service.ca_file,
        reuse_connections=service.reuse_connections,
    )


def _provider_spec(provider: EffectiveProvider, names: list[str], state_dir: Path | None) -> ProviderSpec:
    return ProviderSpec(
        name=provider.name,
        method=provider.method,
        resolvers=tuple(Resolver(host, port) for host, port in provider.resolvers),
        credentials=provider.credentials,
        timeout=provider.timeout,
        zones=provider.zones,
        names=tuple(names),
        state_dir=str(state_dir) if state_dir else None,
        options=provider.options,
    )


def _at_once() -> int:
    return 0
