"""Looks at what only plug-ins can tell of a configuration: each `build` is called, and nothing is started.

A mistake is a ConfigError whose sentences begin with the key that is wrong, as it stands in the plug-in's own part of
the file (``options.file: must be ...``). Here they get the place of that part.
"""

import re
from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import NamedTuple

from rrdnsd.compose import parts
from rrdnsd.compose.building import build_notifier, build_probe, build_provider
from rrdnsd.compose.telling import notifier_spec
from rrdnsd.config import Config, connectivity, plugins
from rrdnsd.config.effective import DEFAULT_PROVIDER, effective_provider
from rrdnsd.config.problem import Loc, Problem
from rrdnsd.config.schema import NotifierConfig, ProviderConfig, ServiceConfig
from rrdnsd.core.model import EndpointKey
from rrdnsd.errors import ConfigError, PluginError, StartupError
from rrdnsd.probes.base import CheckSpec
from rrdnsd.probes.heartbeat import Board
from rrdnsd.probes.registry import ProbeTypes
from rrdnsd.probes.runner import close

_KEY = re.compile(
    r"(?P<path>(?P<first>[a-z][a-z0-9_]*)(?:\.[^\s.:\[\]]+|\[[0-9]+\])*): (?P<rest>.+)", re.DOTALL
)
_PART = re.compile(r"[^.\[\]]+")
_UPDATE_KEYS = tuple((key,) for key in Config.model_fields if key.startswith("update_"))
_INHERITED = tuple((key,) for key in ServiceConfig.model_fields.keys() & Config.model_fields.keys())

Place = Callable[[str], Loc | None]
"""Gives the place of a key of a plug-in's part of the file; None where there is no such key."""


class Part(NamedTuple):
    """The part of the file that is a plug-in's: where it is, the key that chooses the plug-in, and all it consists of."""

    at: Loc
    kind: Loc
    place: Place
    whole: tuple[Loc, ...]


def look(config: Config) -> Iterator[Problem]:
    """Find what the installed plug-ins say is wrong with their settings; what is not installed is left out."""
    yield from _probes(config)
    yield from _providers(config)
    yield from _notifiers(config)


def _provider_place(name: str) -> Place:
    """Give the places of the keys of a provider."""
    if name != DEFAULT_PROVIDER:
        return _inside(("providers", name), ProviderConfig.model_fields)
    own = _inside((), ProviderConfig.model_fields)
    return lambda key: ("update_options",) if key == "options" else own(key)


def problems(error: ConfigError, part: Part) -> Iterator[Problem]:
    """Give the sentences of an error with their places in the file."""
    for told in error.problems:
        match = _KEY.fullmatch(told)
        found = part.place(match["first"]) if match else None
        if match is None or found is None:
            yield Problem(part.at, told, part.whole)
            continue
        _, *inside = _PART.findall(match["path"])
        deeper = tuple(int(name) if name.isdecimal() else name for name in inside)
        yield Problem((*found, *deeper), match["rest"], (part.kind,))


def _providers(config: Config) -> Iterator[Problem]:
    installed = plugins.names(plugins.PROVIDERS)
    named = [name for name in config.providers if name != DEFAULT_PROVIDER]
    for name in [DEFAULT_PROVIDER, *named] if config.update_method else named:
        zones = tuple(sorted({s.zone for s in config.services if s.provider == name}))
        provider = effective_provider(config, name, zones)
        if provider.method not in installed:
            continue
        names = [service.fqdn for service in config.services if service.provider == name]
        at: Loc = () if name == DEFAULT_PROVIDER else ("providers", name)
        whole = _UPDATE_KEYS if name == DEFAULT_PROVIDER else (at,)
        part = Part(at, (*at, "update_method"), _provider_place(name), whole)
        yield from _tried(partial(build_provider, parts.provider_spec(provider, names, None)), part)


def _probes(config: Config) -> Iterator[Problem]:
    try:
        types = ProbeTypes()
    except PluginError as error:
        yield Problem((), str(error))
        return
    for index, service in enumerate(config.services):
        effective = config.effective(service)
        if effective.scheme in types.schemes:
            at: Loc = ("services", index)
            key = EndpointKey(service.fqdn, service.ipaddrs[0].address)
            part = Part(at, (*at, "healthcheck"), _service_place(service, at), (at, *_INHERITED))
            yield from _tried(partial(_probe, types, parts.check_spec(effective, Board()), key), part)
    for index, target in enumerate(config.connectivity_check):
        template, address = connectivity.split(target)
        if template.partition("://")[0] in types.schemes:
            at = ("connectivity_check", index)
            key = EndpointKey("connectivity_check", address)
            check = CheckSpec(template, host=address, timeout=1.0)
            yield from _tried(partial(_probe, types, check, key), Part(at, at, lambda _: None, (at,)))


def _probe(types: ProbeTypes, check: CheckSpec, key: EndpointKey) -> None:
    close(build_probe(types, check, key))


def _notifiers(config: Config) -> Iterator[Problem]:
    installed = plugins.names(plugins.NOTIFIERS)
    for index, notifier in enumerate(config.notifiers):
        if notifier.type in installed:
            at: Loc = ("notifiers", index)
            part = Part(at, (*at, "type"), _inside(at, NotifierConfig.model_fields), (at,))
            yield from _tried(partial(build_notifier, notifier_spec(notifier)), part)


def _tried(build: Callable[[], object], part: Part) -> Iterator[Problem]:
    try:
        build()
    except ConfigError as error:
        yield from problems(error, part)
    except PluginError as error:
        yield Problem(part.at, str(error), part.whole)
    except StartupError:
        return  # about the process that runs the daemon, which may not be this one


def _inside(at: Loc, keys: Collection[str]) -> Place:
    return lambda key: (*at, key) if key in keys else None


def _service_place(service: ServiceConfig, at: Loc) -> Place:
    """Give the places of the keys of a service, or of what it inherits from the top level."""
    own = _inside(at, ServiceConfig.model_fields)
    return lambda key: (key,) if key in Config.model_fields and getattr(service, key, 0) is None else own(key)
