"""Waits on the event loop for what nobody announces."""

import asyncio


async def eventually(true, within=60.0, look=0.01):
    """Wait for a condition to be true; AssertionError after `within` seconds."""
    for _ in range(int(within / look)):
        if true():
            return
        await asyncio.sleep(look)
    raise AssertionError(f"not within {within:g} s")
