"""All there is to read, from the node itself to the last endpoint."""

import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import rrdnsd
from rrdnsd.daemon.announcing.channel import Channel
from rrdnsd.daemon.control.office import Office
from rrdnsd.daemon.control.scene import Scene
from rrdnsd.daemon.measured.cluster import cluster_readings
from rrdnsd.daemon.measured.endpoints import endpoint_readings, probe_readings, service_readings
from rrdnsd.daemon.measured.people import people_readings
from rrdnsd.daemon.measured.reading import each, one
from rrdnsd.daemon.measured.servers import server_readings
from rrdnsd.metrics import names
from rrdnsd.metrics.prometheus import Readings
from rrdnsd.metrics.tally import Tally


@dataclass(frozen=True, slots=True)
class Measured:
    """What readings are taken from. Of more endpoints or services than so many there are no readings each."""

    office: Office
    tally: Tally
    channels: Mapping[str, Channel]
    max_endpoints: int
    max_services: int

    def readings(self) -> Iterator[Readings]:
        """Go through all of it; the daemon may go on between two steps."""
        scene = self.office.scene()
        yield from self._node(scene)
        yield from self._store()
        yield from cluster_readings(scene, self.tally)
        yield from server_readings(scene, self.tally)
        yield from people_readings(self.channels)
        yield from self._prober(scene)
        watched = [service.fqdn for service in scene.engine.services.values() if service.endpoints]
        yield from probe_readings(self.tally, watched, self.max_services)
        yield from service_readings(scene)
        yield from endpoint_readings(scene, self.max_endpoints)

    def _node(self, scene: Scene) -> Iterator[Readings]:
        build = (rrdnsd.__version__, platform.python_version())
        yield Readings(names.BUILD_INFO, [(build, 1)])
        yield Readings(names.NODE_INFO, [((scene.config.local_node, scene.config.mode), 1)])
        yield one(names.WARNINGS, len(self.office.troubles))
        yield one(names.LOOP_LAG, self.tally.lag)
        yield one(names.CONFIG_RELOAD_GOOD, not self.office.file.trouble)
        yield one(names.CONFIG_TAKEN_UP, self.office.file.taken_up_at)

    def _store(self) -> Iterator[Readings]:
        store = self.office.store
        yield one(names.STORE_TROUBLE, bool(store.database.trouble))
        yield one(names.STORE_LOST, store.database.lost)
        queues = {"events": store.events.waiting, "disk": store.database.waiting}
        yield from each(names.QUEUE_LENGTH, (((name,), length) for name, length in queues.items()))

    def _prober(self, scene: Scene) -> Iterator[Readings]:
        stats = scene.stats
        lags = (("50", stats.lag_p50), ("99", stats.lag_p99), ("100", stats.lag_max))
        yield one(names.PROBE_JOBS, stats.jobs)
        yield one(names.PROBES_IN_FLIGHT, stats.in_flight)
        yield one(names.PROBES_STARTED, stats.started)
        yield one(names.PROBE_OVERRUNS, stats.overruns)
        yield one(names.PROBES_MISSED, stats.missed)
        yield one(names.PROBE_LOAD, stats.load_factor)
        yield one(names.PROBE_BUSY, stats.busy)
        yield from each(names.PROBE_START_LAG, (((percentile,), lag) for percentile, lag in lags))
        yield one(names.PROBE_STARTS, stats.lags)
