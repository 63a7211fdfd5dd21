"""What the configuration file listed last: there again after a restart, and nothing where nothing is known."""

from rrdnsd.store.listed import Listed
from rrdnsd.store.room import open_store

SERVICES = {"www.example.org": ["example.org", "default", ["192.0.2.1"], "withdraw"]}


async def opened(folder):
    return await open_store(folder, lambda _sentence: None)


async def test_it_is_there_again(tmp_path):
    store = await opened(tmp_path)
    listed = Listed(store.database)
    assert await listed.load() is None
    await listed.save({"old.example.org": []})
    await listed.save(SERVICES)
    await store.close()
    store = await opened(tmp_path)
    assert await Listed(store.database).load() == SERVICES
    await store.close()


async def test_what_is_damaged_is_not_known(tmp_path):
    store = await opened(tmp_path)
    listed = Listed(store.database)
    await listed.save(SERVICES)
    for damaged in ("{", "[]"):
        await store.database.write(
            lambda c, text=damaged: c.execute("UPDATE listed SET services = ?", [text])
        )
        assert await listed.load() is None
    await store.close()
