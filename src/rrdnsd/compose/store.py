"""Opens the store for the daemon and feeds it with what probes find and what is decided."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from rrdnsd.core.effects import Effect, Transition
from rrdnsd.core.model import EndpointKey, ProbeResult
from rrdnsd.daemon.budget import Incident
from rrdnsd.daemon.connectivity import OWN_LINK
from rrdnsd.daemon.reports import Report
from rrdnsd.store.recorder import Recorder
from rrdnsd.store.room import Store, open_store

log = logging.getLogger(__name__)

Results = Sequence[tuple[EndpointKey, ProbeResult]]


async def opened(state_dir: Path | None) -> Store:
    """Open the store; what is wrong with it is logged, here and later."""
    return await open_store(state_dir, lambda sentence: log.warning("[store] %s", sentence))


def noting(
    takers: Sequence[Callable[[Results], None]], deliver: Callable[[Results], None]
) -> Callable[[Results], None]:
    """Show results to those who count before they are delivered; those of the node's own link are no endpoint's."""

    def note(results: Results) -> None:
        found = [result for result in results if not result[0].service.startswith(OWN_LINK)]
        for take in takers:
            take(found)
        deliver(results)

    return note


def verdicts(recorder: Recorder) -> Callable[[Effect | Report | Incident], None]:
    """Return what counts uptime by verdicts."""

    def see(what: Effect | Report | Incident) -> None:
        if isinstance(what, Transition):
            recorder.verdict(what.key, what.after)

    return see
