"""Writes what came of a run of all targets into docs/reliability.md, by the means of the benches: PYTHONPATH=tests:bench."""

from pathlib import Path

from machine import host
from report import machine_line, table, write_section

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"


def record(outcomes, seconds):
    """Put the section in the place of that of the last run; `outcomes` holds one for each target, by name."""
    write_section("fuzz", section(outcomes, seconds, machine_line(host())), PAGE)


def section(outcomes, seconds, machine):
    """Return the text of the section."""
    how = (
        f"{_length(seconds)} each (`make fuzz SECONDS={seconds}`), one target after the other, each from its corpus on. Memory that "
        "settles in the first quarter of the time does not grow with the number of inputs."
    )
    head = ("target", "inputs", "found", "memory after a quarter of the time", "at the most")
    rows = [
        (f"`{name}`", f"{one.runs:,}", _found(one), f"{one.warm:.0f} MB", f"{one.peak:.0f} MB")
        for name, one in outcomes.items()
    ]
    return "\n\n".join([machine, how, table(head, rows)])


def _length(seconds):
    return f"{seconds / 60:g} minutes" if seconds >= 60 else f"{seconds} seconds"


def _found(outcome):
    if outcome.clean:
        return "nothing"
    return f"{len(outcome.found)} inputs that break it" if outcome.found else f"it failed ({outcome.status})"
