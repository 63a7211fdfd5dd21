"""What was acknowledged survives kill -9, and nothing is half there."""

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.stores import opened_store

WRITES = 1000
ENDLESS = 10**6
"""More than it can have done before it is killed."""


def killed_after(folder, writes):
    """Start the writer and kill it once it has acknowledged so many; returns the numbers of all it acknowledged."""
    command = [sys.executable, str(Path(__file__).with_name("writer.py")), str(folder), str(ENDLESS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        acknowledged = [int(child.stdout.readline()) for _ in range(writes)]
        child.send_signal(signal.SIGKILL)
        # The last line may be cut off by the kill; its write is acknowledged only if it is whole.
        acknowledged += [int(line) for line in child.stdout if line.endswith(b"\n")]
        assert child.wait(60) == -signal.SIGKILL
    return set(acknowledged)


@pytest.mark.parametrize("part", range(4))
async def test_no_acknowledged_write_is_lost_and_none_is_half_applied(tmp_path, part):
    told = []
    acknowledged = killed_after(tmp_path, random.randint(part * 225 + 1, part * 225 + 200))
    async with opened_store(tmp_path, told.append) as store:
        kept = {entry.key for entry in await store.ledger.load()}
        audited = {row.target for row in await store.audit.query(limit=ENDLESS)}
    assert told == []
    assert {str(number) for number in acknowledged} <= audited
    assert kept == {f"{number} {half}" for number in audited for half in ("a", "b")}


async def test_all_of_them_are_kept_without_a_kill(tmp_path):
    command = [sys.executable, str(Path(__file__).with_name("writer.py")), str(tmp_path), str(WRITES)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=60)  # noqa: ASYNC221 - nothing else runs here
    async with opened_store(tmp_path) as store:
        assert len(await store.ledger.load()) == 2 * WRITES
