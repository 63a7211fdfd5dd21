"""The log lines: one sentence for each thing that an operator should know of."""

import logging

from rrdnsd.core.effects import (
    Abstained,
    Mismatched,
    PeerChanged,
    Retire,
    ServiceTransition,
    Transition,
)
from rrdnsd.core.model import EndpointKey, State
from rrdnsd.core.publish import Publication
from rrdnsd.daemon.reports import Failed, Noticed, Recovered, Report, Served, Wrote

log = logging.getLogger(__name__)


def about(key: EndpointKey) -> dict[str, str]:
    """Return the journal fields of an endpoint."""
    return {"service": key.service, "endpoint": key.address}


def log_effect(
    effect: Transition | ServiceTransition | Retire | Abstained | PeerChanged | Mismatched,
    *,
    expected: bool = False,
) -> None:
    """Say what the engine decided or noticed; what was `expected` is no news."""
    match effect:
        case Transition(key, before, after, reason, _):
            level = logging.WARNING if after is State.DOWN else logging.DEBUG if expected else logging.INFO
            said = f"{before} -> {after} ({reason}){', as before the restart' if expected else ''}"
            log.log(level, "[vote] %s of %s: %s", key.address, key.service, said, extra=about(key))
        case ServiceTransition(service, state, reason):
            level = logging.WARNING if state is State.DOWN else logging.INFO
            log.log(level, "[main] service %s is %s: %s", service, state, reason, extra={"service": service})
        case Retire(service, _, _):
            extra = {"service": service}
            log.info("[updater] %s is no longer configured; its records stay", service, extra=extra)
        case Abstained(""):
            log.info("[quorum] this node votes")
        case Abstained(reason):
            log.warning("[quorum] this node abstains: %s", reason)
        case PeerChanged(node, True, _):
            log.info("[quorum] the votes of %s count", node)
        case PeerChanged(node, False, reason):
            log.warning("[quorum] the votes of %s do not count: %s", node, reason)
        case Mismatched(node, service, text):
            level = logging.WARNING if text else logging.INFO
            said = text or "it is configured alike now"
            log.log(level, "[quorum] %s, %s: %s", node, service or "nodes", said, extra={"service": service})


def log_publication(publication: Publication) -> None:
    """Say why health is not believed, or why nothing is written."""
    extra = {"service": publication.service, "zone": publication.zone}
    if publication.fail_open:
        log.warning("[publish] %s: %s", publication.service, publication.fail_open, extra=extra)
    if publication.held:
        log.debug("[publish] %s: nothing is written: %s", publication.service, publication.held, extra=extra)


def log_report(report: Report) -> None:
    """Say what a keeper of a zone did or met."""
    extra = {"server": report.server, "zone": report.zone}
    match report:
        case Wrote(server, _, name, reason, drift):
            cause = "drift repaired: " if drift else ""
            log.info(
                "[updater] %s on %s: %s%s", name, server, cause, reason, extra={**extra, "service": name}
            )
        case Served(server, _, name, after):
            log.info(
                "[updater] %s is served by %s after %.3f s",
                name,
                server,
                after,
                extra={**extra, "service": name},
            )
        case Failed(server, zone, reason, retry_in):
            log.warning(
                "[updater] %s, zone %s: %s; again in %.1f s", server, zone, reason, retry_in, extra=extra
            )
        case Recovered(server, zone, failed_for):
            log.info("[updater] %s, zone %s: works again after %.1f s", server, zone, failed_for, extra=extra)
        case Noticed(server, _, name, text, alarm):
            level = logging.ERROR if alarm else logging.WARNING
            log.log(level, "[updater] %s on %s: %s", name, server, text, extra={**extra, "service": name})
