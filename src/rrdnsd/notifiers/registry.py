"""Finds the notifiers that are installed: the built-in ones exactly as strangers' (entry points)."""

from typing import cast

from rrdnsd.config import plugins
from rrdnsd.errors import PluginError
from rrdnsd.notifiers.base import Build

GROUP = plugins.NOTIFIERS
"""The entry point group; the name of an entry point is the `type` of a notifier."""


def find_build(kind: str) -> Build:
    """Give the `build` function of a type of notifier; only its module is imported.

    Raises:
        PluginError: no such type is installed, or its module cannot be imported.

    """
    entry = next((point for point in plugins.points(GROUP) if point.name == kind), None)
    if entry is None:
        known = ", ".join(plugins.names(GROUP)) or "none"
        raise PluginError(f'the notifier "{kind}" is not installed; known are {known}')
    try:
        build = entry.load()
    except Exception as error:  # a stranger's module may raise anything when it is imported
        why = f"{type(error).__name__}: {error}"
        raise PluginError(f'the notifier "{kind}" ({entry.value}) cannot be loaded: {why}') from error
    if not callable(build):
        raise PluginError(f'the notifier "{kind}" ({entry.value}) is not a function that builds notifiers')
    return cast("Build", build)
