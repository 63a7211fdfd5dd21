"""Every name that the original documents has its place in docs/migration.md, and what is called the same is there."""

import json
import re
from pathlib import Path

import pytest

import rrdnsd
from rrdnsd.metrics import names

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "migration.md").read_text()
ROWS = [row.split(" | ") for row in PAGE.splitlines() if row.startswith("| ")]
SOURCES = "".join(path.read_text() for path in Path(rrdnsd.__file__).parent.rglob("*.py"))


def keys(made):
    for key, value in made.items():
        yield key
        for inner in value if isinstance(value, list) else ():
            if isinstance(inner, dict):
                yield from keys(inner)


ORIGINAL = {key for key in keys(json.loads((ROOT / "examples" / "rrdnsd.json").read_text())) if key[0] != "_"}
OTHERS = {"CONF", "LOCAL_NODE", "RUST_BACKTRACE", "/etc/rrdnsd.json", "POST /quorum/v1/*", "GET /dash"}
STATS = {stat.name for stat in names.stats()}


@pytest.mark.parametrize("name", sorted(ORIGINAL | OTHERS | STATS | {"GET /health", "POST /api/v1/*"}))
def test_every_name_of_the_original(name):
    rows = [row for row in ROWS if f"`{name}`" in row[0]]
    assert rows
    assert {row[1].strip(" |") for row in rows} <= {"same", "better", "different"}


def test_log_lines_that_are_called_the_same_are_written():
    lines = [row[0] for row in ROWS if re.match(r"\| `\[\w+\] ", row[0]) and row[1] == "same"]
    assert len(lines) > 2
    for line in lines:
        assert f'"{line.strip("| `").removesuffix("...")}' in SOURCES
