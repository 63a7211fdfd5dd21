"""When the file is read again: wishes gathered, changes waited for until they have settled, refusals remembered."""

import asyncio
import contextlib

import pytest

from rrdnsd.daemon import reload
from rrdnsd.daemon.reload import ConfigurationFile, Wish, look_at
from rrdnsd.errors import ConfigError
from support.eventually import eventually


class Watched:
    """A file whose reloads are counted; `gate` holds them up."""

    def __init__(self, path):
        path.write_text("one")
        self.path, self.read, self.told = path, [], []
        self.gate = asyncio.Event()
        self.gate.set()
        self.error = None
        self.file = ConfigurationFile(path, look_at(path), lambda: float(len(self.read)))
        self.file.take_up, self.file.tell = self.take_up, self.told.append

    async def take_up(self, wish):
        self.read.append((wish.who, self.path.read_text() if self.path.exists() else None))
        await self.gate.wait()
        if self.error:
            raise self.error
        return ["something"]

    @contextlib.asynccontextmanager
    async def running(self):
        task = asyncio.create_task(self.file.run())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def reads(self, count):
        await eventually(lambda: len(self.read) >= count)


@pytest.fixture
def watched(tmp_path):
    return Watched(tmp_path / "rrdnsd.json")


async def test_wishes_during_a_reload_are_one_reload_after_it(watched):
    watched.file.wish()  # while it starts
    async with watched.running():
        watched.gate.clear()
        await watched.reads(1)
        for _ in range(5):
            watched.file.wish()
        watched.gate.set()
        await watched.reads(2)
        await asyncio.sleep(0.02)
        assert len(watched.read) == 2


async def test_a_refusal_is_told_and_over_with_the_next_good_file(watched):
    file = watched.file
    watched.error = ConfigError("x", ["ttl: too small", "mode: unknown"])
    with pytest.raises(ConfigError):
        await file.reload(Wish("ann"))
    assert "not the one in use" in file.trouble
    assert "ttl: too small (and 1 more, see the log)" in file.trouble
    assert file.taken_up_at == 0.0
    watched.error = None
    assert await file.reload(Wish("ann")) == ["something"]
    assert (file.trouble, file.taken_up_at) == ("", 2.0)
    assert ["refused" in sentence for sentence in watched.told] == [True, False]


async def test_a_dry_run_leaves_no_trace(watched):
    watched.error = ConfigError("x", ["ttl: too small"])
    with pytest.raises(ConfigError):
        await watched.file.reload(Wish("ann", dry_run=True))
    assert (watched.file.trouble, watched.told) == ("", [])


async def test_a_changed_file_is_read_once_when_it_has_settled(watched, monkeypatch):
    monkeypatch.setattr(reload, "LOOK_SECONDS", 0.02)
    watched.file.watched = lambda: True
    async with watched.running():
        for step in range(40):
            watched.path.write_text("x" * step)
            await asyncio.sleep(0.005)
        new = watched.path.with_suffix(".new")
        new.write_text("the last")
        new.rename(watched.path)
        await eventually(lambda: watched.read and watched.read[-1][1] == "the last")
        count = len(watched.read)
        await asyncio.sleep(0.1)
        assert len(watched.read) == count <= 5
        watched.path.unlink()
        await watched.reads(count + 1)
        await asyncio.sleep(0.1)
        assert watched.read[-1][1] is None
        assert len(watched.read) == count + 1


async def test_a_file_is_left_alone_where_nobody_wishes_it_watched(watched, monkeypatch):
    monkeypatch.setattr(reload, "LOOK_SECONDS", 0.005)
    async with watched.running():
        watched.path.write_text("another")
        await asyncio.sleep(0.05)
        assert watched.read == []
