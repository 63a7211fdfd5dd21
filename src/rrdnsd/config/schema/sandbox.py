"""What the process may do once it runs, beside what the rest of the configuration needs."""

from typing import Annotated

from pydantic import AfterValidator, Field

from rrdnsd.config import values as v
from rrdnsd.config.schema.keys import Keys, text_default
from rrdnsd.config.text import quote


def _absolute(text: str) -> str:
    if not text.startswith("/") or "\0" in text:
        raise ValueError(f'must be an absolute path such as "/var/lib/rrdnsd", got {quote(text)}')
    return text.rstrip("/") or "/"


Port = Annotated[int, Field(ge=1, le=65_535)]
AbsolutePath = Annotated[str, AfterValidator(_absolute)]


class SandboxConfig(Keys):
    """The sandbox in the process: Landlock, seccomp and dropped capabilities, see [security.md](security.md)."""

    enabled: bool = Field(default=True, description="Whether rrdnsd locks itself in when it starts.")
    connect_ports: v.ListOf[Port] | None = Field(
        default=None,
        description="TCP ports that may be connected to, beside 53, 80, 443 and those that the configuration names.",
        json_schema_extra=text_default("none; any port where a script or a stranger's plug-in is in use"),
    )
    read: v.ListOf[AbsolutePath] = Field(
        default=(), description="Files and folders that a script or plug-in reads as well."
    )
    write: v.ListOf[AbsolutePath] = Field(
        default=(), description="Files and folders that a script or plug-in reads and writes as well."
    )
    execute: v.ListOf[AbsolutePath] = Field(
        default=(), description="Programs, or folders of them, that a script or plug-in runs as well."
    )


def as_object(value: object) -> object:
    """Understand `true` and `false` as the object that they stand for."""
    return {"enabled": value} if isinstance(value, bool) else value
