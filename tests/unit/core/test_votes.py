"""The vote table against a dumb second one that remembers everything and computes each digest from nothing."""

import hashlib

from hypothesis import given, settings
from hypothesis import strategies as st

from rrdnsd.core.model import EndpointKey, State
from rrdnsd.core.quorum import Ballot
from rrdnsd.core.votes import ServiceVotes, Span, Statement, VoteTable, electorate_digest

NAMES = ("a.test", "b.test", "c.test", "d.test", "e.test")
ADDRESSES = ("192.0.2.1", "192.0.2.2", "2001:db8::1")
NAME, ADDRESS = st.sampled_from(NAMES), st.sampled_from(ADDRESSES)
BALLOT = st.builds(Ballot, st.sampled_from(State), st.sampled_from(["", "timeout"]))
VOTES = st.builds(
    ServiceVotes, NAME, st.sampled_from(["x", "y"]), st.dictionaries(ADDRESS, BALLOT, max_size=3)
)
DISTINCT = st.lists(VOTES, max_size=5, unique_by=lambda votes: votes.service)


def digest_of(services):
    """As docs/clustering.md tells: a sum of hashes, one for each service and one for each vote."""
    total = 0
    for votes in services.values():
        lines = [f"{votes.service}|{votes.definition}||unknown"]
        lines += [
            f"{votes.service}|{votes.definition}|{address}|{ballot.state.value}"
            for address, ballot in votes.ballots.items()
            if ballot.state is not State.UNKNOWN
        ]
        for line in lines:
            total += int.from_bytes(hashlib.blake2b(line.encode(), digest_size=16).digest(), "big")
    return f"{total % 2**128:032x}"


class Dumb:
    def __init__(self):
        self.services = {}

    def put(self, votes):
        self.services[votes.service] = votes

    def drop(self, service):
        self.services = {name: votes for name, votes in self.services.items() if name != service}

    def cast(self, key, ballot):
        old = self.services[key.service]
        self.services[key.service] = ServiceVotes(
            key.service, old.definition, dict(old.ballots) | {key.address: ballot}
        )

    def hear(self, statement):
        told = {votes.service for votes in statement.votes}
        if statement.span:
            after, upto = statement.span.after, statement.span.upto
            inside = [name for name in self.services if name > after and (upto is None or name <= upto)]
            gone = [name for name in inside if name not in told]
            for name in gone:
                self.drop(name)
            told |= set(gone)
        for votes in statement.votes:
            self.put(votes)
        return told


SPAN = st.builds(Span, st.sampled_from(("", *NAMES)), st.none() | NAME)
STATEMENT = st.builds(
    Statement, st.just("n"), st.just(0.0), st.just(""), st.just(""), DISTINCT.map(tuple), st.none() | SPAN
)
STEP = st.one_of(
    st.tuples(st.just("put"), VOTES),
    st.tuples(st.just("drop"), NAME),
    st.tuples(st.just("cast"), st.tuples(st.builds(EndpointKey, NAME, ADDRESS), BALLOT)),
    st.tuples(st.just("hear"), STATEMENT),
)


@settings(max_examples=60)
@given(st.lists(STEP, max_size=25))
def test_it_does_what_the_dumb_one_does(steps):
    table, dumb = VoteTable(), Dumb()
    for what, value in steps:
        match what:
            case "cast":
                if value[0].service not in dumb.services:
                    continue
                table.cast(*value)
                dumb.cast(*value)
            case _:
                assert getattr(table, what)(value) == getattr(dumb, what)(value)
        assert table.digest == digest_of(dumb.services)
        assert {name: table[name] for name in table.services()} == dumb.services
        assert [votes.service for votes in table.page("", 1000)[0]] == sorted(dumb.services)


@settings(max_examples=40)
@given(DISTINCT, st.randoms(use_true_random=False))
def test_the_digest_does_not_depend_on_the_way_there(services, random):
    one, other = VoteTable(), VoteTable()
    for votes in services:
        one.put(votes)
    random.shuffle(services)
    for votes in services:
        other.put(ServiceVotes(votes.service, "first another", {}))
        other.put(votes)
        for address, ballot in votes.ballots.items():
            other.cast(EndpointKey(votes.service, address), Ballot(State.DOWN, "first down"))
            other.cast(EndpointKey(votes.service, address), ballot)
    assert one.digest == other.digest


@settings(max_examples=40)
@given(DISTINCT, VOTES)
def test_every_difference_shows_in_the_digest(services, changed):
    one, other = VoteTable(), VoteTable()
    for votes in services:
        one.put(votes)
        other.put(votes)
    other.put(changed)
    old = one.get(changed.service)

    def seen(votes):
        known = {a: b.state for a, b in votes.ballots.items() if b.state is not State.UNKNOWN}
        return votes.definition, known

    assert (one.digest == other.digest) == (old is not None and seen(old) == seen(changed))


def test_an_empty_table_has_the_digest_zero():
    assert VoteTable().digest == "0" * 32


def test_a_reason_does_not_show_in_the_digest():
    one, other = VoteTable(), VoteTable()
    one.put(ServiceVotes("a.test", "x", {"::1": Ballot(State.DOWN, "timeout after 2 s")}))
    other.put(ServiceVotes("a.test", "x", {"::1": Ballot(State.DOWN, "timeout after 2.1 s")}))
    assert one.digest == other.digest


@settings(max_examples=60)
@given(st.lists(st.integers(0, 12), max_size=30), st.integers(1, 40))
def test_pages_tell_everything_once_and_in_order(sizes, limit):
    table = VoteTable()
    for number, size in enumerate(sizes):
        ballots = {f"192.0.2.{n}": Ballot(State.UP) for n in range(size)}
        table.put(ServiceVotes(f"s{number * 7 % 31:02}.test", "x", ballots))
    told, after = [], ""
    while True:
        votes, span = table.page(after, limit)
        assert span.after == after
        assert all(v.service in span for v in votes)
        assert sum(len(v.ballots) + 1 for v in votes[:-1]) < limit
        told += [v.service for v in votes]
        if span.upto is None:
            break
        assert sum(len(v.ballots) + 1 for v in votes) >= limit
        assert votes
        after = span.upto
    assert told == sorted(table.services())


@settings(max_examples=40)
@given(STATEMENT, st.lists(VOTES, max_size=5))
def test_to_hear_a_statement_twice_changes_nothing_more(statement, before):
    table = VoteTable()
    for votes in before:
        table.put(votes)
    table.hear(statement)
    digest, known = table.digest, {name: table[name] for name in table.services()}
    table.hear(statement)
    assert (table.digest, {name: table[name] for name in table.services()}) == (digest, known)


@given(SPAN, NAME)
def test_a_span_holds_its_upper_and_not_its_lower_end(span, name):
    names = [n for n in NAMES if n > span.after and (span.upto is None or n <= span.upto)]
    assert (name in span) == (name in names)


def test_the_electorate_digest_is_of_the_set_of_nodes():
    assert electorate_digest(["10.0.0.2:1", "10.0.0.1:1"]) == electorate_digest(["10.0.0.1:1", "10.0.0.2:1"])
    assert electorate_digest(["10.0.0.2:1"]) != electorate_digest(["10.0.0.2:2"])
    expected = hashlib.blake2b(b"10.0.0.1:1\n10.0.0.2:1", digest_size=16).hexdigest()
    assert electorate_digest(["10.0.0.2:1", "10.0.0.1:1"]) == expected


def test_a_copy_has_the_same_votes_and_goes_its_own_way():
    table = VoteTable()
    table.put(ServiceVotes("a.test", "x", {"192.0.2.1": Ballot(State.UP)}))
    copy, digest = table.copy(), table.digest
    assert (copy["a.test"], copy.digest) == (table["a.test"], digest)
    copy.drop("a.test")
    assert (table.digest, copy.digest) == (digest, "0" * 32)
    assert [*table.services()] == ["a.test"]


def test_the_digest_before_is_that_of_the_table_without_the_changes():
    table, other = VoteTable(), VoteTable()
    for made in (table, other):
        made.put(ServiceVotes("a.test", "x", {"192.0.2.1": Ballot(State.UP)}))
    other.put(ServiceVotes("b.test", "y", {"192.0.2.1": Ballot(State.DOWN)}))
    assert other.digest_before(other.total - table.total) == table.digest
    assert table.digest_before(table.total) == "0" * 32


def test_a_span_says_nothing_of_what_lies_before_it_and_behind_it():
    table = VoteTable()
    for name in NAMES:
        table.put(ServiceVotes(name, "x", {}))
    said = Statement("n", 0.0, "", "", (), Span("a.test", "c.test"))
    assert table.some(said).keys() == {"b.test", "c.test"}
    assert table.hear(said) == {"b.test", "c.test"}
    assert sorted(table.services()) == ["a.test", "d.test", "e.test"]


def test_rewrites_are_what_is_not_cast():
    table, votes, counts = VoteTable(), ServiceVotes("a.test", "x", {}), []
    for done, what in (
        (table.put, (votes,)),
        (table.put, (votes,)),
        (table.cast, (EndpointKey("a.test", "192.0.2.1"), Ballot(State.DOWN))),
        (table.drop, ("a.test",)),
        (table.drop, ("a.test",)),
        (table.put, (votes,)),
    ):
        done(*what)
        counts.append(table.rewrites)
    assert counts == [1, 2, 2, 3, 3, 4]
