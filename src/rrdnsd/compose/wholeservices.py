"""Connects the checks of whole services with the DNS servers and the probes."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from rrdnsd.compose import parts
from rrdnsd.compose.building import build_probe
from rrdnsd.config import Config
from rrdnsd.config.effective import EffectiveService
from rrdnsd.config.servicecheck import template
from rrdnsd.core.model import EndpointKey, ProbeResult
from rrdnsd.daemon.wholeservice import WholeService, WholeServices
from rrdnsd.probes.base import CheckSpec, Probe
from rrdnsd.probes.registry import ProbeTypes
from rrdnsd.probes.runner import Runner

log = logging.getLogger(__name__)


def whole_services(
    config: Callable[[], Config],
    built: parts.Providers,
    tell: Callable[[str, str], None],
    results: dict[str, str],
) -> WholeServices:
    """Return what checks the services that have a `service_check`, and keeps the results where they are looked for."""
    types = ProbeTypes()

    def services() -> Sequence[WholeService]:
        now = config()
        return [
            WholeService(
                s.fqdn,
                s.zone,
                built[s.provider],
                partial(_build, types, _spec(now.effective(s), s.service_check)),
            )
            for s in now.services
            if s.service_check
        ]

    return WholeServices(services, ask, tell, lambda: config().reconcile_interval_ms / 1000, results)


def _spec(service: EffectiveService, url: str) -> CheckSpec:
    return replace(
        parts.check_spec(service), healthcheck=template(url, service.fqdn), host=service.fqdn, options={}
    )


def _build(types: ProbeTypes, spec: CheckSpec, address: str) -> Probe:
    return build_probe(types, spec, EndpointKey(spec.host, address))


async def ask(probe: Probe) -> ProbeResult:
    """Probe once, apart from the scheduler."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[ProbeResult] = loop.create_future()

    def take(results: Sequence[tuple[Probe, ProbeResult]]) -> None:
        if not found.done():
            found.set_result(results[0][1])

    runner = Runner(
        loop, take, lambda _probe, bug: log.error("[probe] bug in a service check", exc_info=bug), max_fast=1
    )
    try:
        runner.start([probe])
        return await found
    finally:
        await runner.close()
