"""The partition table in docs/clustering.md names a test in each row, and each of these tests exists."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
HERE = "tests/live/netns"
HEADING = "## Partition table"


def rows():
    text = (ROOT / "docs/clustering.md").read_text()
    assert HEADING in text
    section = re.split(r"^## ", text.partition(HEADING)[2], flags=re.MULTILINE)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines[2:]]


ROWS = rows()


def test_the_table_is_there():
    assert len(ROWS) > 10
    assert {len(cells) for cells in ROWS} == {7}


@pytest.mark.parametrize("cells", ROWS, ids=lambda cells: cells[0].strip())
def test_every_row_is_proven_by_tests_that_exist(cells):
    named = re.findall(r"`([^`]+)`", cells[-1])
    assert named
    for name in named:
        path, _, function = name.partition("::")
        file = ROOT / (path if "/" in path else f"{HERE}/{path}")
        assert file.is_file(), name
        tree = ast.parse(file.read_text())
        assert function in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, name


def test_every_test_with_real_nodes_is_in_the_table():
    named = " ".join(cells[-1] for cells in ROWS)
    for file in (ROOT / HERE).glob("test_*.py"):
        if file.name in {Path(__file__).name, "test_namespaces.py"}:
            continue
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                assert f"`{file.name}::{node.name}`" in named
