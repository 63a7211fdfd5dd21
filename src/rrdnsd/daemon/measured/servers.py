"""DNS servers and failovers in figures."""

from collections.abc import Callable, Iterator, Sequence

from rrdnsd.daemon.control.scene import Scene
from rrdnsd.daemon.keeping import KeeperStatus
from rrdnsd.daemon.measured.reading import Value, each
from rrdnsd.daemon.reconciler import ZoneKeeper
from rrdnsd.metrics import names
from rrdnsd.metrics.prometheus import Readings
from rrdnsd.metrics.tally import Distribution, Tally

STEPS = ("asked", "decided", "written", "visible")


def server_readings(scene: Scene, tally: Tally) -> Iterator[Readings]:
    """Read how each zone is kept on each server, and how long failovers took."""
    keepers = [keeper for group in scene.runtime.keepers.values() for keeper in group]
    yield from each(names.DNS_UP, _of(keepers, lambda status: not status.error))
    yield from each(names.DNS_READS, _of(keepers, lambda status: status.reads))
    yield from each(names.DNS_NOOPS, _of(keepers, lambda status: status.noops))
    yield from each(names.DNS_MESSAGES, _of(keepers, lambda status: status.messages))
    yield from each(names.DNS_WRITES, _writes(keepers))
    yield from each(names.DNS_LAST_GOOD, _last_good(scene, keepers))
    places = [(keeper.server, keeper.zone) for keeper in keepers]
    yield from each(names.DNS_FAILURES, ((place, tally.dns_failures[place]) for place in places))
    yield from each(names.DNS_REPAIRS, ((place, tally.repairs[place]) for place in places))
    zones = sorted({keeper.zone for keeper in keepers})
    yield from each(names.REMOVALS_REFUSED, (((zone,), tally.refused[zone]) for zone in zones))
    servers = sorted({keeper.server for keeper in keepers} & tally.served.keys())
    yield from each(names.DNS_SERVED, (((server,), tally.served[server]) for server in servers))
    yield from each(
        names.FAILOVER,
        (((step,), tally.steps.get(step) or Distribution(names.FAILOVER_BOUNDS)) for step in STEPS),
    )


def _of(keepers: Sequence[ZoneKeeper], value: Callable[[KeeperStatus], float]) -> Iterator[Value]:
    for keeper in keepers:
        yield (keeper.server, keeper.zone), value(keeper.status)


def _writes(keepers: Sequence[ZoneKeeper]) -> Iterator[Value]:
    for keeper in keepers:
        # A counter that is there before its first event lets rate() see that event.
        for code in sorted({"NOERROR", *keeper.status.answers}):
            yield (keeper.server, keeper.zone, code), keeper.status.answers[code]


def _last_good(scene: Scene, keepers: Sequence[ZoneKeeper]) -> Iterator[Value]:
    for keeper in keepers:
        if keeper.status.last_good is not None:
            yield (keeper.server, keeper.zone), scene.at(keeper.status.last_good)
