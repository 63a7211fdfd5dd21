"""Probes what a configuration file names and does nothing else: the probing part alone, to be measured."""

import asyncio
import json
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from rrdnsd.core.model import EndpointKey, ProbeResult
from rrdnsd.daemon.scheduler import Job, Scheduler
from rrdnsd.probes.base import CheckSpec
from rrdnsd.probes.registry import ProbeTypes
from rrdnsd.probes.runner import Runner


def jobs(config: dict[str, Any]) -> Iterator[Job]:
    types = ProbeTypes()
    for service in config["services"]:
        interval = config["probe_interval_ms"] / 1000
        spec = CheckSpec(
            healthcheck=service["healthcheck"],
            host=service["fqdn"],
            timeout=min(interval, 2.0),
            verify_tls=config.get("verify_tls", True),
            reuse_connections=config.get("reuse_connections", False),
        )
        build = types.builder(spec.healthcheck.partition("://")[0])
        for address in service["ipaddrs"]:
            yield Job(build(spec, EndpointKey(service["fqdn"], address)), interval)


async def main(config: dict[str, Any]) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    failed: dict[str, int] = {}

    def deliver(results: Sequence[tuple[EndpointKey, ProbeResult]]) -> None:
        for _, result in results:
            if not result.ok:
                failed[result.reason] = failed.get(result.reason, 0) + 1

    runner = partial(Runner, loop, on_bug=lambda _probe, bug: traceback.print_exception(bug))
    scheduler = Scheduler(loop, deliver, runner)
    scheduler.set_jobs(jobs(config))
    await stop.wait()
    json.dump({"failed": failed, **asdict(scheduler.stats())}, sys.stdout)
    await scheduler.close()


asyncio.run(main(json.loads(Path(os.environ["CONF"]).read_text())))
