"""The mutants that no test can tell from the real code, each with the reason: what is listed, against what survives."""

import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

LISTED = Path(__file__).with_name("survivors.toml")


@dataclass(frozen=True, order=True)
class Mutant:
    """One small change: `was` and `becomes` are the lines it changes, without their indentation."""

    file: str
    function: str
    was: tuple[str, ...]
    becomes: tuple[str, ...]

    @classmethod
    def of_diff(cls, file: str, function: str, lines: Iterable[str]) -> "Mutant":
        """Take the lines of a diff that begin with `-` or `+`; others are left out."""
        changed = [(line[0], line[1:].strip()) for line in lines if line[:1] in {"-", "+"}]
        sides = (tuple(text for mark, text in changed if mark == side) for side in "-+")
        return cls(file, function, *sides)

    @property
    def diff(self) -> str:
        """The changed lines as the list has them."""
        return "\n".join([*(f"- {text}" for text in self.was), *(f"+ {text}" for text in self.becomes)])


@dataclass(frozen=True)
class Group:
    """Mutants of one function that survive for one reason."""

    file: str
    function: str
    why: str
    mutants: tuple[Mutant, ...]


def listed(path: Path = LISTED) -> tuple[Group, ...]:
    """Read the list."""
    return tuple(_group(**table) for table in tomllib.loads(path.read_text())["equivalent"])


def _group(file: str, function: str, why: str, mutants: Iterable[str]) -> Group:
    made = tuple(Mutant.of_diff(file, function, text.splitlines()) for text in mutants)
    return Group(file, function, why, made)


def unexpected(survived: Counter[Mutant], groups: Iterable[Group]) -> Iterator[str]:
    """Say what is wrong with the list: who survives and is not in it, who is in it and does not survive."""
    expected = Counter(mutant for group in groups for mutant in group.mutants)
    for mutant in sorted((survived - expected).elements()):
        yield f"a test is missing, or a reason in {LISTED.name}:\n{entry(mutant)}"
    for mutant in sorted((expected - survived).elements()):
        yield f"listed, but it does not survive any more: {mutant.file}, {mutant.function}\n{mutant.diff}"


def entry(mutant: Mutant) -> str:
    """Return what the list would have to say of a mutant, for somebody who knows the reason."""
    head = f'[[equivalent]]\nfile = "{mutant.file}"\nfunction = "{mutant.function}"\nwhy = ""\n'
    return f"{head}mutants = [\n'''\n{mutant.diff}\n''',\n]"
