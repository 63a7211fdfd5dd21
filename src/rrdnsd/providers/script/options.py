"""Reads what `script` is configured with: one sentence for each mistake, and none of them repeats a secret."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from rrdnsd.errors import ConfigError
from rrdnsd.providers.base import ProviderSpec
from rrdnsd.providers.vendor.options import problem, texts

_KNOWN = ("command", "environment", "local")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Options:
    """`command` is the argument list, `environment` what is added to it; `local`: each node has its own copy."""

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    local: bool


def read(spec: ProviderSpec) -> Options:
    """Check the options.

    Raises:
        ConfigError: one is missing, unknown or wrong.

    """
    unknown = sorted(spec.options.keys() - set(_KNOWN))
    if unknown:
        sentence = f"script does not know this option; known: {', '.join(_KNOWN)}"
        problems = [f"options.{name}: {sentence}" for name in unknown]
        raise ConfigError(spec.name, problems)
    local = spec.options.get("local", False)
    if not isinstance(local, bool):
        raise problem(spec, "options.local", "must be true or false")
    return Options(_command(spec), _environment(spec), local)


def _command(spec: ProviderSpec) -> tuple[str, ...]:
    given = spec.options.get("command")
    words = list(given) if isinstance(given, list | tuple) else []
    if not words or not all(isinstance(word, str) and "\0" not in word for word in words):
        sentence = (
            'must be a list of words, the program first, such as ["/usr/local/bin/update-dns"]; secrets belong into '
            "update_credentials or the option environment, as every user can see arguments"
        )
        raise problem(spec, "options.command", sentence)
    if not words[0].startswith("/"):
        raise problem(spec, "options.command", "must begin with the absolute path of a program")
    return tuple(words)


def _environment(spec: ProviderSpec) -> Mapping[str, str]:
    given = spec.options.get("environment", {})
    if not isinstance(given, Mapping):
        raise problem(
            spec,
            "options.environment",
            'must be an object of names and texts, such as {"TOKEN": "file:token"}',
        )
    for name in given:
        if not _VARIABLE.fullmatch(str(name)) or str(name).startswith("RRDNSD_"):
            sentence = "must be named with letters, digits and _, and not begin with RRDNSD_"
            raise problem(spec, f"options.environment.{name}", sentence)
    try:
        made = texts(given)
    except ValueError as error:
        raise problem(spec, f"options.environment.{error}", "must be text") from None
    wrong = next((name for name, value in made.items() if "\0" in value), None)
    if wrong:
        raise problem(spec, f"options.environment.{wrong}", "holds a zero byte")
    return made
