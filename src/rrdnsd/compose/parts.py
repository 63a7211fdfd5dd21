"""From the configuration to the parts: services, probes, providers, keepers of zones."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from rrdnsd.compose.building import build_probe, build_provider
from rrdnsd.config import Config, EffectiveProvider, EffectiveService, connectivity, host_port
from rrdnsd.config.effective import BUILTIN, effective_providers
from rrdnsd.config.overlay import withdrawn_endpoints, withdrawn_services
from rrdnsd.core.model import EndpointKey, ProbeResult, Service, Thresholds
from rrdnsd.core.orders import Changes
from rrdnsd.core.plan import RemovalLimit
from rrdnsd.core.voters import voters
from rrdnsd.daemon.connectivity import link_key
from rrdnsd.daemon.keeping import KeeperSettings
from rrdnsd.daemon.reconciler import ZoneKeeper
from rrdnsd.daemon.runtime import Runtime
from rrdnsd.daemon.timetable import Job, phase_of
from rrdnsd.probes.base import CheckSpec
from rrdnsd.probes.heartbeat import Board
from rrdnsd.probes.registry import ProbeTypes
from rrdnsd.probes.runner import close
from rrdnsd.providers.base import Provider, ProviderSpec, Resolver, is_of_this_node

Results = Sequence[tuple[EndpointKey, ProbeResult]]
Clock = Callable[[], float]
Providers = dict[str, tuple[Provider, ...]]

_UNCHANGED = Changes()


def core_services(config: Config, changes: Changes = _UNCHANGED) -> tuple[Service, ...]:
    """Return what the core needs to know of the services, and of records that are to be withdrawn."""
    withdrawn = withdrawn_endpoints(config, changes)
    watched = [
        _core_service(config.effective(service), withdrawn.get(service.fqdn, frozenset()))
        for service in config.services
    ]
    removed = [
        Service(gone.fqdn, gone.zone, gone.provider, config.ttl, (), withdrawn=gone.addresses)
        for gone in withdrawn_services(config, changes)
    ]
    return (*watched, *removed)


def _core_service(service: EffectiveService, withdrawn: frozenset[str]) -> Service:
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
        question=service.question,
        withdrawn=withdrawn,
        voters=service.voters,
    )


def link_checks(config: Config) -> dict[EndpointKey, str]:
    """Return the health check template of each target of the node's own connectivity check."""
    found = {}
    for target in config.connectivity_check:
        template, address = connectivity.split(target)
        found[link_key(target, address)] = template
    return found


def jobs(config: Config, now: float, wall: float) -> list[Job]:
    """Build the probes of the endpoints that this node votes on, and those of its own connectivity check.

    The voters of a service spread their probes of an endpoint over its interval. Their common measure is the
    time of day (`wall`, which is `now` on the monotonic clock): where clocks are wrong, the spread is random.

    Raises:
        PluginError: a scheme has no probe type.
        ConfigError: a probe type cannot work with its settings.

    """
    return [made.job for made in probing(config, now, wall, {}).values()]


@dataclass(frozen=True, slots=True)
class Probing:
    """How one endpoint is probed; the same `check` at the same `place` needs no other job."""

    check: CheckSpec
    place: float
    job: Job


def probing(
    config: Config,
    now: float,
    wall: float,
    known: Mapping[EndpointKey, Probing],
    board: Board | None = None,
) -> dict[EndpointKey, Probing]:
    """Do as `jobs` does, but keep the known probes and jobs that stay right; heartbeats are looked for on `board`.

    Raises:
        PluginError: a scheme has no probe type.
        ConfigError: a probe type cannot work with its settings. The probes that were made by then are closed.

    """
    types = ProbeTypes()
    found: dict[EndpointKey, Probing] = {}
    try:
        for key, check, interval, place in _checks(config, board):
            old = known.get(key)
            if old and (old.check, old.place, old.job.interval) == (check, place, interval):
                found[key] = old
                continue
            probe = old.job.probe if old and old.check == check else build_probe(types, check, key)
            phase = None if place < 0 else (phase_of(key) + place + (now - wall) / interval) % 1
            found[key] = Probing(check, place, Job(probe, interval, phase))
    except BaseException:
        close_unused(found, known)
        raise
    return found


def close_unused(probes: Mapping[EndpointKey, Probing], used: Mapping[EndpointKey, Probing]) -> None:
    """Close the probes of the one that the other does not have."""
    for key, made in probes.items():
        if key not in used or used[key].job.probe is not made.job.probe:
            close(made.job.probe)


def _checks(config: Config, board: Board | None) -> Iterator[tuple[EndpointKey, CheckSpec, float, float]]:
    """Give what is probed, how, how often, and the node's place within the interval (-1: anywhere)."""
    me = config.local_node
    nodes = {*config.nodes, me}
    for service in map(config.effective, config.services):
        voting = voters(service.fqdn, nodes, service.voters)
        if me not in voting:
            continue
        check, place = check_spec(service, board), voting.index(me) / len(voting)
        for endpoint in service.endpoints:
            yield EndpointKey(service.fqdn, endpoint.address), check, service.probe_interval, place
    interval = config.probe_interval_ms / 1000
    timeout = (config.probe_timeout_ms or config.probe_interval_ms) / 1000
    for key, template in link_checks(config).items():
        yield key, CheckSpec(template, host=key.address, timeout=timeout), interval, -1.0


def provider_specs(
    config: Config, state_dir: Path | None, changes: Changes = _UNCHANGED
) -> dict[str, ProviderSpec]:
    """Return the providers that are in use, by name."""
    names: dict[str, list[str]] = {}
    for service in config.services:
        names.setdefault(service.provider, []).append(service.fqdn)
    more = [(gone.provider, gone.zone) for gone in withdrawn_services(config, changes)]
    return {
        found.name: provider_spec(found, names.get(found.name, []), state_dir)
        for found in effective_providers(config, more)
    }


def providers(config: Config, state_dir: Path | None, changes: Changes = _UNCHANGED) -> Providers:
    """Build the providers that are in use, by name.

    Raises:
        PluginError: an update method is not installed.
        ConfigError: credentials or options cannot be used.

    """
    specs = provider_specs(config, state_dir, changes)
    return {name: build_provider(spec) for name, spec in specs.items()}


def readers(config: Config) -> Providers:
    """Build providers that only read; the built-in server is asked over the network like any other."""
    found = {}
    for provider in config.effective_providers():
        spec = provider_spec(provider, [], None)
        if provider.method == BUILTIN:
            address = Resolver(*host_port(config.builtin_settings.listen[0]))
            spec = replace(spec, method="rfc2136", resolvers=(address,), credentials="", options={})
        found[provider.name] = build_provider(spec)
    return found


def keepers(
    config: Config, built: Providers, runtime: Runtime, changes: Changes = _UNCHANGED
) -> dict[tuple[str, str], tuple[ZoneKeeper, ...]]:
    """Return a keeper for each zone on each server of its provider: those the runtime has, and new ones.

    Those that it has go on by the settings of this configuration, and with the providers that are built now.
    """
    settings = _keeper_settings(config)

    def keeper(server: Provider, name: str, zone: str) -> ZoneKeeper:
        for known in runtime.keepers.get((name, zone), ()):
            if known.server == server.label:
                known.adopt(server, settings)
                return known
        # A server of this node's own is written by nobody else, so there is nobody to wait for.
        # One order for all servers of a zone: so one node can tell when a change is visible on each of them.
        turn = _at_once if is_of_this_node(server) else partial(runtime.rank, zone)
        return ZoneKeeper(server, zone, settings, runtime.report, runtime.clock, turn, runtime.catch_up)

    wanted = {(service.provider, service.zone) for service in config.services}
    wanted |= {(gone.provider, gone.zone) for gone in withdrawn_services(config, changes)}
    return {
        (name, zone): tuple(keeper(server, name, zone) for server in built[name])
        for name, zone in sorted(wanted)
    }


def _keeper_settings(config: Config) -> KeeperSettings:
    limit = config.max_removals
    return KeeperSettings(
        interval=config.reconcile_interval_ms / 1000,
        takeover=config.takeover_ms / 1000,
        settle=config.vote_ttl_ms / 1000 if len(config.nodes) > 1 else 0.0,
        shadow=config.mode == "shadow",
        limit=RemovalLimit(limit.share, limit.window_ms / 1000) if limit else None,
    )


def check_spec(service: EffectiveService, board: Board | None = None) -> CheckSpec:
    """Return what is asked of the endpoints of a service."""
    kept = {"board": board} if service.scheme == "heartbeat" else {}
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
        options={**service.options, **kept},
    )


def provider_spec(provider: EffectiveProvider, names: list[str], state_dir: Path | None) -> ProviderSpec:
    """Return what one provider is made from; `names` are those of the services that use it."""
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
