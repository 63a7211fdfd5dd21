"""What starts probes, and who takes their results."""

import asyncio
import logging
from collections.abc import Callable

from rrdnsd.compose import parts
from rrdnsd.config import Config
from rrdnsd.core.events import Connectivity
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


class Delivering:
    """Takes probe results: for the runtime, and for the watch of this node's own link if there is one."""

    def __init__(self, config: Config, runtime: Runtime) -> None:
        self._runtime = runtime
        self._targets: tuple[str, ...] = ()
        self._link: LinkWatch | None = None
        self.use(config)

    def use(self, config: Config) -> None:
        """Watch the targets of this configuration from now on; as long as none of them was asked, nothing is wrong."""
        if config.connectivity_check == self._targets:
            return
        runtime, before, self._targets = self._runtime, self._link, config.connectivity_check
        checks = parts.link_checks(config)
        self._link = LinkWatch(checks, runtime.handle, runtime.clock, runtime.look) if checks else None
        if before:
            runtime.handle(Connectivity(""))

    def fit(self, config: Config) -> Callable[[], None]:
        """Return what has the targets of another configuration watched; nothing can fail about that."""
        return lambda: self.use(config)

    def deliver(self, results: parts.Results) -> None:
        """Take results in."""
        if self._link:
            self._link.on_results(results)
        self._runtime.on_results(results)


def _log_bug(probe: Probe, bug: BaseException) -> None:
    log.error("[probe] bug while probing %s of %s", probe.key.address, probe.key.service, exc_info=bug)
