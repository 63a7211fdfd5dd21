import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrdnsd.core.model import State
from rrdnsd.core.quorum import Ballot, Outcome, decide, explain, is_divided, quorum, tally

UP, DOWN, NONE = Ballot(State.UP), Ballot(State.DOWN, "connection refused"), Ballot(State.UNKNOWN)


def test_quorum_is_a_majority_of_the_configured_nodes():
    assert [quorum(n) for n in range(1, 8)] == [1, 2, 2, 3, 3, 4, 4]


@pytest.mark.parametrize("nodes", range(1, 8))
def test_tally_matches_trying_every_way_the_missing_could_vote(nodes):
    for yes, no in itertools.product(range(nodes + 1), repeat=2):
        if yes + no > nodes:
            continue
        missing = nodes - yes - no
        futures = {(yes + more) * 2 > nodes for more in range(missing + 1)}
        expected = (
            Outcome.WON if futures == {True} else Outcome.LOST if futures == {False} else Outcome.PENDING
        )
        assert tally(yes, no, nodes) is expected, (yes, no)


@given(st.lists(st.sampled_from([UP, DOWN, NONE]), max_size=9), st.integers(0, 4))
def test_only_a_true_majority_of_all_nodes_decides(cast, silent):
    nodes = len(cast) + silent
    if not nodes:
        return
    decided = decide({str(i): ballot for i, ballot in enumerate(cast)}, nodes)
    ups, downs = cast.count(UP), cast.count(DOWN)
    assert decided == ("up" if 2 * ups > nodes else "down" if 2 * downs > nodes else "unknown")


def test_one_node_is_its_own_quorum():
    assert decide({"a": DOWN}, 1) is State.DOWN
    assert decide({}, 1) is State.UNKNOWN
    assert explain(State.DOWN, {"a": DOWN}, 1) == "down: connection refused"
    assert explain(State.UP, {"a": UP}, 1) == "up"


def test_the_sentence_names_the_majority_and_the_dissenter():
    ballots = {"10.0.0.1": DOWN, "10.0.0.2": DOWN, "10.0.0.3": UP}
    assert (
        explain(State.DOWN, ballots, 3) == "down: 2 of 3 nodes report connection refused; 10.0.0.3 reports up"
    )


def test_the_sentence_without_a_quorum():
    assert explain(State.UNKNOWN, {}, 3) == "no quorum: none of 3 nodes has voted"
    ballots = {"a": UP, "b": Ballot(State.UNKNOWN, "own link is down")}
    assert explain(State.UNKNOWN, ballots, 3) == (
        "no quorum: 1 of 3 nodes reports nothing (own link is down); a reports up"
    )


def test_the_sentence_of_who_has_not_said_much():
    assert explain(State.UNKNOWN, {}, 1) == "unknown"
    ballots = {"a": Ballot(State.UNKNOWN), "b": Ballot(State.UP, "fast"), "c": Ballot(State.DOWN)}
    assert (
        explain(State.UNKNOWN, ballots, 3)
        == "no quorum: 1 of 3 nodes reports down; a reports nothing yet; b reports up"
    )


@pytest.mark.parametrize("nodes", range(1, 6))
def test_votes_are_divided_once_a_quorum_of_nodes_has_taken_sides(nodes):
    for cast in itertools.product([UP, DOWN, NONE, None], repeat=nodes):
        ballots = {str(number): ballot for number, ballot in enumerate(cast) if ballot}
        assert is_divided(ballots, nodes) is (2 * (cast.count(UP) + cast.count(DOWN)) > nodes)


def test_the_sentence_about_two_who_vote_or_one():
    assert explain(State.UP, {"a": UP, "b": UP}, 2) == "up: 2 of 2 nodes report up"
    assert explain(State.UNKNOWN, {"a": UP}, 2, "voters") == "no quorum: 1 of 2 voters reports up"
    assert explain(State.UP, {"a": UP}, 1, "voters") == "up: a, the only voter, reports up"
