"""From the configuration to the TCP ports that are connected to and listened on, each with the first reason for it."""

import re
from collections.abc import Iterator, Mapping
from typing import cast
from urllib.parse import urlsplit

from pydantic import SecretStr

from rrdnsd.config import Config, host_port
from rrdnsd.config.effective import BUILTIN
from rrdnsd.daemon.sandbox.allowance import Port
from rrdnsd.daemon.sandbox.machine import Machine

COMMON = (
    Port(53, "DNS, always allowed"),
    Port(80, "HTTP, always allowed"),
    Port(443, "HTTPS and vendors' APIs, always allowed"),
)
"""What another service, server or vendor mostly needs that is added while rrdnsd runs."""

_DEFAULTS = {"http": 80, "ws": 80, "https": 443, "wss": 443, "dns": 53}
_MAIL, _MQTT, _XMPP = (25, 465, 587), (1883, 8883), (5222, 5223)
_APPRISE = {"mailto": _MAIL, "mailtos": _MAIL, "mqtt": _MQTT, "mqtts": _MQTT, "xmpp": _XMPP, "xmpps": _XMPP}
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")
_TAIL = re.compile(r":([0-9]{1,5})$")
_LAST = 65_535


def connects(config: Config, machine: Machine) -> tuple[Port, ...]:
    """Return the ports that are connected to."""
    found = {port.number: port for port in COMMON}
    for port in _connects(config, machine):
        found.setdefault(port.number, port)
    return tuple(found[number] for number in sorted(found))


def binds(config: Config, program: str) -> tuple[Port, ...]:
    """Return the ports that are listened on; `program` is the reason why a program is run, "" if none is."""
    found = {host_port(config.local_node)[1]: "local_node"}
    if program:
        # nsupdate binds its end of a connection as well; 0 stands for a port that the kernel chooses.
        found[0] = f"a free port for {program}"
    if any(provider.method == BUILTIN for provider in config.effective_providers()):
        for address in config.builtin_settings.listen:
            found.setdefault(host_port(address)[1], "builtin.listen")
    return tuple(Port(number, reason) for number, reason in sorted(found.items()))


def _connects(config: Config, machine: Machine) -> Iterator[Port]:
    for number in config.sandbox.connect_ports or ():
        yield Port(number, "sandbox.connect_ports")
    for node in config.nodes:
        yield Port(host_port(node)[1], f"node {node}")
    yield from _probes(config)
    yield from _providers(config)
    yield from _notifiers(config)
    for name, value in machine.env.items():
        if name.lower() in _PROXIES:
            yield from _of_url(value, f"the environment variable {name}")


def _probes(config: Config) -> Iterator[Port]:
    seen: set[str] = set()
    for service in config.services:
        for template in (service.healthcheck, service.service_check):
            if template and template not in seen:
                seen.add(template)
                yield from _of_url(template, f"probe of {service.fqdn}")
    for target in config.connectivity_check:
        yield from _of_url(target, "connectivity_check")


def _providers(config: Config) -> Iterator[Port]:
    for provider in config.effective_providers():
        reason = f"provider {provider.name}"
        for _, number in provider.resolvers:
            yield Port(number, reason)
        if provider.method == BUILTIN:
            for address in config.builtin_settings.notify:
                yield Port(host_port(address)[1], "builtin.notify")
        else:
            for text in texts(provider.options):
                yield from _of_text(text, reason)


def _notifiers(config: Config) -> Iterator[Port]:
    for notifier in config.notifiers:
        reason = f"notifier {notifier.called}"
        url = notifier.url.get_secret_value()
        yield from _of_url(url, reason)
        if notifier.type == "apprise":
            for number in _APPRISE.get(url.partition(":")[0].lower(), ()):
                yield Port(number, reason)
        for text in texts(notifier.options):
            yield from _of_text(text, reason)


def texts(value: object) -> Iterator[str]:
    """Give every text of an option, however deep it stands; secrets too, since a URL may hold one."""
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in cast("Mapping[str, object]", value).values():
            yield from texts(inner)
    elif isinstance(value, list | tuple):
        for inner in cast("list[object]", value):
            yield from texts(inner)


def _of_text(text: str, reason: str) -> Iterator[Port]:
    """Read a URL, or an address and port; anything else has no port."""
    if "://" in text:
        yield from _of_url(text, reason)
    elif not text.startswith("/") and " " not in text:
        tail = _TAIL.search(text)
        if tail and 0 < int(tail[1]) <= _LAST:
            yield Port(int(tail[1]), reason)


def _of_url(url: str, reason: str) -> Iterator[Port]:
    try:
        parts = urlsplit(url.replace("{}", "h", 1))
        number = parts.port or _DEFAULTS.get(parts.scheme)
    except ValueError:
        return
    if number:
        yield Port(number, reason)
