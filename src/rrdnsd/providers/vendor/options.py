"""Checks what a vendor's provider is configured with; no sentence here repeats a secret."""

import ipaddress
import ssl
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from rrdnsd.errors import ConfigError
from rrdnsd.providers.base import ProviderSpec


def problem(spec: ProviderSpec, key: str, sentence: str) -> ConfigError:
    """Make the error for one key."""
    return ConfigError(spec.name, [f"{key}: {sentence}"])


def only(spec: ProviderSpec, known: Collection[str]) -> None:
    """Raise ConfigError for options that this method does not know, and for `update_resolvers`."""
    if spec.resolvers:
        raise problem(spec, "update_resolvers", f"has no meaning for {spec.method}, which asks an HTTP API")
    unknown = sorted(spec.options.keys() - set(known))
    if unknown:
        sentence = f"{spec.method} does not know this option; known: {', '.join(sorted(known))}"
        raise ConfigError(spec.name, [f"options.{name}: {sentence}" for name in unknown])


def token(spec: ProviderSpec, what: str) -> str:
    """Give `update_credentials` as a header can carry it, or raise ConfigError; `what` says what it is."""
    text = spec.credentials.strip()
    if not text:
        raise problem(spec, "update_credentials", f"is required by {spec.method}: {what}")
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise problem(
            spec, "update_credentials", f"holds a character that is part of no token; it must be {what}"
        )
    return text


def base_urls(spec: ProviderSpec, default: str = "", *, plain: bool = False) -> tuple[str, ...]:
    """Give the base URLs of `options.url`, one text or a list of them, without the last slash.

    Unencrypted HTTP is for this machine only, unless `plain` allows it: it shows the token to everybody on the way.

    Raises:
        ConfigError: it is missing, or no URL.

    """
    given = spec.options.get("url", default)
    urls = [given] if isinstance(given, str) else given
    if not isinstance(urls, list | tuple) or not urls or not all(isinstance(url, str) for url in urls):
        raise problem(spec, "options.url", 'must be a URL in quotes, such as "https://192.0.2.1:8443"')
    return tuple(_base_url(spec, str(url), plain=plain) for url in urls)


def tls_context(spec: ProviderSpec) -> ssl.SSLContext | None:
    """Give the context that trusts `options.ca_file` alone, None where the system's authorities are meant.

    Raises:
        ConfigError: the file cannot be read or holds no certificate.

    """
    path = spec.options.get("ca_file")
    if path is None:
        return None
    try:
        return ssl.create_default_context(cafile=str(path))
    except OSError as error:
        why = error.strerror or "it holds no certificate in PEM form"
        raise problem(spec, "options.ca_file", f"cannot be used: {why}") from None


def texts(options: Mapping[str, object]) -> dict[str, str]:
    """Give every option as text, secrets in the clear. Raises ValueError with the name of one that is no text."""
    made = {}
    for name, value in options.items():
        reveal = getattr(value, "get_secret_value", None)
        plain = reveal() if reveal else value
        if isinstance(plain, bool) or not isinstance(plain, str | int):
            raise ValueError(name)  # noqa: TRY004 -- the caller makes a sentence of it
        made[name] = str(plain)
    return made


def _base_url(spec: ProviderSpec, text: str, *, plain: bool) -> str:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in {"http", "https"} or parts.query or parts.fragment or parts.username:
        raise problem(
            spec,
            "options.url",
            "must be http:// or https://, a host and perhaps a port and a path, nothing else",
        )
    if parts.scheme == "http" and not plain and not _is_loopback(host):
        raise problem(spec, "options.url", "must be https://, or everybody on the way could read the token")
    return text.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
