"""Finds the update methods that are installed: the built-in ones exactly as strangers' (entry points)."""

import difflib
from importlib.metadata import EntryPoint
from typing import cast

from rrdnsd.config import plugins
from rrdnsd.errors import PluginError
from rrdnsd.providers.base import Build

GROUP = plugins.PROVIDERS
"""The entry point group; the name of an entry point is the `update_method`."""


def known_methods() -> tuple[str, ...]:
    """Give the names of all installed update methods, sorted."""
    return plugins.names(GROUP)


def find_build(method: str) -> Build:
    """Give the `build` function of an update method; only its module is imported.

    Raises:
        PluginError: no such method is installed, or its module cannot be imported.

    """
    entry = next((point for point in plugins.points(GROUP) if point.name == method), None)
    if entry is None:
        raise PluginError(_unknown(method))
    return _load(entry)


def _load(entry: EntryPoint) -> Build:
    try:
        build = entry.load()
    except Exception as error:  # a stranger's module may raise anything when it is imported
        reason = f"{type(error).__name__}: {error}"
        raise PluginError(
            f'update_method "{entry.name}" ({entry.value}) cannot be loaded: {reason}'
        ) from error
    if not callable(build):
        raise PluginError(
            f'update_method "{entry.name}" ({entry.value}) is not a function that builds providers'
        )
    return cast("Build", build)


def _unknown(method: str) -> str:
    known = known_methods()
    close = difflib.get_close_matches(method, known, n=1)
    hint = f'; did you mean "{close[0]}"?' if close else ""
    return f'update_method "{method}" is not installed; known methods are {", ".join(known) or "none"}{hint}'
