"""The drawings: figures in, paths out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrdnsd.control.reports import SpanReport
from rrdnsd.web.dashboard import words
from rrdnsd.web.dashboard.shapes import bar, spark, ticks

H = 3600


def seen(start, uptime=1.0, p50=10.0, p90=20.0):
    return SpanReport(start, H, 720, 0, uptime, p50, p90, p90)


def test_a_bar_of_all_kinds():
    made = bar([seen(0), seen(H, 0.5), seen(2 * H, 0.0)], 0, 4 * H, H)
    assert made.whole == "M0 7h4"
    assert made.up == "M4 7h3v7h-3z"
    assert made.down == "M4 0h3v7h-3zM8 0h3v14h-3z"
    assert made.nothing == "M12 13h4"
    assert made.width == 16


def test_a_short_outage_does_not_vanish():
    assert bar([seen(0, 0.99999)], 0, H, H).down == "M0 0h3v2h-3z"


def test_hours_that_are_alike_are_one_stroke():
    assert bar([seen(i * H) for i in range(24)], 0, 24 * H, H).whole == "M0 7h96"


def test_two_points_make_a_line():
    assert spark([seen(0)], 0, 9 * H) is None
    made = spark([seen(0, p50=10, p90=20), seen(H, p50=20, p90=20)], 0, 9 * H)
    assert made.line == "M0 21l240 -19"
    assert made.band == "M0 2l240 0V40H0z"
    assert (made.low_ms, made.high_ms) == (10, 20)


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0, 1e6) | st.none(), st.floats(0, 1)), max_size=60))
def test_drawings_stay_within_their_box(rows):
    spans = [
        seen(i * H, up, ms, ms)
        for i, ms, up in sorted({row[0]: row for row in rows}.values(), key=lambda r: r[0])
    ]
    made = spark(spans, 0, 51 * H)
    if made:
        first, steps = made.line.removeprefix("M").split("l")
        figures = [int(figure) for figure in f"{first} {steps}".split()]
        assert sum(figures[::2]) == 240
        assert all(0 <= sum(figures[1 : 2 + i : 2]) <= 40 for i in range(0, len(figures), 2))
    drawn = bar(spans, 0, 51 * H, H)
    assert drawn.width == 51 * 4


def test_ticks_tell_states_apart_by_their_height():
    paths, width = ticks([["up", "down"], ["drained"], ["strange"]])
    assert paths["up"] == "M0 12h3v8h-3z"
    assert paths["down"] == "M4 0h3v20h-3z"
    assert paths["strange"].startswith("M16 14")
    assert width == 22


@pytest.mark.parametrize(
    ("share", "said"), [(None, "—"), (1, "100 %"), (0.99999, "99.99 %"), (0.5, "50.00 %"), (0, "0.00 %")]
)
def test_a_percentage_never_rounds_an_outage_away(share, said):
    assert words.percent(share) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-3, "0 s"), (59.9, "59 s"), (60, "1 min"), (3600, "1 h"), (7500, "2 h 5 min"), (90000, "1 d")],
)
def test_durations(seconds, said):
    assert words.span(seconds) == said
