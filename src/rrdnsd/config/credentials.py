"""Secrets, written into the configuration or referred to as `env:NAME` or `file:PATH`.

No sentence of this file ever holds a secret, only the name of the variable or file it should come from.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LARGEST = 65536


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a configuration may refer to: the folder it lies in and the environment."""

    folder: Path = field(default_factory=Path)
    env: Mapping[str, str] = field(default_factory=dict, repr=False)


def resolve_secret(text: str, around: Surroundings) -> str:
    """Return the secret itself. A file loses its trailing line breaks; a relative one is looked for in
    $CREDENTIALS_DIRECTORY (systemd's LoadCredential=) when that is set, else beside the configuration.

    Raises:
        ValueError: the variable or file is missing, unreadable or empty.

    """
    source, _, name = text.partition(":")
    if source == "env":
        return _from_variable(name, around.env)
    if source == "file":
        return _from_file(name, around)
    return text


def _from_variable(name: str, env: Mapping[str, str]) -> str:
    if not _VARIABLE.fullmatch(name):
        raise ValueError('"env:" must be followed by the name of an environment variable')
    if name not in env:
        raise ValueError(f"the environment variable {name} is not set")
    if not env[name]:
        raise ValueError(f"the environment variable {name} is empty")
    return env[name]


def _from_file(name: str, around: Surroundings) -> str:
    if not name:
        raise ValueError('"file:" must be followed by the path of a file')
    path = Path(around.env.get("CREDENTIALS_DIRECTORY") or around.folder) / name
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "the name is malformed"
        raise ValueError(f"cannot read the file {path}: {why}") from None
    if len(content) > _LARGEST:
        raise ValueError(f"the file {path} is larger than {_LARGEST} bytes, which no secret is")
    try:
        secret = content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError(f"the file {path} is not UTF-8 text") from None
    if not secret:
        raise ValueError(f"the file {path} is empty")
    return secret
