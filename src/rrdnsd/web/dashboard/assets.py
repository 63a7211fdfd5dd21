"""The files that pages refer to: their names carry a digest, so browsers keep them for a year."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file."""

    content: bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Assets:
    """All files. `names` leads from a plain name (dash.css) to the one with the digest, `found` from that to the file."""

    names: Mapping[str, str]
    found: Mapping[str, Asset]


def read_assets() -> Assets:
    """Read the files from the package."""
    names, found = {}, {}
    for path in (files(__package__) / "static").iterdir():
        stem, _, ending = path.name.rpartition(".")
        if ending in TYPES:
            content = path.read_bytes()
            digest = hashlib.blake2b(content, digest_size=5).hexdigest()
            names[path.name] = f"{stem}.{digest}.{ending}"
            found[names[path.name]] = Asset(content, TYPES[ending])
    return Assets(names, found)
