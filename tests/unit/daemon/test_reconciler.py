"""A zone keeper on a server in memory that keeps the contract exactly, on a clock that does not wait."""

import asyncio
from dataclasses import replace

import pytest

from rrdnsd.core.plan import RemovalLimit
from rrdnsd.daemon.backoff import Backoff
from rrdnsd.daemon.reconciler import ATTEMPTS
from rrdnsd.daemon.reports import Failed, Noticed, Recovered, Served, Wrote
from rrdnsd.errors import ProviderError
from rrdnsd.providers.builtin.options import read_options
from rrdnsd.providers.builtin.provider import Builtin
from support.keeping import API, ONE, THREE, TWO, Memory, keeping, wanted
from support.names import NAME, ZONE
from support.virtual_time import run


def test_it_writes_reads_back_and_tells():
    async def main():
        server = Memory()
        async with keeping(server) as watched:
            watched.keeper.want(wanted())
            await asyncio.sleep(1)
            assert server.served() == {ONE, TWO}
            assert watched.told == [
                Wrote(server.label, ZONE, NAME, "add 192.0.2.1 (up); add 192.0.2.2 (up)", drift=False),
                Served(server.label, ZONE, NAME, pytest.approx(0.003)),
            ]
            assert len(server.reads) == 2
            watched.keeper.want(wanted(down=(THREE,)))
            await asyncio.sleep(1)
            assert (len(server.plans), len(server.reads)) == (1, 3)
            status = watched.keeper.status
            assert (status.reads, status.writes, status.messages, status.noops) == (3, 1, 1, 1)
            assert watched.keeper.served == server.rrsets

    run(main())


def test_the_builtin_server_is_kept_as_well():
    async def main():
        server = Builtin("default", read_options({}), [ZONE], [NAME], clock=lambda: 1_700_000_000)
        keys = wanted().keys
        async with keeping(server) as watched:
            watched.keeper.want(wanted())
            await asyncio.sleep(1)
            edition = server.edition(ZONE)
            assert (await server.fetch(ZONE, keys)).rrsets[keys[0]].addresses == {ONE, TWO}
            await asyncio.sleep(120)
            assert server.edition(ZONE) == edition
            watched.keeper.want(wanted(up=(ONE,), down=(TWO,)))
            await asyncio.sleep(1)
            assert (await server.fetch(ZONE, keys)).rrsets[keys[0]].addresses == {ONE}
            assert [report.reason for report in watched.heard(Wrote)] == [
                "add 192.0.2.1 (up); add 192.0.2.2 (up)",
                "remove 192.0.2.2 (down: connection refused)",
            ]
        await server.close()

    run(main())


def test_the_wait_grows_is_bounded_and_jitters():
    async def main():
        server = Memory()
        server.error = ProviderError("192.0.2.53:53 refuses TCP connections")
        backoff = Backoff(first=0.5, most=30.0)
        async with keeping(server, interval=1000.0, backoff=backoff) as watched:
            watched.keeper.want(wanted())
            await asyncio.sleep(600)
            failures = watched.heard(Failed)
            assert all(report.reason == str(server.error) for report in failures)
            waits = [report.retry_in for report in failures]
            for number, wait in enumerate(waits):
                ceiling = min(30.0, 0.5 * 2**number)
                assert ceiling / 2 <= wait <= ceiling
            assert len(set(waits)) == len(waits)
            assert 20 <= len(waits) <= 50
            assert watched.keeper.status.failures == len(waits)
            assert watched.keeper.status.error == str(server.error)
            server.error = None
            await asyncio.sleep(31)
            assert server.served() == {ONE, TWO}
            (recovered,) = watched.heard(Recovered)
            assert recovered.failed_for == pytest.approx(615, abs=16)
            # how long clients waited counts from the decision, not from the last try
            assert watched.heard(Served)[0].after == pytest.approx(recovered.failed_for, abs=1)
            status = watched.keeper.status
            assert (status.failures, status.error, status.failing_since) == (0, "", None)

    run(main())


def test_a_stale_name_is_read_again_and_the_others_are_not_held_up():
    async def main():
        server = Memory()
        server.before_write = lambda: server.serve(NAME, ONE)
        async with keeping(server) as watched:
            watched.keeper.want(wanted())
            watched.keeper.want(wanted(API))
            await asyncio.sleep(1)
            assert server.served() == server.served(API) == {ONE, TWO}
            assert [sorted(change.name for change in plan.changes) for plan in server.plans] == [
                [API, NAME],
                [NAME],
            ]
            assert [report.name for report in watched.heard(Wrote)] == [API, NAME]
            assert watched.heard(Wrote)[1].reason == "add 192.0.2.2 (up)"
            assert watched.heard(Failed) == []

    run(main())


def test_a_vendor_that_asks_to_be_left_alone_is():
    async def main():
        server = Memory()
        server.error = ProviderError("too many requests", retry_after=90.0)
        async with keeping(server, interval=1000.0, backoff=Backoff(first=0.5, most=30.0)) as watched:
            watched.keeper.want(wanted())
            await asyncio.sleep(600)
            waits = [report.retry_in for report in watched.heard(Failed)]
            assert waits == [90.0] * 7

    run(main())


def test_drift_is_repaired_once_it_has_stood_for_a_while():
    async def main():
        server = Memory()
        async with keeping(server, interval=30.0, settle=4.0) as watched:
            watched.keeper.want(wanted())
            await asyncio.sleep(1)
            assert server.served() == {ONE, TWO}  # a decision of its own does not wait
            server.serve(NAME, ONE)
            await watched.look()
            assert server.served() == {ONE}
            await asyncio.sleep(3.5)
            assert server.served() == {ONE}
            await asyncio.sleep(1)
            assert server.served() == {ONE, TWO}
            assert [report.drift for report in watched.heard(Wrote)] == [False, True]

    run(main())


def test_what_another_node_has_decided_is_no_drift():
    async def main():
        server = Memory()
        async with keeping(server, interval=30.0, settle=4.0) as watched:
            watched.keeper.want(wanted())
            await asyncio.sleep(1)
            server.serve(NAME, ONE)
            await watched.look()
            watched.keeper.want(
                wanted(up=(ONE,), down=(TWO,))
            )  # its votes are heard here as well, a little later
            await asyncio.sleep(60)
            assert server.served() == {ONE}
            assert len(watched.heard(Wrote)) == 1

    run(main())


def test_a_refused_name_is_tried_again_by_itself_and_its_neighbours_do_not_wait():
    async def main():
        server = Memory()
        server.denied = {API}
        async with keeping(server, backoff=Backoff(first=10.0, most=10.0)) as watched:
            watched.keeper.want(wanted(API))
            watched.keeper.want(wanted(NAME))
            await asyncio.sleep(0.1)
            assert (server.served(NAME), server.served(API)) == ({ONE, TWO}, set())
            assert watched.keeper.status.error == f"{API}: no grant"
            assert [(n.name, n.text) for n in watched.heard(Noticed)] == [(API, "no grant")]
            watched.keeper.want(wanted(NAME, up=[ONE], down=[TWO]))
            await asyncio.sleep(0.1)
            assert server.served(NAME) == {ONE}
            assert len(watched.heard(Wrote)) == 2
            assert not watched.heard(Failed)
            server.denied = set()
            await asyncio.sleep(4)
            assert server.served(API) == set()
            await asyncio.sleep(7)
            assert server.served(API) == {ONE, TWO}
            assert watched.keeper.status.error == ""

    run(main())


def test_another_reason_for_the_same_records_is_no_reason_to_look():
    async def main():
        server = Memory()
        async with keeping(server) as watched:
            watched.keeper.want(wanted())
            await asyncio.sleep(1)
            reads = len(server.reads)
            watched.keeper.want(replace(wanted(), reasons={ONE: "up: 2 of 3 nodes", TWO: "up: 3 of 3 nodes"}))
            await asyncio.sleep(1)
            assert len(server.reads) == reads

    run(main())


def test_a_refusal_is_over_when_somebody_else_has_written_it():
    async def main():
        server = Memory()
        server.denied = {API}
        async with keeping(server, backoff=Backoff(first=10.0, most=10.0)) as watched:
            watched.keeper.want(wanted(API))
            await asyncio.sleep(0.1)
            assert watched.keeper.status.error == f"{API}: no grant"
            server.serve(API, ONE, TWO)
            await asyncio.sleep(11)
            assert watched.keeper.status.error == ""
            assert len(server.plans) == 1

    run(main())


def test_a_new_decision_shortens_the_wait_for_a_server_that_failed():
    async def main():
        server = Memory()
        server.error = ProviderError("it is down")
        async with keeping(server, backoff=Backoff(first=60.0, most=60.0)) as watched:
            watched.keeper.want(wanted(NAME))
            await asyncio.sleep(0.1)
            server.error = None
            watched.keeper.want(wanted(NAME, up=[ONE], down=[TWO]))
            await asyncio.sleep(0.5)
            assert server.served(NAME) == set()
            await asyncio.sleep(1)
            assert server.served(NAME) == {ONE}

    run(main())


def test_an_update_that_is_acknowledged_and_ignored_is_an_error():
    async def main():
        server = Memory()
        server.ignores_updates = True
        async with keeping(server) as watched:
            watched.keeper.want(wanted())
            await asyncio.sleep(0.05)
            (failed,) = watched.heard(Failed)
            assert failed.reason.startswith(f"{NAME}: the records still differ after {ATTEMPTS} updates")
            assert len(server.plans) == ATTEMPTS
            assert watched.heard(Served) == []
            server.ignores_updates = False
            await asyncio.sleep(1)
            assert server.served() == {ONE, TWO}
            assert len(watched.heard(Recovered)) == 1

    run(main())


def test_nothing_is_written_while_a_publication_is_held():
    async def main():
        server = Memory()
        server.serve(NAME, ONE)
        async with keeping(server) as watched:
            watched.keeper.want(wanted(up=(ONE,), unknown=(TWO,)))
            await asyncio.sleep(300)
            assert server.plans == server.reads == []
            watched.keeper.want(wanted())
            await asyncio.sleep(1)
            assert server.served() == {ONE, TWO}
            # held again (a maintenance begins): not even drift is repaired
            watched.keeper.want(replace(wanted(), held="maintenance"))
            server.serve(NAME, ONE)
            await asyncio.sleep(300)
            assert server.served() == {ONE}
            assert len(server.plans) == 1

    run(main())


def test_a_hold_also_ends_what_is_being_tried_again():
    async def main():
        server = Memory()
        server.error = ProviderError("down")
        async with keeping(server) as watched:
            watched.keeper.want(wanted())
            await asyncio.sleep(1)
            watched.keeper.want(replace(wanted(), held="maintenance"))
            server.error = None
            await asyncio.sleep(100)
            assert server.plans == []

    run(main())


def test_drift_is_repaired_at_the_interval_and_called_so():
    async def main():
        server = Memory()
        async with keeping(server, interval=30.0) as watched:
            watched.keeper.want(wanted())
            await asyncio.sleep(1)
            server.serve(NAME, TWO)
            watched.told.clear()
            reads = len(server.reads)
            await asyncio.sleep(30)
            assert server.served() == {ONE, TWO}
            (wrote,) = watched.heard(Wrote)
            assert (wrote.drift, wrote.reason) == (True, "add 192.0.2.1 (up)")
            await asyncio.sleep(300)
            # one look an interval, two for the repair
            assert 11 <= len(server.reads) - reads <= 13
            assert len(server.plans) == 2

    run(main())


def test_zones_do_not_look_for_drift_in_the_same_moment():
    async def main():
        began = []
        for _ in range(20):
            server = Memory()
            async with keeping(server) as watched:
                watched.keeper.want(wanted())
                since = watched.now()
                await asyncio.sleep(31)
                began.append(server.read_at[2] - since)
        assert max(began) - min(began) > 3
        assert max(began) <= 30.1

    run(main())


def test_a_standing_condition_is_told_once():
    async def main():
        server = Memory()
        server.serve(NAME, ONE, TWO, "203.0.113.9")
        async with keeping(server) as watched:
            watched.keeper.want(wanted())
            await asyncio.sleep(300)
            foreign = Noticed(server.label, ZONE, NAME, "foreign records left alone: 203.0.113.9")
            assert watched.told == [foreign]
            server.serve(NAME, ONE, TWO)
            await asyncio.sleep(60)
            server.serve(NAME, ONE, TWO, "203.0.113.9")
            await asyncio.sleep(60)
            assert watched.told == [foreign, foreign]
            server.problems = {NAME: "it is a CNAME"}
            await asyncio.sleep(300)
            assert watched.told == [foreign, foreign, Noticed(server.label, ZONE, NAME, "it is a CNAME")]
            assert server.plans == []

    run(main())


def test_the_guard_refuses_a_mass_removal_and_raises_an_alarm_once():
    async def main():
        server = Memory()
        names = [f"n{number}.{ZONE}" for number in range(6)]
        async with keeping(server, limit=RemovalLimit(0.5, 60.0)) as watched:
            for name in names:
                watched.keeper.want(wanted(name))
            await asyncio.sleep(1)
            serial = len(server.plans)
            # one event of the network takes one of two endpoints from each service and another from each: 7 of 12
            for name in names[:5]:
                watched.keeper.want(wanted(name, up=(ONE,), down=(TWO,)))
            await asyncio.sleep(1)
            assert server.served(names[0]) == {ONE}
            watched.keeper.want(wanted(names[5], up=(ONE,), down=(TWO, THREE)))
            server.serve(names[5], ONE, TWO, THREE)
            await asyncio.sleep(20)
            alarms = [report for report in watched.heard(Noticed) if report.alarm]
            assert [report.name for report in alarms] == [ZONE]
            assert alarms[0].text == (
                f"refused to remove 2 addresses from {ZONE}: health would have taken away 7 of 13 within 60 s, "
                "more than max_removals allows (50%)"
            )
            assert server.served(names[5]) == {ONE, TWO, THREE}
            assert len(server.plans) == serial + 1
            # the window passes: what is still down may go
            await asyncio.sleep(120)
            assert server.served(names[5]) == {ONE}
            assert len([report for report in watched.heard(Noticed) if report.alarm]) == 1

    run(main())


def test_without_a_limit_there_is_no_guard():
    async def main():
        server = Memory()
        names = [f"n{number}.{ZONE}" for number in range(6)]
        async with keeping(server, limit=None) as watched:
            for name in names:
                server.serve(name, ONE, TWO, THREE)
                watched.keeper.want(wanted(name, up=(ONE,), down=(TWO, THREE)))
            await asyncio.sleep(1)
            assert [server.served(name) for name in names] == [{ONE}] * 6

    run(main())


def test_a_ttl_that_the_server_insists_on_is_asked_for_once():
    async def main():
        server = Memory()
        server.serve(NAME, ONE, TWO, ttl=300)
        server.own_ttl = 300
        async with keeping(server) as watched:
            watched.keeper.want(wanted())
            await asyncio.sleep(300)
            assert len(server.plans) == 1
            assert [report.text for report in watched.heard(Noticed)] == [
                "TTL 60 was written, but 300 is served; left so"
            ]
            assert watched.heard(Failed) == []
            # another TTL in the configuration is worth another try
            watched.keeper.want(wanted(ttl=30))
            await asyncio.sleep(300)
            assert len(server.plans) == 2

    run(main())


def test_shadow_mode_writes_nothing_and_tells_once():
    async def main():
        server = Memory()
        server.serve(NAME, ONE)
        async with keeping(server, shadow=True) as watched:
            watched.keeper.want(wanted())
            await asyncio.sleep(300)
            assert server.plans == []
            assert watched.told == [
                Noticed(server.label, ZONE, NAME, "shadow mode, not written: add 192.0.2.2 (up)")
            ]

    run(main())


def test_a_name_that_is_released_keeps_its_records():
    async def main():
        server = Memory()
        async with keeping(server) as watched:
            watched.keeper.want(wanted())
            await asyncio.sleep(1)
            watched.keeper.release(NAME)
            server.serve(NAME, ONE)
            reads = len(server.reads)
            await asyncio.sleep(300)
            assert server.served() == {ONE}
            assert len(server.reads) == reads

    run(main())


def test_a_bug_in_a_provider_is_logged_and_tried_again(caplog):
    async def main():
        server = Memory()
        server.error = ZeroDivisionError("a bug")
        async with keeping(server) as watched:
            watched.keeper.want(wanted())
            await asyncio.sleep(0.05)
            assert watched.keeper.status.error == "a bug"
            server.error = None
            await asyncio.sleep(2)
            assert server.served() == {ONE, TWO}

    run(main())
    assert "[updater] bug while keeping zone" in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_a_drained_address_leaves_and_the_last_one_with_it():
    async def main():
        server = Memory()
        server.serve(NAME, ONE, TWO)
        async with keeping(server) as watched:
            watched.keeper.want(wanted(up=(ONE,), drained=(TWO,)))
            await asyncio.sleep(1)
            assert server.served() == {ONE}
            watched.keeper.want(wanted(up=(), drained=(ONE, TWO)))
            await asyncio.sleep(1)
            assert server.served() == set()
            assert watched.heard(Wrote)[1].reason == "remove 192.0.2.1 (drained)"

    run(main())


@pytest.mark.parametrize("failures", [1, 2, 5, 100, 10_000])
def test_the_back_off_is_bounded_for_any_number_of_failures(failures):
    delays = {Backoff(0.5, 30.0).delay(failures) for _ in range(200)}
    ceiling = min(30.0, 0.5 * 2 ** min(failures - 1, 50))
    assert ceiling / 2 <= min(delays) < max(delays) <= ceiling
    assert max(delays) - min(delays) > ceiling / 4
