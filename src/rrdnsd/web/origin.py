"""Keeps pages of other sites out: cross-origin writes, and reads under a name that is not this node's (DNS rebinding)."""

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from rrdnsd.config.names import is_ip

_OWN_SITES = {"same-origin", "none"}


def foreign_origin(headers: Headers) -> bool:
    """Tell if a browser sends this for a page of another origin (Fetch Metadata, and RFC 6454 for older ones)."""
    site = headers.get("sec-fetch-site")
    if site is not None and site not in _OWN_SITES:
        return True
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower()


def foreign_host(headers: Headers, names: Collection[str]) -> str | None:
    """Return the name that a request was sent to if it is no address of a machine, nor one of the names that are ours.

    A page of another site reaches this node under its own name only, which it lets point here. Names without a
    Host header or with a malformed one come from no browser.
    """
    shown = headers.get("host", "")
    name = _host(shown)
    if not name or is_ip(name) or name == "localhost" or name in names:
        return None
    return shown if shown.isprintable() else "another name"


def _host(shown: str) -> str:
    try:
        return (urlsplit(f"//{shown}").hostname or "").removesuffix(".")
    except ValueError:
        return ""
