"""Reads what `zonefile` is configured with: one sentence for each mistake."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rrdnsd.config.addresses import host_port
from rrdnsd.errors import ConfigError
from rrdnsd.providers.base import ProviderSpec, Resolver
from rrdnsd.providers.vendor.options import problem

_KNOWN = ("check", "control", "control_cert", "control_key", "file", "server", "server_cert")
_CHECK = ("/usr/sbin/nsd-checkzone", "{zone}", "{file}")
_CERTIFICATES = ("server_cert", "control_key", "control_cert")
_PLACEHOLDER = re.compile(r"\{(?!zone\})[^}]*\}")


@dataclass(frozen=True, slots=True)
class Kind:
    """What differs between the servers: the first word of a command, and the command."""

    name: str
    magic: str
    reload: str
    socket: str


NSD = Kind("NSD", "NSDCT1", "reload", "/run/nsd/nsd.ctl")
UNBOUND = Kind("Unbound", "UBCT1", "auth_zone_reload", "/run/unbound.ctl")
_KINDS = {"nsd": NSD, "unbound": UNBOUND}


@dataclass(frozen=True, slots=True)
class Options:
    """`control` is the path of a Unix socket or an address; `check` are the words of the checking program.

    `certificates` are the files of `server_cert`, `control_key` and `control_cert`, or none for no TLS.
    """

    kind: Kind
    file: str
    control: str | Resolver
    check: tuple[str, ...] = _CHECK
    certificates: tuple[str, ...] = ()

    def path(self, zone: str) -> Path:
        """Give the file of a zone."""
        return Path(self.file.replace("{zone}", zone))


def read(spec: ProviderSpec) -> Options:
    """Check the options.

    Raises:
        ConfigError: one is missing, unknown or wrong.

    """
    given = spec.options
    unknown = sorted(given.keys() - set(_KNOWN))
    if unknown:
        sentence = f"zonefile does not know this option; known: {', '.join(_KNOWN)}"
        problems = [f"options.{name}: {sentence}" for name in unknown]
        raise ConfigError(spec.name, problems)
    kind = _KINDS.get(str(given.get("server", "")))
    if kind is None:
        raise problem(spec, "options.server", 'must be "nsd" or "unbound": the program that serves the file')
    control = _control(spec, given.get("control", kind.socket))
    return Options(kind, _file(spec), control, _check(spec), _certificates(spec, given, control))


def _file(spec: ProviderSpec) -> str:
    file = spec.options.get("file")
    example = '"/etc/nsd/zones/{zone}.zone"'
    if not isinstance(file, str) or not file.startswith("/"):
        raise problem(spec, "options.file", f"must be the absolute path of the zone file, such as {example}")
    if _PLACEHOLDER.search(file):
        raise problem(spec, "options.file", f"may hold {{zone}} and no other braces, such as {example}")
    if len(spec.zones) > 1 and "{zone}" not in file:
        raise problem(
            spec, "options.file", f"must hold {{zone}}, as there are {len(spec.zones)} zones: {example}"
        )
    return file


def _control(spec: ProviderSpec, value: object) -> str | Resolver:
    if isinstance(value, str) and value.startswith("/"):
        return value
    try:
        return Resolver(*host_port(str(value)))
    except ValueError:
        sentence = 'must be the path of the control socket, or an address such as "127.0.0.1:8952"'
        raise problem(spec, "options.control", sentence) from None


def _check(spec: ProviderSpec) -> tuple[str, ...]:
    value = spec.options.get("check", _CHECK)
    words = list(value) if isinstance(value, list | tuple) else []
    if not words or not all(isinstance(word, str) for word in words) or not words[0].startswith("/"):
        sentence = 'must be a list of words: the absolute path of a program, and its arguments with "{zone}" and "{file}"'
        raise problem(spec, "options.check", sentence)
    if not any("{file}" in word for word in words):
        raise problem(spec, "options.check", 'must hold "{file}", which becomes the file to be checked')
    return tuple(words)


def _certificates(
    spec: ProviderSpec, given: Mapping[str, object], control: str | Resolver
) -> tuple[str, ...]:
    paths = [given.get(name) for name in _CERTIFICATES]
    if not any(paths):
        return ()
    if isinstance(control, str):
        raise problem(spec, "options.control", "is a Unix socket, which has no certificates: leave them out")
    for name, path in zip(_CERTIFICATES, paths, strict=True):
        if not isinstance(path, str) or not path:
            raise problem(
                spec, f"options.{name}", f"must be a file: {', '.join(_CERTIFICATES)} belong together"
            )
    return tuple(str(path) for path in paths)
