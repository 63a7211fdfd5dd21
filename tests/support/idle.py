"""Waits in an event loop of the test's own until nothing else is under way."""

import asyncio


async def until_idle():
    """Let what was begun on the side come to its end, well or badly."""
    await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}), return_exceptions=True)
