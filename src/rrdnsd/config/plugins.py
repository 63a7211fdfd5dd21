"""Which probe types and update methods are installed, told by their entry points without importing them."""

from importlib.metadata import entry_points

PROBES = "rrdnsd.probes"
PROVIDERS = "rrdnsd.providers"


def names(group: str) -> tuple[str, ...]:
    """Return the sorted names of one group."""
    return tuple(sorted({point.name for point in entry_points(group=group)}))
