"""The sifting and halving, against a server that is a dictionary."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrdnsd.core.model import Applied, Plan, RRsetKey, ZoneView
from rrdnsd.errors import ProviderError
from rrdnsd.providers.batches import SENT_WITHIN, write
from rrdnsd.providers.outcome import Denied, Stale, TooBig, Written
from support.changes import change, named, plan, rrset
from support.virtual_time import run

OLD, NEW, THIRD = rrset("192.0.2.1"), rrset("192.0.2.2"), rrset("192.0.2.3")


class Scripted:
    """A server whose zone is a dictionary. `wildcards` are names that answer but do not exist."""

    def __init__(self, zone, denied=(), wildcards=(), fit=1000):
        self.zone = dict(zone)
        self.denied, self.wildcards, self.fit = set(denied), set(wildcards), fit
        self.sent, self.looked = [], 0

    async def send(self, changes):
        names = [one.name for one in changes]
        if len(names) > self.fit:
            return TooBig()
        self.sent.append(names)
        for one in changes:
            if one.name in self.wildcards or self.zone.get(one.name) != one.rrsets[0].before:
                return Stale()
        if self.denied & set(names):
            return Denied("no")
        for one in changes:
            self.zone[one.name] = one.rrsets[0].after
        return Written()

    async def look(self, keys):
        self.looked += 1
        return ZoneView({key: self.zone[key.name] for key in keys if self.zone.get(key.name)})


def replace_all(names):
    return plan("example.test", [named(change(name, OLD, NEW)) for name in names])


def numbered(count):
    return [f"n{i:03}.example.test" for i in range(count)]


async def test_an_empty_plan_sends_nothing():
    server = Scripted({})
    assert await write(Plan("example.test"), server.send, server.look) == Applied(frozenset())
    assert server.sent == []


async def test_a_plan_that_fits_is_one_message():
    names = numbered(300)
    server = Scripted(dict.fromkeys(names, OLD))
    applied = await write(replace_all(names), server.send, server.look)
    assert applied == Applied(frozenset(names), messages=1)
    assert server.looked == 0


async def test_a_plan_that_does_not_fit_is_halved_until_it_does():
    names = numbered(10)
    server = Scripted(dict.fromkeys(names, OLD), fit=4)
    applied = await write(replace_all(names), server.send, server.look)
    assert applied == Applied(frozenset(names), messages=4)


async def test_stale_names_are_left_out_with_one_look_and_one_more_message():
    names = numbered(500)
    server = Scripted(dict.fromkeys(names, OLD) | {names[7]: THIRD, names[400]: None})
    applied = await write(replace_all(names), server.send, server.look)
    assert applied.stale == {names[7], names[400]}
    assert applied.written == set(names) - applied.stale
    assert (applied.messages, server.looked) == (2, 1)
    assert server.zone[names[7]] == THIRD


async def test_another_writer_with_the_same_plan_costs_one_message_and_a_look():
    names = numbered(500)
    server = Scripted(dict.fromkeys(names, NEW))
    applied = await write(replace_all(names), server.send, server.look)
    assert applied == Applied(frozenset(), frozenset(names), messages=1)


async def test_a_name_with_a_problem_on_the_second_look_is_stale():
    names = numbered(2)
    server = Scripted(dict.fromkeys(names, OLD) | {names[0]: None})

    async def look(keys):
        return ZoneView(dict.fromkeys(keys, OLD), {names[0]: "is a CNAME now"})

    applied = await write(replace_all(names), server.send, look)
    assert (applied.written, applied.stale) == ({names[1]}, {names[0]})


async def test_a_name_the_server_contradicts_itself_about_is_found_by_halving():
    names = numbered(64)
    server = Scripted(dict.fromkeys(names, OLD), wildcards=[names[20]])
    applied = await write(replace_all(names), server.send, server.look)
    assert applied.refused.keys() == {names[20]}
    assert "wildcard" in applied.refused[names[20]]
    assert [name for name in names if server.zone[name] == OLD] == [names[20]]
    assert len(server.sent) <= 2 + 2 * 6
    assert server.looked == 1


async def test_a_name_that_is_refused_does_not_hold_back_the_others():
    names = numbered(100)
    server = Scripted(dict.fromkeys(names, OLD), denied=[names[99]])
    applied = await write(replace_all(names), server.send, server.look)
    assert (applied.refused, len(applied.written)) == ({names[99]: "no"}, 99)
    assert [name for name in names if server.zone[name] == OLD] == [names[99]]


async def test_all_refused_names_are_told():
    names = numbered(20)
    server = Scripted(dict.fromkeys(names, OLD), denied=names[:7])
    applied = await write(replace_all(names), server.send, server.look)
    assert applied.refused == dict.fromkeys(names[:7], "no")


async def test_a_refusal_of_everything_ends_after_seven_messages():
    names = numbered(1000)
    server = Scripted(dict.fromkeys(names, OLD), denied=names)
    with pytest.raises(ProviderError, match=r"^no$"):
        await write(replace_all(names), server.send, server.look)
    assert len(server.sent) == 7


async def test_a_single_name_that_is_too_big():
    async def send(changes):
        return TooBig()

    (name,) = numbered(1)
    applied = await write(replace_all([name]), send, Scripted({}).look)
    assert "more addresses than fit in one message" in applied.refused[name]


async def test_a_failure_of_the_server_ends_it_at_once():
    calls = []

    async def send(changes):
        calls.append(1)
        raise ProviderError("it failed")

    with pytest.raises(ProviderError, match="it failed"):
        await write(replace_all(numbered(50)), send, Scripted({}).look)
    assert len(calls) == 1


def test_a_plan_that_has_grown_old_is_not_sent_again():
    async def main():
        first, second = numbered(2)
        server = Scripted({first: OLD, second: THIRD})

        async def slowly(keys):
            await asyncio.sleep(SENT_WITHIN + 0.1)
            return await server.look(keys)

        applied = await write(replace_all([first, second]), server.send, slowly)
        assert applied == Applied(frozenset(), stale=frozenset({first, second}), messages=1)
        assert server.zone == {first: OLD, second: THIRD}

    run(main())


async def test_only_ttls_that_differ_do_not_make_a_name_stale():
    (name,) = numbered(1)
    server = Scripted({name: OLD}, wildcards=[name])

    async def look(keys):
        return ZoneView({RRsetKey(name, "A"): rrset("192.0.2.1", ttl=7)})

    applied = await write(replace_all([name]), server.send, look)
    assert "wildcard" in applied.refused[name]


@given(
    states=st.lists(st.sampled_from(["old", "new", "third", "gone"]), min_size=1, max_size=40),
    fit=st.integers(1, 50),
)
async def test_exactly_the_names_that_changed_are_stale(states, fit):
    values = {"old": OLD, "new": NEW, "third": THIRD, "gone": None}
    names = numbered(len(states))
    server = Scripted({name: values[state] for name, state in zip(names, states, strict=True)}, fit=fit)
    before = dict(server.zone)
    applied = await write(replace_all(names), server.send, server.look)
    assert applied.written == {name for name in names if before[name] == OLD}
    assert applied.stale == set(names) - applied.written
    assert server.zone == {name: NEW if name in applied.written else before[name] for name in names}
    assert applied.messages == len(server.sent)
