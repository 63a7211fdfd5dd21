"""What operators read when a vendor's API fails. A secret in what the vendor says is struck out."""

import re
import ssl
from collections.abc import Collection, Mapping
from urllib.parse import quote, quote_plus

_LONGEST = 200
_TLS = "its certificate is not trusted here; rrdnsd sends no token to a server that cannot prove its name"
_MEANING = {
    401: "it does not accept the token; check update_credentials",
    402: "the account must be paid for first",
    403: "the token is not allowed to do this; it must be able to read and to change DNS records",
    404: "it does not know what was asked for; check the service's zone",
    429: "too many requests",
}


def unreachable(host: str, error: Exception) -> str:
    """Say why there was no answer at all, or only a part of one."""
    cause = getattr(error, "os_error", None) or getattr(error, "certificate_error", None) or error
    if isinstance(cause, ssl.SSLError | ssl.CertificateError):
        return f"{host}: {_TLS} ({_printable(getattr(cause, 'verify_message', '') or cause.reason or 'TLS')})"
    if isinstance(cause, ConnectionRefusedError):
        return f"{host} refuses TCP connections: it is down, or update_method points to a wrong address"
    name = type(error).__name__
    if "DNS" in name:
        return f"{host}: its name cannot be resolved; check the resolver of this machine"
    if isinstance(cause, ConnectionError) or "Disconnected" in name or "Payload" in name:
        return f"{host} closed the connection before the whole answer had come"
    reason = getattr(cause, "strerror", None)
    return f"{host} cannot be asked: {reason}" if reason else f"{host} cannot be asked ({name})"


def silent(host: str, timeout: float) -> str:
    """Say that time was up."""
    return f"{host} did not answer within {timeout:g} s (update_timeout_ms)"


def still_waiting(host: str, rest: float) -> str:
    """Say that it is not asked, because it wanted to be left alone."""
    return f"{host} had too many requests and is not asked again for another {rest:.0f} s"


def endless(host: str, largest: int) -> str:
    """Say that the answer was too large."""
    return f"{host} answers with more than {largest // 1_048_576} MiB, which is no list of records"


def no_json(host: str, status: int, content_type: str) -> str:
    """Say that something else answered."""
    return (
        f"{host} answers with {_printable(content_type)} instead of JSON (HTTP status {status}): an error page, or "
        "another server than the API"
    )


def refused(host: str, status: int, told: str) -> str:
    """Say that one record was not taken."""
    return f"{host} refuses it (HTTP status {status}{': ' + told if told else ''})"


def failed(host: str, status: int, told: str, wait: float | None) -> str:
    """Say what an HTTP status means that is about everything."""
    meaning = _MEANING.get(status, "")
    if not meaning and status < 400:  # noqa: PLR2004 -- redirects end here
        meaning = "it points to another address, and rrdnsd does not carry the token there"
    if not meaning:
        meaning = "it is in trouble itself" if status >= 500 else "it refuses the request"  # noqa: PLR2004 -- its own
    later = f"; it wants to be left alone for {wait:.0f} s" if wait else ""
    return f"{host} answers HTTP status {status}: {meaning}{' (' + told + ')' if told else ''}{later}"


def said(data: object, secrets: Collection[str] = ()) -> str:
    """Give what the vendor's JSON says of an error, on one line, cut, without secrets."""
    return without(secrets, _printable(_message(data)))[:_LONGEST]


def without(secrets: Collection[str], text: str) -> str:
    """Strike out the secrets, as they are and as they look in a URL."""
    forms = {form for secret in secrets if secret for form in (secret, quote(secret), quote_plus(secret))}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, "***")
    return text


def _message(data: object) -> str:
    if isinstance(data, str):
        return data
    if isinstance(data, list):
        return "; ".join(filter(None, map(_message, data[:3])))
    if isinstance(data, Mapping):
        found = [data.get(key) for key in ("message", "error", "errors", "detail")]
        return ": ".join(filter(None, (_message(value) for value in found if value)))
    return ""


def _printable(text: object) -> str:
    return re.sub(r"[^\x20-\x7e\xa0-\U0010ffff]+", " ", str(text)).strip()[: 4 * _LONGEST]
