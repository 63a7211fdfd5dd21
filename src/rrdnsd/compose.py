"""Puts the house together: from a checked configuration to a running daemon. Knows every room; nobody knows it."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from rrdnsd import __version__
from rrdnsd.config import Config, EffectiveProvider, EffectiveService, load
from rrdnsd.config.addresses import host_port
from rrdnsd.core.engine import Engine
from rrdnsd.core.model import EndpointKey, Service, Thresholds
from rrdnsd.core.plan import RemovalLimit
from rrdnsd.daemon import journal
from rrdnsd.daemon.journal import LogFormat
from rrdnsd.daemon.lifecycle import started, watch
from rrdnsd.daemon.preview import Difference, differences, verdicts
from rrdnsd.daemon.reconciler import KeeperSettings, ZoneKeeper
from rrdnsd.daemon.reports import Tell
from rrdnsd.daemon.runtime import Runtime, log_report
from rrdnsd.daemon.scheduler import Job, Scheduler
from rrdnsd.probes.base import CheckSpec, Probe
from rrdnsd.probes.registry import ProbeTypes
from rrdnsd.probes.runner import Runner
from rrdnsd.providers.base import Provider, ProviderSpec, Resolver
from rrdnsd.providers.registry import find_build as find_provider
from rrdnsd.web.app import HealthReport, ServerReport, create_app
from rrdnsd.web.server import listen, serving

log = logging.getLogger(__name__)

Providers = Mapping[str, tuple[Provider, ...]]


def run_daemon(path: Path, env: Mapping[str, str], log_format: LogFormat) -> None:
    """Run the daemon in the foreground until SIGTERM or SIGINT.

    Raises:
        ConfigError: the configuration has mistakes.
        RrdnsdError: it cannot start: a port is taken, a tool or a plug-in is missing.

    """
    config = load(path, env)
    journal.set_up(journal.level(config.loglevel), log_format, env)
    if env.get("CONF") == str(path):
        log.info("[main] config overridden by envvar CONF: %s", path)
    log.info("[load_conf] reading %s", path)
    if env.get("LOCAL_NODE"):
        log.info("[main] config overridden by envvar LOCAL_NODE: %s", config.local_node)
    asyncio.run(_serve(config, state_dir(config, env)))


def find_differences(path: Path, env: Mapping[str, str]) -> list[Difference]:
    """Probe once, read DNS, and return what would change as this node alone sees it; nothing is written.

    Raises:
        ConfigError: the configuration has mistakes.
        RrdnsdError: a tool or a plug-in is missing.

    """
    config = load(path, env)
    journal.set_up(logging.ERROR, "text", env)
    return asyncio.run(_compare(config, state_dir(config, env)))


async def _compare(config: Config, state: Path | None) -> list[Difference]:
    loop = asyncio.get_running_loop()
    services = [config.effective(service) for service in config.services]
    built = providers(config, state)
    me = config.local_node
    engine = Engine(me, (me,), tuple(map(core_service, services)), loop.time())
    runtime = Runtime(engine, {}, loop.time)
    scheduler = Scheduler(loop, runtime.on_results, lambda deliver: Runner(loop, deliver, _log_bug))
    runtime.attach(scheduler)
    await verdicts(runtime, scheduler, jobs(services))
    return await differences(engine, built)


async def _serve(config: Config, state: Path | None) -> None:
    loop = asyncio.get_running_loop()
    services = [config.effective(service) for service in config.services]
    built = providers(config, state)
    watchers = keepers(config, built, log_report, loop.time)
    engine = Engine(config.local_node, tuple(config.nodes), tuple(map(core_service, services)), loop.time())
    runtime = Runtime(engine, watchers, loop.time)
    host, port = host_port(config.local_node)
    sock = listen(host, port)
    scheduler = Scheduler(loop, runtime.on_results, lambda deliver: Runner(loop, deliver, _log_bug))
    runtime.attach(scheduler)
    began = loop.time()
    app = create_app(lambda: health_report(config.local_node, runtime, scheduler, loop.time() - began))
    async with started(p for group in built.values() for p in group), serving(app, sock):
        log.info("[main] rrdnsd %s watches %d services on %s", __version__, len(services), config.local_node)
        await watch(runtime, scheduler, jobs(services))


def health_report(node: str, runtime: Runtime, scheduler: Scheduler, uptime: float) -> HealthReport:
    """Say how the daemon is doing; `uptime` is in seconds."""
    stats = scheduler.stats()
    dns = [_server_report(keeper) for group in runtime.keepers.values() for keeper in group]
    reasons = [f"{report.server}, zone {report.zone}: {report.error}" for report in dns if report.error]
    return HealthReport(
        status="degraded" if reasons else "ok",
        reasons=reasons,
        node=node,
        uptime_s=round(uptime, 3),
        services=len(runtime.engine.services),
        endpoints={str(state): count for state, count in sorted(runtime.counts().items())},
        load_factor=round(stats.load_factor, 4),
        start_lag_ms=round(stats.lag_p99 * 1000, 3),
        overruns=stats.overruns,
        dns=dns,
    )


def _server_report(keeper: ZoneKeeper) -> ServerReport:
    status = keeper.status
    return ServerReport(
        keeper.server, keeper.zone, status.reads, status.writes, status.messages, status.noops, status.error
    )


def state_dir(config: Config, env: Mapping[str, str]) -> Path | None:
    """Return where files may be kept: `state_dir`, else systemd's $STATE_DIRECTORY, else nowhere."""
    found = config.state_dir or env.get("STATE_DIRECTORY", "").partition(":")[0]
    return Path(found) if found else None


def core_service(service: EffectiveService) -> Service:
    """Return what the core needs to know of a service."""
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


def jobs(services: Iterable[EffectiveService]) -> list[Job]:
    """Build the probe of every endpoint.

    Raises:
        PluginError: a scheme has no probe type.
        ConfigError: a probe type cannot work with its settings.

    """
    types = ProbeTypes()
    made = []
    for service in services:
        check = _check_spec(service)
        keys = [EndpointKey(service.fqdn, endpoint.address) for endpoint in service.endpoints]
        made += [Job(types.build(check, key), service.probe_interval) for key in keys]
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


def keepers(
    config: Config, built: Providers, tell: Tell, clock: Callable[[], float]
) -> dict[tuple[str, str], tuple[ZoneKeeper, ...]]:
    """Make a keeper for each zone on each server of its provider."""
    limit = config.max_removals
    settings = KeeperSettings(
        interval=config.reconcile_interval_ms / 1000,
        shadow=config.mode == "shadow",
        limit=RemovalLimit(limit.share, limit.window_ms / 1000) if limit else None,
    )
    return {
        (name, zone): tuple(ZoneKeeper(server, zone, settings, tell, clock) for server in built[name])
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


def _log_bug(probe: Probe, bug: BaseException) -> None:
    log.error("[probe] bug while probing %s of %s", probe.key.address, probe.key.service, exc_info=bug)
