"""How late the event loop is: asks to be woken at set moments and looks how late that happens."""

import asyncio

from rrdnsd.metrics.tally import Tally

EVERY = 0.25


async def watch_loop(tally: Tally) -> None:
    """Count the lag four times a second, until cancelled."""
    clock = asyncio.get_running_loop().time
    while True:
        due = clock() + EVERY
        await asyncio.sleep(EVERY)
        tally.lag.add(max(0.0, clock() - due))
