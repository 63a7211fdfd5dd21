"""A name is written anew: first what is to be added, then what is to go, whatever held it up before."""

import asyncio
from dataclasses import replace

from rrdnsd.core.model import RRset, RRsetChange, RRsetKey
from rrdnsd.daemon.backoff import Backoff
from rrdnsd.daemon.reports import Wrote
from rrdnsd.errors import ProviderError
from support.keeping import ONE, THREE, TWO, Memory, keeping, wanted
from support.names import NAME
from support.virtual_time import run

A = RRsetKey(NAME, "A")


def test_it_adds_first_and_takes_away_then():
    async def main():
        server = Memory()
        async with keeping(server, interval=1000.0) as watched:
            watched.keeper.want(wanted(up=(ONE, TWO), down=(THREE,)))
            await asyncio.sleep(1)
            server.serve(NAME, THREE, ONE)
            report = await watched.keeper.refresh(NAME)
            steps = [plan.changes[0].rrsets for plan in server.plans[1:]]
            served, every = RRset(60, frozenset({ONE, THREE})), RRset(60, frozenset({ONE, TWO, THREE}))
            assert steps == [
                (RRsetChange(A, served, every),),
                (RRsetChange(A, every, RRset(60, frozenset({ONE, TWO}))),),
            ]
            assert [wrote.reason for wrote in watched.heard(Wrote)[1:]] == [
                "add 192.0.2.2 (up)",
                "remove 192.0.2.3 (down: connection refused)",
            ]
            assert (report.serves, report.writes, report.trouble) == ((ONE, TWO), 2, "")
            assert report.sentence == f"{server.label}: {NAME} has {ONE}, {TWO}, after 2 updates"
            again = await watched.keeper.refresh(NAME)
            assert again.sentence == f"{server.label}: {NAME} has {ONE}, {TWO}, as before"

    run(main())


def test_it_does_not_wait_for_the_back_off():
    async def main():
        server = Memory()
        server.error = ProviderError("refuses TCP connections")
        async with keeping(server, backoff=Backoff(first=900.0, most=900.0)) as watched:
            watched.keeper.want(wanted())
            await asyncio.sleep(5)
            report = await watched.keeper.refresh(NAME)
            assert (report.trouble, report.writes) == ("refuses TCP connections", 0)
            assert "was not refreshed" in report.sentence
            server.error = None
            assert (await watched.keeper.refresh(NAME)).trouble == ""
            assert server.served() == {ONE, TWO}
            assert watched.keeper.status.failures == 0

    run(main())


def test_it_forgets_a_tolerated_ttl_and_a_refusal():
    async def main():
        server = Memory()
        server.own_ttl = 30
        async with keeping(server, interval=5.0) as watched:
            watched.keeper.want(wanted())
            await asyncio.sleep(30)
            server.own_ttl = None
            await watched.keeper.refresh(NAME)
            assert server.rrsets[A].ttl == 60
            server.denied = {NAME}
            watched.keeper.want(wanted(up=(ONE,), down=(TWO,)))
            await asyncio.sleep(1)
            assert (await watched.keeper.refresh(NAME)).trouble == "no grant"
            assert watched.keeper.status.last_answer == f"{NAME}: no grant"
            server.denied = set()
            assert (await watched.keeper.refresh(NAME)).serves == (ONE,)

    run(main())


def test_it_is_not_done_while_held_or_in_shadow_mode_or_for_a_strange_name():
    async def main():
        server = Memory()
        async with keeping(server) as watched:
            watched.keeper.want(replace(wanted(), held="paused by ann: work"))
            assert (await watched.keeper.refresh(NAME)).trouble == "paused by ann: work"
            assert (await watched.keeper.refresh("x.test")).trouble == "it is not published here"
        async with keeping(server, shadow=True) as watched:
            watched.keeper.want(wanted())
            assert (await watched.keeper.refresh(NAME)).trouble == "shadow mode, nothing is written"
        assert server.plans == []

    run(main())


def test_a_hold_that_comes_while_the_server_is_slow_is_obeyed():
    async def main():
        server = Memory()
        async with keeping(server) as watched:
            watched.keeper.want(wanted())
            await asyncio.sleep(1)
            server.serve(NAME, ONE)
            asked = asyncio.create_task(watched.keeper.refresh(NAME))
            await asyncio.sleep(0.0005)
            watched.keeper.want(replace(wanted(), held="paused"))
            report = await asked
            assert (report.serves, report.trouble) == ((ONE,), "paused")
            assert len(server.plans) == 1

    run(main())


def test_who_asks_too_late_is_told_so():
    async def main():
        server = Memory()
        async with keeping(server) as watched:
            watched.keeper.want(wanted())
            await asyncio.sleep(1)
            waiting = asyncio.create_task(watched.keeper.refresh(NAME, within=0.0001))
            assert (await waiting).trouble == "not done within 0.0001 s"
            await asyncio.sleep(1)
            assert (await watched.keeper.refresh(NAME)).trouble == ""

    run(main())


def test_what_would_be_written_and_what_was_read_is_known_without_asking_the_server():
    async def main():
        server = Memory()
        async with keeping(server, shadow=True) as watched:
            assert watched.keeper.proposal(NAME) is None
            watched.keeper.want(wanted(up=(ONE,), down=(TWO,)))
            server.serve(NAME, TWO)
            await asyncio.sleep(1)
            reads = len(server.reads)
            reason = "add 192.0.2.1 (up); remove 192.0.2.2 (down: connection refused)"
            assert watched.keeper.proposal(NAME).reason == reason
            assert 0 < watched.now() - watched.keeper.read_at[NAME] <= 1
            assert len(server.reads) == reads
            assert watched.keeper.gone_at(NAME, TWO) is None
            assert watched.keeper.gone_at(NAME, ONE).ttl == 60
            watched.keeper.release(NAME)
            assert (watched.keeper.proposal(NAME), watched.keeper.gone_at(NAME, ONE)) == (None, None)

    run(main())


def test_a_drain_does_not_use_up_what_health_may_take_away():
    """The guard counts only what health takes away: drains before it must not raise its alarm."""

    async def main():
        addresses = [f"192.0.2.{number}" for number in range(1, 13)]
        server = Memory()
        async with keeping(server) as watched:
            watched.keeper.want(wanted(up=addresses))
            await asyncio.sleep(1)
            watched.keeper.want(wanted(up=addresses[5:], drained=addresses[:5]))
            await asyncio.sleep(1)
            watched.keeper.want(wanted(up=addresses[7:], drained=addresses[:5], down=addresses[5:7]))
            await asyncio.sleep(1)
            assert server.served() == set(addresses[7:])

    run(main())
