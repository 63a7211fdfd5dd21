"""From a health check's URL template to the bytes of an HTTP request (RFC 9110, RFC 9112)."""

import re
from collections.abc import Sequence
from typing import NamedTuple

_TEMPLATE = re.compile(r"([a-z][a-z0-9+.-]*)://(?:\{\}|\[\{\}\])(?::([0-9]+))?([/?][^#]*)?(?:#.*)?", re.ASCII)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_TARGET = re.compile(r"[!-~]*", re.ASCII)
_HIGHEST_PORT = 65_535

DEFAULT_PORTS = {"http": 80, "https": 443}


class Target(NamedTuple):
    """A health check's URL taken apart; `port` is None where the URL names none."""

    scheme: str
    port: int | None
    path: str


def parse_template(template: str) -> Target:
    """Take a URL template apart: `{}` stands where the host would, `[{}]` is taken as well.

    Raises:
        ValueError: one sentence telling what is wrong.

    """
    match = _TEMPLATE.fullmatch(template)
    if match is None:
        raise ValueError(f"{template!r} is not of the form scheme://{{}}:port/path with {{}} for the address")
    scheme, port, path = match.groups()
    if port is not None and not 0 < int(port) <= _HIGHEST_PORT:
        raise ValueError(f"{template!r}: the port must be between 1 and {_HIGHEST_PORT}")
    if not _TARGET.fullmatch(path or ""):
        raise ValueError(
            f"{template!r}: the path may hold only printable ASCII; write other characters as %XX"
        )
    return Target(scheme, int(port) if port else None, path or "/")


def request_path(path: str, address: str) -> str:
    """Return the request target for one endpoint; `{}` may stand in it for the address as well."""
    path = path.replace("{}", f"[{address}]" if ":" in address else address)
    return path if path.startswith("/") else f"/{path}"


def host_header(host: str, scheme: str, port: int) -> str:
    """Return the Host header: the port only where it is not the scheme's own, an IPv6 address in brackets."""
    name = f"[{host}]" if ":" in host else host
    return name if DEFAULT_PORTS.get(scheme) == port else f"{name}:{port}"


def render(method: str, path: str, host: str, headers: Sequence[tuple[str, str]], keep_alive: bool) -> bytes:
    """Write the request. Configured headers take the place of the usual ones of the same name.

    Raises:
        ValueError: one sentence telling which part cannot be sent.

    """
    if not _TOKEN.fullmatch(method):
        raise ValueError(f"method: {method!r} is not an HTTP method")
    lines = [f"{method} {path} HTTP/1.1"]
    given = {name.lower() for name, _ in headers}
    usual = [("Host", host), ("User-Agent", "rrdnsd"), ("Accept", "*/*")]
    if method in {"POST", "PUT", "PATCH"}:
        usual.append(("Content-Length", "0"))
    if not keep_alive:
        usual.append(("Connection", "close"))
    for name, value in headers:
        if not _TOKEN.fullmatch(name):
            raise ValueError(f"headers: {name!r} is not a header name")
        if not value.isprintable():
            raise ValueError(f"headers: the value of {name} holds a line break or control character")
    lines += [f"{name}: {value}" for name, value in usual if name.lower() not in given]
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
