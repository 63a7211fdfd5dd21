"""The ledger against a second implementation that is as dumb as can be: whatever the order of delivery, all end equal."""

import dataclasses
import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rrdnsd.core import ledger as module
from rrdnsd.core.ledger import (
    MAX_COUNTER,
    MAX_KEY,
    MAX_NODE,
    MAX_VALUE,
    MAX_WALL_MS,
    MAX_WHO,
    MAX_WHY,
    Entry,
    Ledger,
    Stamp,
    value_text,
)
from rrdnsd.errors import LedgerError

NODES = ("10.0.0.1:3333", "10.0.0.2:3333", "[2001:db8::3]:3333")
KEYS = ("pause", "drain|a.test|192.0.2.1", "drain|a.test|192.0.2.2", "maintenance|", "service|a.test")
VALUES = (None, "{}", '{"state":"up"}', '{"until":null}')
TEXTS = st.sampled_from(("", "a", "ab", "b", "ä\x00"))
# Few of each, and each in one draw: only what meets again and again is ever merged.
STAMPS = st.sampled_from([Stamp(*parts) for parts in itertools.product(range(4), range(3), NODES)])
ANY_STAMP = st.builds(
    Stamp, st.integers(0, MAX_WALL_MS), st.integers(0, MAX_COUNTER), st.sampled_from(["a", *NODES])
)
ENTRIES = st.builds(Entry, st.sampled_from(KEYS), STAMPS, st.sampled_from(VALUES), TEXTS, TEXTS)
WALL = st.integers(-(10**12), MAX_WALL_MS + 10**12)


def entry(key="pause", stamp=(1, 0, NODES[0]), **fields):
    return Entry(key, Stamp(*stamp), **{"value": "{}", **fields})


def dumb(entries):
    """Of each key the entry with the highest stamp, by looking at all of them; on a tie the greatest text."""
    best = {}
    for found in entries:
        rank = (*found.stamp, found.value or "", found.who, found.why)
        if found.key not in best or rank > best[found.key][0]:
            best[found.key] = rank, found
    return sorted((found for _, found in best.values()), key=lambda found: found.key)


@st.composite
def deliveries(draw):
    """The same entries twice: shuffled, some repeated, in messages of any size."""
    entries = draw(st.lists(ENTRIES, max_size=12))
    rng = random.Random(draw(st.integers(0, 2**32)))
    ways = []
    for _ in range(2):
        order = entries + rng.choices(entries, k=rng.randint(0, 6) if entries else 0)
        rng.shuffle(order)
        cuts = sorted({0, *rng.choices(range(len(order) + 1), k=rng.randint(0, 4)), len(order)})
        ways.append([order[a:b] for a, b in itertools.pairwise(cuts)])
    return entries, ways


@settings(max_examples=200)
@given(deliveries())
def test_any_order_duplication_and_grouping_end_in_the_same_ledger(made):
    entries, ways = made
    ledgers = []
    for groups in ways:
        ledger = Ledger()
        for group in groups:
            ledger.merge(group)
        ledgers.append(ledger)
    assert [*ledgers[0]] == [*ledgers[1]] == dumb(entries)
    assert ledgers[0].digest == ledgers[1].digest
    assert len(ledgers[0]) == len({found.key for found in entries})


@given(st.lists(ENTRIES, max_size=12))
def test_the_digest_is_that_of_the_content_and_not_of_its_history(entries):
    grown, made = Ledger(), Ledger()
    for found in entries:
        grown.merge([found])
    made.merge(reversed(dumb(entries)))
    assert grown.digest == made.digest
    assert (made.digest == Ledger().digest) is (not entries)


NEARLY_ALIKE = st.sampled_from(
    [
        Entry(key, Stamp(at, 0, NODES[0]), "{}", who)
        for key, at, who in itertools.product(KEYS[:2], (1, 2), ("", "a"))
    ]
)


@given(st.lists(NEARLY_ALIKE, max_size=4), st.lists(NEARLY_ALIKE, max_size=4))
def test_equal_digests_mean_equal_contents(first, second):
    a, b = Ledger(), Ledger()
    a.merge(first)
    b.merge(second)
    assert (a.digest == b.digest) is ([*a] == [*b])


@pytest.mark.parametrize(
    "fields",
    [
        {"key": "pause2"},
        {"stamp": Stamp(2, 0, NODES[0])},
        {"stamp": Stamp(1, 1, NODES[0])},
        {"stamp": Stamp(1, 0, NODES[1])},
        {"value": None},
        {"value": '{"a":1}'},
        {"who": "ann"},
        {"why": "because"},
    ],
    ids=lambda fields: "-".join(f"{name}={value!s:.12}" for name, value in fields.items()),
)
def test_every_part_of_an_entry_is_in_the_digest(fields):
    one, other = Ledger(), Ledger()
    one.merge([entry()])
    other.merge([dataclasses.replace(entry(), **fields)])
    assert one.digest != other.digest


def test_texts_do_not_run_into_each_other_in_the_digest():
    one, other = Ledger(), Ledger()
    one.merge([entry(who="ab", why="c")])
    other.merge([entry(who="a", why="bc")])
    assert one.digest != other.digest


@given(st.lists(ENTRIES, max_size=10), st.lists(ENTRIES, max_size=10))
def test_news_are_what_changed_and_nothing_else(known, told):
    ledger = Ledger()
    ledger.merge(known)
    before = {found.key: found for found in ledger}
    news = ledger.merge(told)
    after = {found.key: found for found in ledger}
    assert {found.key for found in news} == {key for key in after if after[key] != before.get(key)}
    assert all(ledger.get(found.key) is not None for found in news)
    assert ledger.merge(told) == []
    for key, found in before.items():
        assert after[key].stamp >= found.stamp


@given(st.lists(WALL | ANY_STAMP.filter(lambda heard: heard.wall_ms < MAX_WALL_MS), max_size=30))
def test_stamps_always_grow_whatever_clocks_and_peers_show(steps):
    ledger, last = Ledger(), Stamp(-1, 0, "")
    for step in steps:
        if isinstance(step, Stamp):
            ledger.merge([Entry("pause", step, "{}")])
            last = max(last, step)
            continue
        stamp = ledger.stamp(NODES[1], step)
        assert stamp > last
        assert stamp.wall_ms >= min(step, MAX_WALL_MS)
        Entry("pause", stamp, None)  # within bounds
        last = stamp


def test_a_stamp_is_near_the_time_of_day_while_clocks_are_right():
    ledger = Ledger()
    assert ledger.stamp("a", 1_000_000) == (1_000_000, 0, "a")
    assert ledger.stamp("a", 1_000_000) == (1_000_000, 1, "a")
    assert ledger.stamp("a", 999_000) == (1_000_000, 2, "a")
    assert ledger.stamp("a", 1_000_001) == (1_000_001, 0, "a")


def test_an_order_after_one_from_the_future_replaces_it():
    ahead, right = Ledger(), Ledger()
    drained = Entry(KEYS[1], ahead.stamp(NODES[0], MAX_WALL_MS - 1), "{}")
    right.merge([drained])
    undrained = Entry(KEYS[1], right.stamp(NODES[1], 1_800_000_000_000), None)
    assert ahead.merge([undrained]) == [undrained]
    assert right.merge([undrained]) == [undrained]
    assert ahead.digest == right.digest


def test_the_counter_carries_over_into_the_time():
    ledger = Ledger()
    ledger.merge([entry(stamp=(5, MAX_COUNTER, "z"))])
    assert ledger.stamp("a", 0) == (6, 0, "a")


def test_after_the_last_stamp_there_is_none():
    ledger = Ledger()
    ledger.merge([entry(stamp=(MAX_WALL_MS, MAX_COUNTER, "z"))])
    with pytest.raises(
        LedgerError,
        match=r"^no order can be stamped later than those that stand: one has the last stamp there is$",
    ):
        ledger.stamp("a", 0)


@given(ANY_STAMP, ANY_STAMP)
def test_the_text_of_a_stamp_sorts_as_stamps_do(one, other):
    assert Stamp.parse(one.text()) == one
    assert (one.text() < other.text()) is (one < other)


@pytest.mark.parametrize("text", ["", "1", "1.2", "x.2.node", "1.y.node"])
def test_what_is_no_stamp_is_refused(text):
    with pytest.raises(ValueError, match=r"values|literal"):
        Stamp.parse(text)


NESTED = '{"a":' + "[" * 8000 + "]" * 8000 + "}"
OUT_OF_BOUNDS = {
    "no key": ({"key": ""}, "its key"),
    "a long key": ({"key": "k" * (MAX_KEY + 1)}, "its key"),
    "a key that cannot be read": ({"key": "pause\n"}, "its key"),
    "a key that is not ASCII": ({"key": "päuse"}, "its key"),
    "a time before 1970": ({"stamp": Stamp(-1, 0, "a")}, "its stamp"),
    "a time after 9999": ({"stamp": Stamp(MAX_WALL_MS + 1, 0, "a")}, "its stamp"),
    "a negative counter": ({"stamp": Stamp(1, -1, "a")}, "its stamp"),
    "a high counter": ({"stamp": Stamp(1, MAX_COUNTER + 1, "a")}, "its stamp"),
    "a long node": ({"stamp": Stamp(1, 0, "n" * (MAX_NODE + 1))}, "the node of its stamp"),
    "a long who": ({"who": "w" * (MAX_WHO + 1)}, "who and why"),
    "a long why": ({"why": "w" * (MAX_WHY + 1)}, "who and why"),
    "half a character": ({"why": "\ud800"}, "who and why"),
    "a large value": ({"value": value_text({"a": "x" * MAX_VALUE})}, "its value has 16392 bytes, of at most 16384"),
    "no JSON": ({"value": "{"}, "its value must be a JSON object"),
    "no object": ({"value": "[]"}, "its value must be a JSON object"),
    "null, which is not None": ({"value": "null"}, "its value must be a JSON object"),
    "spaces": ({"value": '{"a": 1}'}, "its value must be a JSON object"),
    "unsorted keys": ({"value": '{"b":1,"a":2}'}, "its value must be a JSON object"),
    "a key twice": ({"value": '{"a":1,"a":1}'}, "its value must be a JSON object"),
    "not a number": ({"value": '{"a":NaN}'}, "its value must be a JSON object"),
    "beyond ASCII": ({"value": '{"a":"ä"}'}, "its value must be a JSON object"),
    "nested too deeply": ({"value": NESTED}, "its value must be a JSON object"),
    "a number too long": ({"value": '{"a":' + "1" * 9000 + "}"}, "its value must be a JSON object"),
}  # fmt: skip


@pytest.mark.parametrize("what", OUT_OF_BOUNDS)
def test_an_entry_that_peers_would_refuse_cannot_be_made(what):
    fields, told = OUT_OF_BOUNDS[what]
    with pytest.raises(LedgerError, match=f"^no node would take this order: {told}"):
        dataclasses.replace(entry(), **fields)


def test_the_largest_entry_there_is():
    text = value_text({"a": "x" * (MAX_VALUE - len('{"a":""}'))})
    assert entry("k" * MAX_KEY, value=text, who="\x00" * MAX_WHO, why="ä" * MAX_WHY).value == text
    assert entry(stamp=(MAX_WALL_MS, MAX_COUNTER, "n" * MAX_NODE)).stamp.node == "n" * MAX_NODE


def test_the_ledger_is_bounded_and_says_so(monkeypatch):
    monkeypatch.setattr(module, "MAX_ENTRIES", 3)
    ledger = Ledger()
    full = [entry(f"drain|a.test|192.0.2.{number}") for number in range(3)]
    ledger.check_room([*(found.key for found in full), full[0].key])
    ledger.merge(full)
    ledger.check_room([full[0].key])
    with pytest.raises(
        LedgerError, match="the ledger is full: it holds 3 orders, lifted ones included, of at most 3"
    ):
        ledger.check_room([full[0].key, "pause"])
    digest = ledger.digest
    assert ledger.merge([entry("pause", stamp=(9, 0, "a"))]) == []
    assert (ledger.digest, ledger.lacks(full), ledger.lacks([entry("pause")])) == (digest, False, True)
    assert ledger.stamp("b", 0) > (9, 0, "a")
    lifted = entry(full[0].key, stamp=(2, 0, "a"), value=None)
    assert ledger.merge([lifted]) == [lifted]


@given(deliveries())
def test_what_is_read_is_of_the_entries_as_they_are_and_read_once(found):
    _, (messages, _) = found
    ledger, calls = Ledger(), []

    def reader(read):
        calls.append(read.digest)
        return tuple(read)

    for number, message in enumerate(messages, start=1):
        ledger.merge(message)
        heard = itertools.chain(*messages[:number])
        assert ledger.read(reader) == ledger.read(reader) == tuple(dumb(heard))
    assert all(before != after for before, after in itertools.pairwise(calls))


def test_what_was_read_while_entries_came_is_not_taken_for_what_is_there_after():
    ledger = Ledger()

    def slow(read):
        found = tuple(read)
        if not found:
            read.merge([entry()])  # as if another thread had done it just now
        return found

    assert ledger.read(slow) == ()
    assert ledger.read(slow) == (entry(),)


def test_the_digest_is_the_one_that_other_versions_know():
    """The example of docs/clustering.md, computed once more."""
    drained = Entry(
        "drain|www.example.org|192.0.2.11", Stamp(1795354200000, 0, "10.0.1.1:3333"), "{}", "ann", "new disk"
    )
    paused = Entry("pause", Stamp(1795354200000, 1, "10.0.2.1:3333"), None, "bob")
    ledger = Ledger()
    ledger.merge([drained])
    assert ledger.digest == "108d5df1dd4092c77dc9f505ea8656be"
    ledger.merge([paused])
    assert ledger.digest == "cce2ced25e5df72adfde489d58e6479c"
    ledger.merge([dataclasses.replace(drained, stamp=Stamp(1, 0, "n"))])
    assert ledger.digest == "cce2ced25e5df72adfde489d58e6479c"


def test_a_sum_of_digests_has_no_more_than_128_bits():
    ledger = Ledger()
    for number in range(16):
        ledger.merge([entry(f"drain|a.test|192.0.2.{number}")])
        assert len(ledger.digest) == 32


def test_a_full_ledger_takes_what_comes_after_something_it_has_no_room_for(monkeypatch):
    monkeypatch.setattr(module, "MAX_ENTRIES", 1)
    ledger = Ledger()
    ledger.merge([entry()])
    lifted = entry(stamp=(2, 0, "a"), value=None)
    assert ledger.merge([entry("k"), lifted]) == [lifted]
