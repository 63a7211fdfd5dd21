"""From start to graceful end: opens everything in order, runs until a signal, closes in reverse."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from types import MappingProxyType

from rrdnsd.daemon.backoff import Backoff
from rrdnsd.daemon.collecting import tamed
from rrdnsd.daemon.runtime import Runtime
from rrdnsd.daemon.scheduler import Scheduler
from rrdnsd.daemon.timetable import Job
from rrdnsd.providers.base import Provider

log = logging.getLogger(__name__)

Chore = Callable[[], Awaitable[object]]
"""Something that runs until it is cancelled."""

NO_CHORES: Mapping[str, Chore] = MappingProxyType({})


@contextlib.asynccontextmanager
async def started(providers: Iterable[Provider]) -> AsyncIterator[None]:
    """Keep the providers open while the block runs.

    Raises:
        ProviderError: one of them cannot work at all.

    """
    async with contextlib.AsyncExitStack() as stack:
        for provider in providers:
            await provider.start()
            stack.push_async_callback(close, provider)
        yield


async def close(provider: Provider) -> None:
    """Close a provider; a plug-in's bug there is told, and keeps nothing else from being closed."""
    try:
        await provider.close()
    except Exception:
        log.exception("[main] bug while closing %s", provider.label)


async def watch(
    runtime: Runtime, scheduler: Scheduler, jobs: Iterable[Job], beside: Mapping[str, Chore] = NO_CHORES
) -> None:
    """Probe and keep DNS right until SIGTERM or SIGINT; the records stay as they are.

    What runs `beside` that, by name, never ends it: what fails is begun again.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    scheduler.set_jobs(jobs)
    scheduler.look_round()
    with tamed():
        await _until(stop, runtime, scheduler, beside)


async def _until(
    stop: asyncio.Event, runtime: Runtime, scheduler: Scheduler, beside: Mapping[str, Chore]
) -> None:
    run = asyncio.create_task(runtime.run())
    stopped = asyncio.create_task(stop.wait())
    chores = [asyncio.create_task(_minded(name, chore), name=name) for name, chore in beside.items()]
    log.info("[updater] started")
    try:
        await asyncio.wait((run, stopped), return_when=asyncio.FIRST_COMPLETED)
        log.info("[main] stopping; the records stay as they are")
        scheduler.pause()
        if run.done():
            run.result()
    finally:
        tasks = (run, stopped, *chores)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await scheduler.close()


async def _minded(name: str, chore: Chore) -> None:
    backoff, failures = Backoff(1.0, 60.0), 0
    while True:
        try:
            await chore()
        except Exception:
            log.exception("[main] bug while %s", name)
        failures += 1
        await asyncio.sleep(backoff.delay(failures))
