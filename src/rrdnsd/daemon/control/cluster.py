"""The cluster and the DNS servers as this node sees them, and how the daemon itself is doing."""

from collections.abc import Sequence

from rrdnsd.control.reports import ClusterReport, HealthReport, PeerReport, ServerReport
from rrdnsd.core import override
from rrdnsd.daemon.control.scene import Scene
from rrdnsd.daemon.reconciler import ZoneKeeper
from rrdnsd.daemon.wholeservice import as_a_client


def cluster_report(scene: Scene) -> ClusterReport:
    """Say who is heard, who counts and who is configured differently."""
    electorate, now = scene.engine.electorate, scene.now
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
        refused=dict(scene.refused),
        version=scene.version,
        orders_agree=scene.orders_agree,
    )


def server_reports(scene: Scene) -> list[ServerReport]:
    """Say how each zone is kept on each server."""
    return [_server_report(keeper) for group in scene.runtime.keepers.values() for keeper in group]


def health_report(scene: Scene, troubles: Sequence[str]) -> HealthReport:
    """Say how the daemon is doing; `troubles` are what is wrong with this node beside DNS and peers."""
    dns, cluster = server_reports(scene), cluster_report(scene)
    reasons = [f"{report.server}, zone {report.zone}: {report.error}" for report in dns if report.error]
    reasons += [reason for reason in (cluster.no_quorum, cluster.abstains) if reason]
    reasons += _seen_by_clients(scene)
    reasons += troubles
    return HealthReport(
        status="degraded" if reasons else "ok",
        reasons=reasons,
        node=scene.config.local_node,
        uptime_s=round(scene.now - scene.began, 3),
        services=len(scene.engine.services),
        endpoints={str(state): count for state, count in sorted(scene.runtime.counts().items())},
        load_factor=round(scene.stats.load_factor, 4),
        start_lag_ms=round(scene.stats.lag_p99 * 1000, 3),
        overruns=scene.stats.overruns,
        dns=dns,
        cluster=cluster,
    )


def _seen_by_clients(scene: Scene) -> list[str]:
    """Say what is wrong with services as a client sees them, but for those that are being worked on."""
    bad = {
        fqdn: trouble for fqdn, trouble in scene.checks.items() if trouble and fqdn in scene.engine.services
    }
    orders = scene.orders() if bad else ()
    return [
        as_a_client(fqdn, trouble)
        for fqdn, trouble in bad.items()
        if override.maintenance(fqdn, orders, scene.now) is None
    ]


def _server_report(keeper: ZoneKeeper) -> ServerReport:
    status = keeper.status
    return ServerReport(
        keeper.server, keeper.zone, status.reads, status.writes, status.messages, status.noops, status.error
    )
