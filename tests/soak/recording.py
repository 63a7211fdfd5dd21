"""Writes a run into docs/reliability.md with its pictures, by the means of the benches: PYTHONPATH=tests:bench."""

from pathlib import Path

from machine import host
from report import machine_line, write_section
from soak import plot
from soak.report import section

DOCS = Path(__file__).parents[2] / "docs"
TIMELINE, GROWTH = "soak-timeline.svg", "soak-growth.svg"


def record(outcome):
    """Put the section and the pictures in the place of those of the last run."""
    plot.timeline(outcome, DOCS / TIMELINE)
    plot.growth(outcome, DOCS / GROWTH)
    text = section(outcome, machine_line(host()), (TIMELINE, GROWTH))
    write_section("soak", text, DOCS / "reliability.md")
