"""Waits on the event loop for what nobody announces."""

import asyncio


async def eventually(true, within=60.0, look=0.01):
    """Wait for a condition to be true; AssertionError after `within` seconds."""
    for _ in range(int(within / look)):
        if true():
            return
        await asyncio.sleep(look)
    raise AssertionError(f"not within {within:g} s")


async def at_last(ask, error, within=60.0):
    """Ask until it does not raise `error`, which a busy machine may when the limit of each try is short."""
    ends = asyncio.get_running_loop().time() + within
    while True:
        try:
            return await ask()
        except error:
            if asyncio.get_running_loop().time() > ends:
                raise
