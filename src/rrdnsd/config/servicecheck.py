"""The check of a whole service through its published name: `https://www.example.com/healthz`."""

import re

from rrdnsd.config import healthcheck
from rrdnsd.config.names import domain_name
from rrdnsd.config.text import quote

_URL = re.compile(r"(?P<scheme>[A-Za-z]+)://(?P<host>[^/:?#@]+)(?P<rest>[:/?].*)?")
_SCHEMES = frozenset({"http", "https", "tcp", "tls"})


def template(url: str, fqdn: str) -> str:
    """Return the health check template that asks one address of the name as a client would.

    Raises:
        ValueError: it is not a URL of this name; the sentence says what would be right.

    """
    example = f'e.g. "https://{fqdn}/"'
    match = _URL.fullmatch(url)
    if not match or match["scheme"].lower() not in _SCHEMES:
        raise ValueError(f"must be a URL of a client, with http, https, tcp or tls, {example}")
    try:
        host = domain_name(match["host"])
    except ValueError:
        host = ""
    if host != fqdn:
        raise ValueError(f"must ask for the name of the service, not {quote(match['host'])}, {example}")
    return healthcheck.canonical(f"{match['scheme']}://{{}}{match['rest'] or ''}")
