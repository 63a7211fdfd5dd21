"""Which probe types, update methods and notifiers are installed, told by their entry points without importing them."""

from importlib.metadata import distribution, entry_points
from importlib.util import find_spec

PROBES = "rrdnsd.probes"
PROVIDERS = "rrdnsd.providers"
NOTIFIERS = "rrdnsd.notifiers"


def names(group: str) -> tuple[str, ...]:
    """Return the sorted names of one group."""
    (found,) = names_of(group)
    return found


def names_of(*groups: str) -> tuple[tuple[str, ...], ...]:
    """Return the sorted names of each group; all packages are read once for that, which takes its time."""
    points = entry_points()
    return tuple(tuple(sorted(points.select(group=group).names)) for group in groups)


def claims(group: str, name: str) -> tuple[str, ...]:
    """Return what the installed packages put under one name; more than one of them quarrel about it."""
    return tuple(sorted({point.value for point in entry_points(group=group, name=name)}))


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
