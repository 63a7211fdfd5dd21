"""Calls the `build` of plug-ins and believes nothing: what they make is looked at, what they raise is told.

Built-in plug-ins get no other treatment than strangers' do.
"""

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar, cast

from rrdnsd.config import plugins
from rrdnsd.core.model import EndpointKey
from rrdnsd.errors import PluginError, RrdnsdError
from rrdnsd.notifiers.base import Notifier, NotifierSpec
from rrdnsd.notifiers.registry import find_build as find_notifier
from rrdnsd.probes.base import CheckSpec, Probe
from rrdnsd.probes.registry import ProbeTypes
from rrdnsd.providers.base import Provider, ProviderSpec
from rrdnsd.providers.registry import find_build as find_provider

P = ParamSpec("P")
T = TypeVar("T")


def build_probe(types: ProbeTypes, check: CheckSpec, key: EndpointKey) -> Probe:
    """Make the probe of one endpoint.

    Raises:
        PluginError: the type is not installed, or does not keep its contract.
        ConfigError: it cannot work with its settings.
        StartupError: it cannot work in this process.

    """
    scheme = check.healthcheck.partition("://")[0]
    what = f"the probe type {scheme}://"
    made = _called(what, types.builder(scheme), check, key)
    needed = ("key", "timeout", "run" if hasattr(made, "run") else "probe", "close")
    _has(what, made, needed)
    return made


def build_provider(spec: ProviderSpec) -> tuple[Provider, ...]:
    """Make the providers of one entry of the configuration.

    Raises:
        PluginError: the method is not installed, or does not keep its contract.
        ConfigError: it cannot work with its settings.
        StartupError: it cannot work in this process.

    """
    what = f'update_method "{spec.method}"'
    _claimed_once(plugins.PROVIDERS, spec.method, what)
    made: object = _called(what, find_provider(spec.method), spec)
    if not isinstance(made, tuple) or not made:
        raise PluginError(
            f"{what} does not keep its contract: build gave {_shown(made)}, not a tuple of providers"
        )
    for provider in made:
        _has(what, provider, ("label", "start", "fetch", "apply", "close"))
    return cast("tuple[Provider, ...]", made)


def build_notifier(spec: NotifierSpec) -> Notifier:
    """Make one notifier.

    Raises:
        PluginError: the type is not installed, or does not keep its contract.
        ConfigError: it cannot work with its settings.
        StartupError: it cannot work in this process.

    """
    what = f'the notifier "{spec.type}"'
    _claimed_once(plugins.NOTIFIERS, spec.type, what)
    made = _called(what, find_notifier(spec.type), spec)
    _has(what, made, ("send",))
    return made


def _claimed_once(group: str, name: str, what: str) -> None:
    claims = plugins.claims(group, name)
    if len(claims) > 1:
        raise PluginError(f"{what} is claimed by {' and by '.join(claims)}; keep one of them")


def _called(what: str, build: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return build(*args, **kwargs)
    except RrdnsdError:
        raise
    except Exception as error:
        # Not the error's own words: they may repeat a secret that the settings hold.
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(frame.filename).name}, line {frame.lineno}"
        raise PluginError(f"{what} has a bug: {type(error).__name__} in {place}") from error


def _has(what: str, made: object, needed: tuple[str, ...]) -> None:
    missing = [name for name in needed if not hasattr(made, name)]
    if missing:
        raise PluginError(f"{what} does not keep its contract: {_shown(made)} lacks {', '.join(missing)}")


def _shown(made: object) -> str:
    return "None" if made is None else f"a {type(made).__name__}"
