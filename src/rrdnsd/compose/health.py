"""Gathers what GET /health tells from the rooms that know it."""

from collections.abc import Mapping

from rrdnsd.daemon.reconciler import ZoneKeeper
from rrdnsd.daemon.runtime import Runtime
from rrdnsd.daemon.scheduler import Scheduler
from rrdnsd.web.app import ClusterReport, HealthReport, PeerReport, ServerReport


def health_report(
    node: str, runtime: Runtime, scheduler: Scheduler, refused: Mapping[str, int], began: float
) -> HealthReport:
    """Say how the daemon is doing; `began` is when it started, on the runtime's clock."""
    stats = scheduler.stats()
    dns = [_server_report(keeper) for group in runtime.keepers.values() for keeper in group]
    cluster = _cluster_report(runtime, refused)
    reasons = [f"{report.server}, zone {report.zone}: {report.error}" for report in dns if report.error]
    reasons += [reason for reason in (cluster.no_quorum, cluster.abstains) if reason]
    return HealthReport(
        status="degraded" if reasons else "ok",
        reasons=reasons,
        node=node,
        uptime_s=round(runtime.clock() - began, 3),
        services=len(runtime.engine.services),
        endpoints={str(state): count for state, count in sorted(runtime.counts().items())},
        load_factor=round(stats.load_factor, 4),
        start_lag_ms=round(stats.lag_p99 * 1000, 3),
        overruns=stats.overruns,
        dns=dns,
        cluster=cluster,
    )


def _server_report(keeper: ZoneKeeper) -> ServerReport:
    status = keeper.status
    return ServerReport(
        keeper.server, keeper.zone, status.reads, status.writes, status.messages, status.noops, status.error
    )


def _cluster_report(runtime: Runtime, refused: Mapping[str, int]) -> ClusterReport:
    electorate, now = runtime.engine.electorate, runtime.clock()
    return ClusterReport(
        nodes=electorate.size,
        no_quorum=electorate.roster.no_quorum(now),
        abstains=electorate.abstains,
        peers=[
            PeerReport(
                node=node,
                counted=peer.counted,
                heard_s=round(now - peer.heard_at, 3) if peer.ever_heard else None,
                abstains=peer.abstains,
            )
            for node, peer in electorate.roster.peers.items()
        ],
        mismatches=[
            f"{node}, {service or 'nodes'}: {text}" for (node, service), text in electorate.mismatches.items()
        ],
        refused=dict(refused),
    )
