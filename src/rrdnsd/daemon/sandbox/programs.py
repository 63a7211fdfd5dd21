"""From the configuration to the programs that are run."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote

from rrdnsd.config import Config, plugins
from rrdnsd.daemon.sandbox.machine import Machine

_TOOLS = {"nsupdate": "/usr/bin/nsupdate", "knsupdate": "/usr/bin/knsupdate"}
_CHECKER = "/usr/sbin/nsd-checkzone"
_PLAIN = frozenset({"nsd-checkzone", "named-checkzone", "kzonecheck"})


@dataclass(frozen=True, slots=True)
class Program:
    """A program, and for whom. One that is no `script` is known to run nothing else and to connect nowhere else."""

    words: tuple[str, ...]
    reason: str
    script: bool


def programs(config: Config) -> Iterator[Program]:
    """Give what is run."""
    for provider in config.effective_providers():
        reason = f"provider {provider.name}"
        if provider.method in _TOOLS:
            yield Program((_TOOLS[provider.method],), reason, script=False)
        elif provider.method == "zonefile":
            words = _words(provider.options.get("check")) or (_CHECKER,)
            known = PurePosixPath(words[0]).name in _PLAIN and words[0].startswith("/usr/")
            yield Program(words, reason, script=not known)
        elif provider.method == "script":
            yield Program(_words(provider.options.get("command")), reason, script=True)
    for notifier in config.notifiers:
        if notifier.type == "script":
            yield Program(notifier.command, f"notifier {notifier.called}", script=True)
    yield from _probed(config)
    for path in config.sandbox.execute:
        yield Program((path,), "sandbox.execute", script=True)


def strangers(config: Config, machine: Machine) -> Iterator[str]:
    """Give what is used and not built in, by names; nobody but its author knows what it needs."""
    used = {
        (plugins.PROBES, "probe type", service.healthcheck.partition(":")[0]) for service in config.services
    }
    used |= {(plugins.PROVIDERS, "update method", found.method) for found in config.effective_providers()}
    used |= {(plugins.NOTIFIERS, "notifier", notifier.type) for notifier in config.notifiers}
    for group, kind, name in sorted(used):
        if name not in machine.built_in.get(group, frozenset()):
            yield f"{kind} {name}"


def _probed(config: Config) -> Iterator[Program]:
    seen: set[tuple[str, ...]] = set()
    for service in config.services:
        if service.healthcheck.startswith("script://"):
            words = (unquote(service.healthcheck.removeprefix("script://")), *service.script_args)
            if words not in seen:
                seen.add(words)
                yield Program(words, f"probe of {service.fqdn}", script=True)


def _words(value: object) -> tuple[str, ...]:
    return tuple(str(word) for word in value) if isinstance(value, list | tuple) else ()
