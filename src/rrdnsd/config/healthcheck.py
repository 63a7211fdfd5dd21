"""The healthcheck URL template: `scheme://{}[:port][/path][?query]`, `{}` standing for the endpoint's address.

`[{}]` is understood as `{}`: an IPv6 address gets its brackets by itself, an IPv4 address may have none. A script
has no host: `script:///path`. The sentences never repeat the whole URL: its query may hold a token.
"""

import re

from rrdnsd.config import dnsquestion
from rrdnsd.config.text import quote

_TEMPLATE = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<query>\?[^#]*)?(?P<fragment>#.*)?",
)
_UNSAFE = re.compile(r"[^\x21-\x7e]")
_EXAMPLE = '"http://{}:8080/"'
_EXAMPLES = {
    "tcp": '"tcp://{}:5432"',
    "tls": '"tls://{}:443"',
    "icmp": '"icmp://{}"',
    "heartbeat": '"heartbeat://{}"',
    "grpc": '"grpc://{}:50051/my.package.Service"',
    "grpcs": '"grpcs://{}:443/my.package.Service"',
    "script": '"script:///usr/lib/nagios/plugins/check_ssh"',
}
_WITH_PORT = frozenset({"tcp", "tls", "grpc", "grpcs"})
_WITHOUT_PORT = frozenset({"icmp", "heartbeat"})
_WITHOUT_PATH = frozenset({"tcp", "tls", "icmp", "heartbeat"})
_GRPC = frozenset({"grpc", "grpcs"})
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
    scheme, query = match["scheme"].lower(), match["query"] or ""
    if scheme == "script":
        return _script(match["authority"], match["path"], query, match["fragment"])
    _check_placeholder(text, match["authority"])
    if match["fragment"]:
        raise ValueError('has a fragment ("#..."), which is never sent')
    port = _port(match["authority"])
    _check_parts(scheme, port, match["path"], query)
    if scheme == "dns":
        dnsquestion.parse(match["path"], query)
    return f"{scheme}://{{}}{'' if port is None else f':{port}'}{match['path']}{query}"


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


def _check_parts(scheme: str, port: int | None, path: str, query: str) -> None:
    """Refuse what this scheme has no use for, and the lack of what it needs."""
    example = _EXAMPLES.get(scheme, "")
    kind = f"{'an' if scheme[0] in 'aeiou' else 'a'} {scheme} check"
    if scheme in _WITH_PORT and port is None:
        raise ValueError(f"{kind} needs a port, e.g. {example}")
    if scheme in _WITHOUT_PORT and port is not None:
        raise ValueError(f"{kind} has no port, e.g. {example}")
    if scheme in _WITHOUT_PATH and (path or query):
        raise ValueError(f"{kind} has no path, e.g. {example}")
    if scheme in _GRPC and (query or not re.fullmatch(r"(/[A-Za-z0-9_.-]*)?", path)):
        raise ValueError(f"the path of {kind} is the name of a service, e.g. {example}")


def _script(authority: str, path: str, query: str, fragment: str | None) -> str:
    if authority or query or fragment or "{}" in path or not path.strip("/") or path.endswith("/"):
        raise ValueError(
            f"a script check is an absolute path and nothing else, e.g. {_EXAMPLES['script']}; "
            "what the script is called with is in script_args"
        )
    return f"script://{path}"
