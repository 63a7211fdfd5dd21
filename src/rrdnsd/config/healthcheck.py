"""The healthcheck URL template: `scheme://{}[:port][/path][?query]`, `{}` standing for the endpoint.

`[{}]` is understood as `{}`: an IPv6 address gets its brackets by itself, an IPv4 address may have none. The sentences never repeat the whole URL: its query may hold a token.
"""

import re

from rrdnsd.config.text import quote

_TEMPLATE = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<query>\?[^#]*)?(?P<fragment>#.*)?",
)
_UNSAFE = re.compile(r"[^\x21-\x7e]")
_EXAMPLE = '"http://{}:8080/"'
_MAX_PORT = 65535


def canonical(text: str) -> str:
    """Return the template with its scheme in lower case and no brackets around `{}`.

    Raises:
        ValueError: it is not a usable template; the sentence says why and what would be right.

    """
    match = _TEMPLATE.fullmatch(text)
    if not match:
        raise ValueError(f"has no scheme, e.g. {_EXAMPLE}")
    if _UNSAFE.search(text):
        raise ValueError("holds a space or another character that a URL must percent-encode")
    _check_placeholder(text, match["authority"])
    if match["fragment"]:
        raise ValueError('has a fragment ("#..."), which is never sent')
    scheme, port = match["scheme"].lower(), _port(match["authority"])
    rest = match["path"] + (match["query"] or "")
    if scheme == "tcp":
        _check_tcp(port, rest)
    return f"{scheme}://{{}}{'' if port is None else f':{port}'}{rest}"


def scheme_of(template: str) -> str:
    """Return the scheme of a canonical template, which names the probe type."""
    return template.partition(":")[0]


def _check_placeholder(text: str, authority: str) -> None:
    if "{}" not in text:
        raise ValueError(f'has no "{{}}", which stands for the address of the endpoint, e.g. {_EXAMPLE}')
    if "@" in authority:
        raise ValueError("holds a user name or password, give an Authorization header in headers instead")
    if authority.partition(":")[0] not in {"{}", "[{}]"}:
        raise ValueError(f'must have "{{}}" as its host, e.g. {_EXAMPLE}')


def _port(authority: str) -> int | None:
    _, colon, port = authority.partition(":")
    if not colon:
        return None
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= _MAX_PORT:
        raise ValueError(f"the port {quote(port)} is not a number from 1 to {_MAX_PORT}")
    return int(port)


def _check_tcp(port: int | None, rest: str) -> None:
    if port is None:
        raise ValueError('a tcp check needs a port, e.g. "tcp://{}:5432"')
    if rest:
        raise ValueError('a tcp check has no path, e.g. "tcp://{}:5432"')
