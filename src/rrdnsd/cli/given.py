"""What the options of `rrdnsd init` say."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Given:
    """What the options say; None and empty lists are what is asked."""

    output: Path
    services: Sequence[str] = ()
    zone: str | None = None
    method: str | None = None
    servers: Sequence[str] = ()
    key_file: Path | None = None
    key_env: str | None = None
    new_key: str | None = None
    no_key: bool = False
    options: Sequence[str] = ()
    healthchecks: Sequence[str] = ()
    addresses: Sequence[str] = ()
    ttl: int | None = None
    local_node: str | None = None
    nodes: Sequence[str] = ()
    cluster_secret_file: Path | None = None
