"""What starts probes, and who takes their results."""

import asyncio
import logging

from rrdnsd.compose import parts
from rrdnsd.config import Config
from rrdnsd.daemon.connectivity import LinkWatch
from rrdnsd.daemon.runtime import Runtime
from rrdnsd.daemon.scheduler import Deliver, Scheduler
from rrdnsd.probes.base import Probe
from rrdnsd.probes.runner import Runner

log = logging.getLogger(__name__)


def scheduling(deliver: Deliver) -> Scheduler:
    """Make the scheduler on the running event loop."""
    loop = asyncio.get_running_loop()
    return Scheduler(loop, deliver, lambda take: Runner(loop, take, _log_bug))


def delivering(config: Config, runtime: Runtime) -> Deliver:
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
