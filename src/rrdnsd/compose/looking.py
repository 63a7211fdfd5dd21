"""Looks at what only plug-ins can tell of a configuration: each `build` is called, and nothing is started.

A mistake is a ConfigError whose sentences begin with the key that is wrong, as it stands in the plug-in's own part of
the file (``options.file: must be ...``). Here they get the place of that part.
"""

import re
from collections.abc import Callable, Collection, Iterator

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

_KEY = re.compile(r"(?P<path>(?P<first>[a-z][a-z0-9_]*)(?:\.[^\s.:\[\]]+|\[[0-9]+\])*): (?P<rest>.+)", re.DOTALL)
_PART = re.compile(r"[^.\[\]]+")
_UPDATE_KEYS = tuple((key,) for key in Config.model_fields if key.startswith("update_"))
_INHERITED = tuple((key,) for key in ServiceConfig.model_fields.keys() & Config.model_fields.keys())

Place = Callable[[str], Loc | None]
"""Gives the place of a key of a plug-in's part of the file; None where there is no such key."""


def look(config: Config) -> Iterator[Problem]:
    """Find what the installed plug-ins say is wrong with their settings; what is not installed is left out."""
    yield from _probes(config)
    yield from _providers(config)
    yield from _notifiers(config)


def provider_place(name: str) -> Place:
    """Give the places of the keys of a provider."""
    if name != DEFAULT_PROVIDER:
        return _inside(("providers", name), ProviderConfig.model_fields)
    own = _inside((), ProviderConfig.model_fields)
    return lambda key: ("update_options",) if key == "options" else own(key)


def problems(error: ConfigError, at: Loc, place: Place, about: tuple[Loc, ...]) -> Iterator[Problem]:
    """Give the sentences of an error with their places in the file; `at` is the plug-in's part of it."""
    for told in error.problems:
        match = _KEY.fullmatch(told)
        found = place(match["first"]) if match else None
        if match is None or found is None:
            yield Problem(at, told, about)
            continue
        _, *inside = _PART.findall(match["path"])
        deeper = tuple(int(part) if part.isdecimal() else part for part in inside)
        yield Problem((*found, *deeper), match["rest"], about)


def _providers(config: Config) -> Iterator[Problem]:
    named = [*config.providers]
    for name in [DEFAULT_PROVIDER, *named] if config.update_method else named:
        zones = tuple(sorted({s.zone for s in config.services if s.provider == name}))
        provider = effective_provider(config, name, zones)
        if provider.method not in plugins.names(plugins.PROVIDERS):
            continue
        names = [service.fqdn for service in config.services if service.provider == name]
        at: Loc = () if name == DEFAULT_PROVIDER else ("providers", name)
        about = _UPDATE_KEYS if name == DEFAULT_PROVIDER else (at,)
        spec = parts.provider_spec(provider, names, None)
        yield from _tried(lambda spec=spec: build_provider(spec), at, provider_place(name), about)


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
            check, key = (
                parts.check_spec(effective, Board()),
                EndpointKey(service.fqdn, service.ipaddrs[0].address),
            )
            yield from _probe(types, check, key, at, _service_place(service, at))
    for index, target in enumerate(config.connectivity_check):
        template, address = connectivity.split(target)
        if template.partition("://")[0] in types.schemes:
            check = CheckSpec(template, host=address, timeout=1.0)
            at = ("connectivity_check", index)
            yield from _probe(types, check, EndpointKey("connectivity_check", address), at, lambda _: None)


def _probe(types: ProbeTypes, check: CheckSpec, key: EndpointKey, at: Loc, place: Place) -> Iterator[Problem]:
    yield from _tried(lambda: build_probe(types, check, key).close(), at, place, (at, *_INHERITED))


def _notifiers(config: Config) -> Iterator[Problem]:
    for index, notifier in enumerate(config.notifiers):
        if notifier.type in plugins.names(plugins.NOTIFIERS):
            at: Loc = ("notifiers", index)
            spec = notifier_spec(notifier)
            place = _inside(at, NotifierConfig.model_fields)
            yield from _tried(lambda spec=spec: build_notifier(spec), at, place, (at,))


def _tried(build: Callable[[], object], at: Loc, place: Place, about: tuple[Loc, ...]) -> Iterator[Problem]:
    try:
        build()
    except ConfigError as error:
        yield from problems(error, at, place, about)
    except PluginError as error:
        yield Problem(at, str(error), about)
    except StartupError:
        return  # about the process that runs the daemon, which may not be this one


def _inside(at: Loc, keys: Collection[str]) -> Place:
    return lambda key: (*at, key) if key in keys else None


def _service_place(service: ServiceConfig, at: Loc) -> Place:
    """Give the places of the keys of a service, or of what it inherits from the top level."""
    own = _inside(at, ServiceConfig.model_fields)
    return lambda key: (key,) if key in Config.model_fields and getattr(service, key, 0) is None else own(key)
