"""What the service manager is told, and by which configuration."""

import faulthandler
import os
from collections.abc import Mapping

from rrdnsd.config import Config
from rrdnsd.config.effective import times_ms
from rrdnsd.config.healthcheck import scheme_of
from rrdnsd.core.model import EndpointKey
from rrdnsd.daemon.manager.firstround import FirstRound
from rrdnsd.daemon.manager.notify import asked
from rrdnsd.daemon.manager.telling import ServiceManager
from rrdnsd.daemon.runtime import Runtime
from rrdnsd.daemon.scheduler import Scheduler

_MARGIN = 10.0
"""Seconds a busy machine may need beyond the longest interval and time-out."""


def service_manager(
    config: Config, runtime: Runtime, scheduler: Scheduler, env: Mapping[str, str]
) -> ServiceManager:
    """Make what talks to the service manager that `env` names."""
    wishes = asked(env, os.getpid())
    if wishes.watchdog:
        faulthandler.enable()  # the watchdog's SIGABRT then leaves in the journal where each thread stood
    calling = {found.fqdn for found in config.services if scheme_of(found.healthcheck) == "heartbeat"}

    def calls(key: EndpointKey) -> bool:
        return key.service in calling

    times = [times_ms(config, found) for found in config.services if found.fqdn not in calling]
    longest = max((found.interval + found.timeout for found in times), default=0) / 1000
    first_round = FirstRound(runtime, calls, longest + _MARGIN)
    return ServiceManager(wishes, runtime, scheduler, first_round)
