"""Finds the notifiers that are installed: the built-in ones exactly as strangers' (entry points)."""

from importlib.metadata import entry_points
from typing import cast

from rrdnsd.errors import PluginError
from rrdnsd.notifiers.base import Build

GROUP = "rrdnsd.notifiers"
"""The entry point group; the name of an entry point is the `type` of a notifier."""


def find_build(kind: str) -> Build:
    """Give the `build` function of a type of notifier; only its module is imported.

    Raises:
        PluginError: no such type is installed, or its module cannot be imported.

    """
    entry = next(iter(entry_points(group=GROUP, name=kind)), None)
    if entry is None:
        known = ", ".join(sorted({point.name for point in entry_points(group=GROUP)})) or "none"
        raise PluginError(f'the notifier "{kind}" is not installed; known are {known}')
    try:
        build = entry.load()
    except Exception as error:  # a stranger's module may raise anything when it is imported
        why = f"{type(error).__name__}: {error}"
        raise PluginError(f'the notifier "{kind}" ({entry.value}) cannot be loaded: {why}') from error
    if not callable(build):
        raise PluginError(f'the notifier "{kind}" ({entry.value}) is not a function that builds notifiers')
    return cast("Build", build)
