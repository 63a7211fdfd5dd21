"""Puts the house together: from a checked configuration to a running daemon. Knows every room; nobody knows it."""

import asyncio
import logging
import time
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path

from rrdnsd import __version__
from rrdnsd.compose import cluster, parts
from rrdnsd.compose.health import health_report
from rrdnsd.config import Config, host_port, load
from rrdnsd.core.engine import Engine, Timing
from rrdnsd.daemon import journal
from rrdnsd.daemon.connectivity import LinkWatch
from rrdnsd.daemon.journal import LogFormat
from rrdnsd.daemon.lifecycle import started, watch
from rrdnsd.daemon.preview import Difference, differences, verdicts
from rrdnsd.daemon.runtime import Runtime
from rrdnsd.daemon.scheduler import Deliver, Scheduler
from rrdnsd.peers.inbox import Inbox
from rrdnsd.probes.base import Probe
from rrdnsd.probes.runner import Runner
from rrdnsd.web.app import add_health, create_app
from rrdnsd.web.quorum import add_quorum
from rrdnsd.web.server import listen, serving

log = logging.getLogger(__name__)


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
    return asyncio.run(_compare(config))


def state_dir(config: Config, env: Mapping[str, str]) -> Path | None:
    """Return where files may be kept: `state_dir`, else systemd's $STATE_DIRECTORY, else nowhere."""
    found = config.state_dir or env.get("STATE_DIRECTORY", "").partition(":")[0]
    return Path(found) if found else None


async def _serve(config: Config, state: Path | None) -> None:
    clock = asyncio.get_running_loop().time
    began = clock()
    built = parts.providers(config, state)
    timing = Timing(vote_ttl=config.vote_ttl_ms / 1000, learn=3 * config.heartbeat_ms / 1000)
    engine = Engine(config.local_node, tuple(config.nodes), parts.core_services(config), began, timing)
    runtime = Runtime(engine, clock)
    voice = cluster.EngineVoice(engine, cluster.served_zones(config, built))
    scheduler = _scheduler(_deliver(config, runtime))
    runtime.attach(scheduler, parts.keepers(config, built, runtime), cluster.mesh(config, voice, clock))
    web = _web(config, runtime, scheduler, cluster.inbox(config, runtime, voice, clock), began)
    servers = [server for group in built.values() for server in group]
    async with started(servers), web:
        log.info("[main] rrdnsd %s is %s; services: %d", __version__, config.local_node, len(config.services))
        await watch(runtime, scheduler, parts.jobs(config, clock(), time.time()))


def _web(
    config: Config, runtime: Runtime, scheduler: Scheduler, inbox: Inbox, began: float
) -> AbstractAsyncContextManager[None]:
    """Return what serves `local_node`: nothing where neither the API nor peers need it."""
    alone = len(config.nodes) == 1
    if alone and not config.api.enabled:
        return nullcontext()
    app = create_app()
    if config.api.enabled:
        refused = inbox.refusals.counts
        add_health(app, lambda: health_report(config.local_node, runtime, scheduler, refused, began))
    if not alone:
        add_quorum(app, inbox, needs_certificate=cluster.needs_certificate(config))
    return serving(app, listen(*host_port(config.local_node)), cluster.server_tls(config))


async def _compare(config: Config) -> list[Difference]:
    clock = asyncio.get_running_loop().time
    me = config.local_node
    runtime = Runtime(Engine(me, (me,), parts.core_services(config), clock()), clock)
    scheduler = _scheduler(runtime.on_results)
    runtime.attach(scheduler, {})
    await verdicts(runtime, scheduler, parts.jobs(config, clock(), time.time()))
    return await differences(runtime.engine, parts.readers(config))


def _scheduler(deliver: Deliver) -> Scheduler:
    loop = asyncio.get_running_loop()
    return Scheduler(loop, deliver, lambda take: Runner(loop, take, _log_bug))


def _deliver(config: Config, runtime: Runtime) -> Deliver:
    """Return who takes probe results: the runtime, and the watch of this node's own link if there is one."""
    if not config.connectivity_check:
        return runtime.on_results
    link = LinkWatch(parts.link_checks(config), runtime.handle, runtime.clock, runtime.look)

    def deliver(results: parts.Results) -> None:
        link.on_results(results)
        runtime.on_results(results)

    return deliver


def _log_bug(probe: Probe, bug: BaseException) -> None:
    log.error("[probe] bug while probing %s of %s", probe.key.address, probe.key.service, exc_info=bug)
