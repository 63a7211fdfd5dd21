"""Which probe types, update methods and notifiers are installed, told by their entry points without importing them."""

import sys
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import EntryPoint, distribution, entry_points
from importlib.util import find_spec
from pathlib import Path

PROBES = "rrdnsd.probes"
PROVIDERS = "rrdnsd.providers"
NOTIFIERS = "rrdnsd.notifiers"


def points(group: str) -> tuple[EntryPoint, ...]:
    """Return what the installed packages put into one group. They are read again only where one came or went."""
    return _points(_folders())[group]


def names(group: str) -> tuple[str, ...]:
    """Return the sorted names of one group."""
    return tuple(sorted({point.name for point in points(group)}))


def claims(group: str, name: str) -> tuple[str, ...]:
    """Return what the installed packages put under one name; more than one of them quarrel about it."""
    return tuple(sorted({point.value for point in points(group) if point.name == name}))


def has_module(name: str) -> bool:
    """Tell if a library is installed, without importing it."""
    return find_spec(name) is not None


def built_in() -> dict[str, frozenset[str]]:
    """Return the names that rrdnsd itself registers, by group; every other is a stranger's."""
    points = distribution("rrdnsd").entry_points
    return {
        group: frozenset(point.name for point in points if point.group == group)
        for group in (PROBES, PROVIDERS, NOTIFIERS)
    }


def _folders() -> tuple[tuple[str, int], ...]:
    """Return where packages are found and when one last came or went there, as importlib itself tells it."""
    return tuple((folder, _changed(folder)) for folder in sys.path)


def _changed(folder: str) -> int:
    try:
        return Path(folder).stat().st_mtime_ns
    except OSError:
        return 0


# To read the metadata of every package takes 10 ms, and a start asks for it eight times.
@lru_cache(maxsize=1)
def _points(_folders: tuple[tuple[str, int], ...]) -> Mapping[str, tuple[EntryPoint, ...]]:
    found = entry_points()
    return {group: tuple(found.select(group=group)) for group in (PROBES, PROVIDERS, NOTIFIERS)}
