"""Times as people type and read them."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrdnsd.cli.exits import CommandError, Exit
from rrdnsd.cli.times import parse_duration, parse_moment, parse_since, show_duration, show_moment, show_time


@pytest.fixture(autouse=True)
def here(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Oslo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("30m", 1800),
        ("2h", 7200),
        ("1h30m", 5400),
        ("7d", 604_800),
        ("1w", 604_800),
        ("0.5s", 0.5),
    ],
)
def test_durations(text, seconds):
    assert parse_duration(text, "--for") == seconds


@pytest.mark.parametrize(
    "text", ["", "2", "h", "2 h", "-2h", "2H", "1e3s", "0s", "99999999w", "1h 30m", "٣h"]
)
def test_what_is_no_duration(text):
    with pytest.raises(CommandError, match=r"^--for must be ") as caught:
        parse_duration(text, "--for")
    assert caught.value.code is Exit.INVALID


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-05-01T14:00:00Z", 1_777_644_000),
        ("2026-05-01 14:00+02:00", 1_777_636_800),
        ("2026-05-01T14:00", 1_777_636_800),
        ("2026-05-01", 1_777_586_400),
    ],
)
def test_moments_without_an_offset_are_local(text, at):
    assert parse_moment(text, "--until").timestamp() == at


@pytest.mark.parametrize("text", ["", "tomorrow", "14:00", "2026-13-01", "1777636800"])
def test_what_is_no_moment(text):
    with pytest.raises(CommandError, match=r"^--until must be a time like 2"):
        parse_moment(text, "--until")


def test_since_is_a_moment_or_so_long_ago():
    assert parse_since("1h", "--since", 10_000.0) == 6400
    assert parse_since("2026-05-01T14:00:00Z", "--since", 0.0) == 1_777_644_000


def test_local_time_with_the_date_unless_it_is_today():
    at = 1_777_636_800.0
    assert show_moment(at) == "2026-05-01 14:00:00"
    assert show_time(at, at + 3600) == "14:00:00"
    assert show_time(at, at + 86_400) == "2026-05-01 14:00:00"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (-3, "0 s"),
        (55.2, "55 s"),
        (60, "1 min"),
        (75, "1 min 15 s"),
        (7500, "2 h 5 min"),
        (259_200, "3 d"),
    ],
)
def test_how_durations_are_shown(seconds, text):
    assert show_duration(seconds) == text


@given(st.integers(1, 10**7))
def test_a_duration_means_what_it_shows_within_its_smaller_unit(seconds):
    shown = show_duration(seconds).replace(" min", "m").replace(" ", "")
    assert seconds * 0.95 - 1 <= parse_duration(shown, "--for") <= seconds
