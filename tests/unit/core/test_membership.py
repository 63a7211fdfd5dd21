"""The list of nodes at the start: the file or what was agreed on; and the values that changes are made of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrdnsd.core.membership import Accepted, Change, Record, Round, begin, refusal

A, B, C, D = (f"10.0.0.{number}:3333" for number in range(1, 5))


def kept(nodes, file, version=1):
    """A record of a cluster that began with A, B, C; `file` is what the configuration listed."""
    first = begin((A, B, C), None).record
    promised = Round(2, B)
    accepted = Accepted(promised, Change("add", "10.0.0.9:3333"))
    digest = begin(file, None).record.base
    return Record(first.base, version, tuple(sorted(nodes)), promised, accepted, digest)


def test_a_new_node_begins_with_the_file():
    start = begin((C, B, A), None)
    assert start.record.nodes == (A, B, C)
    assert start.record.version == 0
    assert (start.fresh, start.unsaved, start.notice) == (True, False, "")


def test_while_the_file_stays_what_was_agreed_on_counts():
    record = kept((A, B, C, D), file=(A, B, C))
    start = begin((B, A, C), record)
    assert (start.record, start.fresh, start.unsaved) == (record, False, False)
    assert start.notice == (
        "the nodes are those that were agreed on since the configuration file was written: "
        f"{A}, {B}, {C}, {D} (version 1); the file lists {A}, {B}, {C}"
    )


def test_a_file_that_follows_the_agreement_keeps_the_history():
    record = kept((A, B, C, D), file=(A, B, C))
    followed = begin((A, B, C, D), record)
    assert followed.unsaved
    assert followed.notice == ""
    assert (followed.record.point, followed.record.promised) == (record.point, record.promised)
    again = begin((A, B, C, D), followed.record)
    assert (again.record, again.unsaved) == (followed.record, False)
    later = Record(record.base, 2, (A, B, C), file=followed.record.file)
    assert begin((A, B, C, D), later).record == later


def test_a_file_that_was_edited_by_hand_counts():
    start = begin((A, B), kept((A, B, C, D), file=(A, B, C)))
    assert start.record.nodes == (A, B)
    assert start.record.version == 0
    assert start.record.accepted is None
    assert (start.fresh, start.unsaved) == (False, True)
    assert start.notice == (
        f"`nodes` was edited in the configuration file, which counts: {A}, {B}; "
        f"what was agreed on before is forgotten: {A}, {B}, {C}, {D} (version 1)"
    )


@pytest.mark.parametrize(
    ("change", "fits"),
    [
        (Change("add", D), True),
        (Change("add", A), False),
        (Change("remove", A), True),
        (Change("remove", D), False),
    ],
)
def test_which_changes_fit(change, fits):
    assert change.fits((A, B, C)) is fits
    assert change.holds((A, B, C)) is not fits


def test_the_last_node_cannot_go():
    assert not Change("remove", A).fits((A,))


@given(
    st.sets(st.sampled_from("abcdefg"), min_size=1),
    st.sets(st.sampled_from("abcdefgh")),
    st.sampled_from(["add", "remove"]),
    st.sampled_from("abcdefgh"),
)
def test_a_change_that_is_not_refused_leaves_a_quorum_that_is_heard(nodes, heard, action, node):
    change = Change(action, node)
    if change.fits(nodes):
        after = nodes | {node} if action == "add" else nodes - {node}
        enough = 2 * len(nodes & heard) > len(nodes) and 2 * len(after & heard) > len(after)
        assert (refusal(change, nodes, heard) == "") is enough
        assert change.applied(nodes) == tuple(sorted(after))
