"""The list of mutants that survive: whether it is about code that is still there, and what the program says of it."""

import ast
from collections import Counter

import pytest

from mutation.run import CORE, ROOT
from mutation.survivors import Group, Mutant, entry, listed, unexpected

GROUPS = listed()


def sources(tree, inside=""):
    """The functions of a module by name, those of classes by both names."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield from sources(node, f"{node.name}.")
        elif isinstance(node, ast.FunctionDef):
            yield inside + node.name, (node.lineno, node.end_lineno)


@pytest.mark.parametrize("file", sorted({group.file for group in GROUPS}))
def test_each_survivor_is_a_change_of_code_that_is_there_and_has_a_reason(file):
    text = (ROOT / CORE / file).read_text()
    lines, functions = text.splitlines(), dict(sources(ast.parse(text)))
    for group in GROUPS:
        if group.file == file:
            first, last = functions[group.function]
            code = [line.strip() for line in lines[first - 1 : last]]
            assert len(group.why) > 10, group
            assert group.mutants, group
            for mutant in group.mutants:
                assert mutant.was, mutant
                assert mutant.was != mutant.becomes, mutant
                assert set(mutant.was) <= set(code), mutant


ONE = Mutant.of_diff("a.py", "f", ["@@ -1 +1 @@", "-    return 1", "+    return 2", "     pass"])
OTHER = Mutant("a.py", "f", ("return 1",), ("return 3",))


def test_a_mutant_is_known_by_the_lines_it_changes():
    assert (ONE.was, ONE.becomes) == (("return 1",), ("return 2",))
    assert Mutant.of_diff("a.py", "f", ONE.diff.splitlines()) == ONE


def test_who_survives_and_is_not_listed_is_told_and_who_is_listed_and_does_not():
    group = Group("a.py", "f", "nobody asks", (ONE,))
    assert [*unexpected(Counter([ONE]), [group])] == []
    (missing,) = unexpected(Counter([ONE, OTHER]), [group])
    assert entry(OTHER) in missing
    (gone,) = unexpected(Counter(), [group])
    assert gone.startswith("listed, but it does not survive any more: a.py, f")


def test_two_mutants_alike_are_two():
    group = Group("a.py", "f", "nobody asks", (ONE,))
    assert len([*unexpected(Counter([ONE, ONE]), [group])]) == 1
