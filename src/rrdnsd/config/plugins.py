"""Which probe types, update methods and notifiers are installed, told by their entry points without importing them."""

from importlib.metadata import entry_points
from importlib.util import find_spec

PROBES = "rrdnsd.probes"
PROVIDERS = "rrdnsd.providers"
NOTIFIERS = "rrdnsd.notifiers"


def names(group: str) -> tuple[str, ...]:
    """Return the sorted names of one group."""
    return tuple(sorted({point.name for point in entry_points(group=group)}))


def claims(group: str, name: str) -> tuple[str, ...]:
    """Return what the installed packages put under one name; more than one of them quarrel about it."""
    return tuple(sorted({point.value for point in entry_points(group=group, name=name)}))


def has_module(name: str) -> bool:
    """Tell if a library is installed, without importing it."""
    return find_spec(name) is not None
