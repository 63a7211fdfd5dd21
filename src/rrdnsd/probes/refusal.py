"""Why a certificate is refused, told in words that need a second look at it: OpenSSL says only that it was."""

import ssl
from collections.abc import Generator
from typing import NamedTuple

from rrdnsd.errors import ConfigError
from rrdnsd.probes.base import WRITE, CheckSpec, DeadlineExceeded, Wait
from rrdnsd.probes.certificate import Certificate, parse
from rrdnsd.probes.link import SocketAddress, check_connected, open_socket
from rrdnsd.probes.tls import (
    TlsContext,
    TlsStream,
    days_until,
    explain_refusal,
    needs_certificate,
    tls_context,
)

NO_MATTER = -100_000
"""Days that every certificate lasts."""


class Refusal(NamedTuple):
    """Why the certificate was refused last time; one that was `seen` need not be fetched again to say so."""

    verify_code: int
    reason: str
    cert_days: int | None
    seen: bool


def look_again(
    error: ssl.SSLCertVerificationError,
    known: Refusal | None,
    address: SocketAddress,
    unchecked: TlsContext | None,
    host: str,
) -> Generator[Wait, int, Refusal]:
    """Explain the refusal, from a second look at the certificate where that is needed and tells something new."""
    if known is not None and known.verify_code == error.verify_code:
        return known
    seen = (yield from _look(address, unchecked, host)) if unchecked and needs_certificate(error) else None
    days = None if seen is None else days_until(seen.not_after)
    return Refusal(error.verify_code, explain_refusal(error, host, seen), days, seen is not None)


def soon_expired(cert_days: int | None, least: int) -> str:
    """Say that a certificate does not last for so many days; "" if it does."""
    if cert_days is None or cert_days >= least:
        return ""
    return f"certificate expires in {cert_days} {'day' if cert_days == 1 else 'days'}, at least {least} are wanted"


def least_days(spec: CheckSpec) -> int:
    """Return for how many days a certificate must be valid; any number where it is not verified at all."""
    days = spec.options.get("min_cert_days", 0)
    return days if spec.verify_tls and isinstance(days, int) else NO_MATTER


def trusting(spec: CheckSpec, service: str) -> TlsContext:
    """Return what a service's certificates are checked with.

    Raises:
        ConfigError: the CA file or the name cannot be used.

    """
    try:
        context = tls_context(spec.verify_tls, spec.ca_file)
        context.check_host(spec.host)
    except ssl.SSLError as error:
        raise ConfigError(service, [f"ca_file: {spec.ca_file} holds no usable certificate"]) from error
    except OSError as error:
        raise ConfigError(service, [f"ca_file: cannot read {spec.ca_file}: {error.strerror}"]) from error
    except ValueError as error:
        raise ConfigError(service, [str(error)]) from error
    return context


def _look(
    address: SocketAddress, unchecked: TlsContext, host: str
) -> Generator[Wait, int, Certificate | None]:
    """Fetch the server's certificate without believing it; None if that fails."""
    try:
        sock = open_socket(address)
        try:
            check_connected(sock, (yield sock, WRITE))
            stream = TlsStream(sock, unchecked, host)
            yield from stream.handshake()
            return parse(stream.peer_certificate() or b"")
        finally:
            sock.close()
    except (DeadlineExceeded, OSError, ValueError):
        return None
