"""Finds the probe types that are installed: the built-in ones exactly as strangers' (entry points)."""

from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint
from typing import cast

from rrdnsd.config import plugins
from rrdnsd.errors import PluginError
from rrdnsd.probes.base import Build

GROUP = plugins.PROBES
"""The entry point group; the name of an entry point is the scheme of a health check's URL."""


class ProbeTypes:
    """The probe types that are installed; made once, since looking for them reads the file system.

    Raises:
        PluginError: two installed packages claim the same scheme.

    """

    def __init__(self, points: Iterable[EntryPoint] | None = None) -> None:
        self._points = _by_scheme(plugins.points(GROUP) if points is None else points)
        self._builders: dict[str, Build] = {}

    @property
    def schemes(self) -> tuple[str, ...]:
        """The known schemes, in order."""
        return tuple(sorted(self._points))

    def builder(self, scheme: str) -> Build:
        """Give the `build` function of a probe type; only its module is imported, and only once.

        Raises:
            PluginError: there is none, or it cannot be loaded.

        """
        if scheme not in self._builders:
            point = self._points.get(scheme)
            if point is None:
                known = ", ".join(self.schemes) or "none"
                raise PluginError(f"no probe type is installed for {scheme}://; known are {known}")
            self._builders[scheme] = _load(point)
        return self._builders[scheme]


def _load(point: EntryPoint) -> Build:
    where = f"the probe type {point.name}:// ({point.value})"
    try:
        build = point.load()
    except Exception as error:  # a stranger's module may raise anything when it is imported
        raise PluginError(f"{where} cannot be loaded: {type(error).__name__}: {error}") from error
    if not callable(build):
        raise PluginError(f"{where} is not a function that builds probes")
    return cast("Build", build)


def _by_scheme(points: Iterable[EntryPoint]) -> Mapping[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for point in points:
        first = found.setdefault(point.name, point)
        if first.value != point.value:
            raise PluginError(
                f"two probe types claim {point.name}://: {first.value} and {point.value}; keep one of them"
            )
    return found
