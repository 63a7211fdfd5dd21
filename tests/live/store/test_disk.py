"""A disk that fills up, is read-only, or is unmounted under the daemon."""

import asyncio
import shutil
import subprocess

import pytest

from rrdnsd.errors import StoreError
from rrdnsd.store.ledger import LedgerEntry
from support.stores import Told, file_in, opened_store

DRAIN = LedgerEntry("drain", "0001", {"until": None})
BIG = LedgerEntry("big", "0001", "x" * 200_000)


def mount_again(folder, *options):
    subprocess.run(["mount", "-o", ",".join(["remount", *options]), str(folder)], check=True)


async def save_one_by_one(store, entries):
    for entry in entries:
        await store.ledger.save([entry])


def fill(path):
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return


async def test_a_full_disk_costs_history_but_no_order_and_heals_by_itself(small_disk):
    told = Told()
    async with opened_store(small_disk, told) as store:
        await store.ledger.save([DRAIN])
        ballast = small_disk / "ballast"
        fill(ballast)
        # What is left of the write-ahead log may still take some.
        some = [LedgerEntry(f"key {number}", "0001", "x" * 4000) for number in range(100)]
        with pytest.raises(StoreError, match="the disk is full"):
            await save_one_by_one(store, some)
        saved = await store.ledger.load()
        assert DRAIN in saved
        assert "the disk is full" in store.database.trouble
        assert store.database.resting
        event = store.events.append("write", "while the disk was full")
        await store.events.flush()
        assert event in await store.events.query()
        ballast.unlink()
        await store.ledger.save([BIG])
        assert store.database.trouble == ""
        await store.events.flush()
        assert {entry.key for entry in await store.ledger.load()} == {*(e.key for e in saved), "big"}
    assert len(told.sentences) == 2
    assert "rrdnsd goes on" in told.sentences[0]
    assert "can be written again; 0 records were lost" in told.sentences[1]
    async with opened_store(small_disk, told) as store:
        assert "while the disk was full" in [event.text for event in await store.events.query()]
        assert BIG in await store.ledger.load()
    assert len(told.sentences) == 2


async def test_a_disk_that_is_full_from_the_start(small_disk):
    told = Told()
    ballast = small_disk / "ballast"
    fill(ballast)
    async with opened_store(small_disk, told) as store:
        with pytest.raises(StoreError, match="the disk is full"):
            await store.ledger.save([DRAIN])
        with pytest.raises(StoreError, match="nothing can be read"):
            await store.ledger.load()
        ballast.unlink()
        await store.ledger.save([DRAIN])
        assert await store.ledger.load() == (DRAIN,)
    assert len(told.sentences) == 2


@pytest.mark.parametrize("killed", [False, True])
async def test_a_start_on_a_full_disk_still_finds_the_orders(small_disk, tmp_path, killed):
    before = tmp_path / "before"
    async with opened_store(before) as store:
        await store.ledger.save([DRAIN])
        if killed:
            for path in before.iterdir():
                if not path.name.endswith("-shm"):
                    shutil.copy(path, small_disk)
    if not killed:
        shutil.copy(file_in(before), small_disk)
    ballast = small_disk / "ballast"
    fill(ballast)
    async with opened_store(small_disk, Told()) as store:
        assert "the disk is full" in store.database.trouble
        assert await store.ledger.load() == (DRAIN,)
        ballast.unlink()
        await store.ledger.save([BIG])
        assert await store.ledger.load() == (BIG, DRAIN)


async def test_a_damaged_file_on_a_full_disk_waits_for_room_and_keeps_its_orders(small_disk):
    told = Told()
    async with opened_store(small_disk) as store:
        await store.ledger.save([DRAIN])
        for number in range(2000):
            store.events.append("write", str(number))
    with file_in(small_disk).open("r+b") as file:
        file.seek(100_000)
        file.write(b"\xff" * 8192)
    ballast = small_disk / "ballast"
    fill(ballast)
    async with opened_store(small_disk, told) as store:
        assert "the disk is full" in store.database.trouble
        ballast.unlink()
        await store.ledger.save([BIG])
        assert await store.ledger.load() == (BIG, DRAIN)
    assert [path for path in small_disk.iterdir() if ".broken-" in path.name]


async def test_a_read_only_disk(small_disk):
    async with opened_store(small_disk) as store:
        await store.ledger.save([DRAIN])
    mount_again(small_disk, "ro")
    told = Told()
    async with opened_store(small_disk, told) as store:
        with pytest.raises(StoreError, match="read-only"):
            await store.ledger.save([BIG])
        assert await store.ledger.load() == (DRAIN,)
        mount_again(small_disk, "rw")
        await store.ledger.save([BIG])
        assert await store.ledger.load() == (BIG, DRAIN)
    assert "read-only" in told.sentences[0]
    assert "written again" in told.sentences[-1]


async def test_an_unmounted_disk_leaves_a_fresh_file_and_comes_back(small_disk, tmp_path):
    told = Told()
    async with opened_store(small_disk, told) as store:
        await store.ledger.save([DRAIN])
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        subprocess.run(["mount", "--bind", str(small_disk), str(elsewhere)], check=True)  # noqa: ASYNC221 - short
        try:
            subprocess.run(["umount", "--lazy", str(small_disk)], check=True)  # noqa: ASYNC221 - short
            await store.ledger.save([BIG])
            assert await store.ledger.load() == (BIG, DRAIN)
            subprocess.run(["mount", "--bind", str(elsewhere), str(small_disk)], check=True)  # noqa: ASYNC221 - short
            await store.database.write(lambda _: None)
            assert await store.ledger.load() == (BIG, DRAIN)
            await asyncio.sleep(0)
        finally:
            subprocess.run(["umount", "--lazy", str(elsewhere)], check=True)  # noqa: ASYNC221 - short
    assert len([sentence for sentence in told.sentences if "removed or replaced" in sentence]) == 2
