"""A queue on a disk that is full: messages go on, from memory."""

import pytest

from rrdnsd.notifiers.queue import Queue
from support.small_disk import small_disk as made_small_disk


@pytest.fixture
def small_disk(tmp_path):
    with made_small_disk(tmp_path / "disk", "1m") as folder:
        yield folder


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
