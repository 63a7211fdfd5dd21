"""A queue on a disk that is full: messages go on, from memory."""

import subprocess

import pytest

from rrdnsd.notifiers.queue import Queue


@pytest.fixture
def small_disk(tmp_path):
    """A directory on a file system of 1 MiB; skipped where mounting is not permitted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"needs the right to mount: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def test_a_full_disk_loses_no_message_and_is_told_once(small_disk):
    told = []
    queue = Queue(small_disk / "hook", 1000, told.append)
    await queue.open()
    bodies = [bytes([number]) * 100_000 for number in range(30)]
    numbers = [await queue.put(body) for body in bodies]
    assert len(told) == 1
    assert "No space left on device" in told[0]
    assert [await queue.read(number) for number in numbers] == bodies
    for number in numbers[:25]:
        await queue.remove(number)
    new = await queue.put(b"after")
    assert (small_disk / "hook" / f"{new:012}.json").read_bytes() == b"after"
    assert not list((small_disk / "hook").glob("*.new"))

    later = Queue(small_disk / "hook", 1000, told.append)
    await later.open()
    assert await later.read(later.numbers()[-1]) == b"after"


async def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    told = []
    queue = Queue(tmp_path / "file" / "hook", 2, told.append)
    await queue.open()
    for text in (b"1", b"2", b"3"):
        await queue.put(text)
    assert len(told) == 2  # the disk, and that the queue is full
    assert queue.dropped == 1
    assert await queue.read(queue.first()) == b"2"
