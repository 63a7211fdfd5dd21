"""TLS over a non-blocking socket: OpenSSL between two memory buffers, the socket read and written here.

Measured cheaper than an SSLSocket, which asks the kernel several questions at its birth; and the end of
the handshake travels in one segment with the request.
"""

import ssl
import time
from collections.abc import Generator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from socket import SocketType

from rrdnsd.probes.base import READ, WRITE, Wait
from rrdnsd.probes.certificate import Certificate, parse
from rrdnsd.probes.link import CHUNK, send_some

_ENCRYPTED_LIMIT = 1024 * 1024
_DAY = 86_400
_KNOWN_CERTIFICATES = 64


class TlsContext:
    """What all connections of one trust setting share: OpenSSL's context, and when certificates expire."""

    __slots__ = ("_expiry", "ssl")

    def __init__(self, verify: bool, ca_file: str | None) -> None:
        self.ssl = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if not verify:
            self.ssl.check_hostname = False
            self.ssl.verify_mode = ssl.CERT_NONE
        elif ca_file is None:
            self.ssl.load_default_certs()
        else:
            self.ssl.load_verify_locations(cafile=ca_file)
            # A file that names just the server's own certificate, or an intermediate one, is meant.
            self.ssl.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        self._expiry: dict[bytes, float] = {}

    def days_left(self, der: bytes) -> int | None:
        """Whole days until this certificate expires, negative afterwards; None if it cannot be read."""
        expiry = self._expiry.get(der)
        if expiry is None:
            try:
                expiry = parse(der).not_after
            except ValueError:
                return None
            if len(self._expiry) >= _KNOWN_CERTIFICATES:
                self._expiry.clear()
            self._expiry[der] = expiry
        return days_until(expiry)

    def check_host(self, host: str) -> None:
        """Raise ValueError for a name that cannot be asked for."""
        try:
            self.ssl.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=host)
        except (ValueError, OSError) as error:
            raise ValueError(f"host: {host!r} cannot be the name of a TLS server: {error}") from error


def days_until(moment: float) -> int:
    """Whole days from now until this time (seconds since the epoch), negative if it has passed."""
    return int((moment - time.time()) // _DAY)


def tls_context(verify: bool, ca_file: str | None) -> TlsContext:
    """Share one context among all endpoints of the same trust setting; a changed CA file makes a new one.

    Raises:
        OSError: the CA file cannot be read (ssl.SSLError: or holds no certificate).

    """
    changed = Path(ca_file).stat().st_mtime_ns if verify and ca_file else 0
    return _shared_context(verify, ca_file if verify else None, changed)


@lru_cache(maxsize=64)
def _shared_context(verify: bool, ca_file: str | None, _changed: int) -> TlsContext:
    return TlsContext(verify, ca_file)


class TlsStream:
    """TLS on a connected socket, for one server name."""

    __slots__ = (
        "_context",
        "_drained",
        "_incoming",
        "_outgoing",
        "_received",
        "_tls",
        "_unsent",
        "cert_days",
        "sock",
    )

    def __init__(self, sock: SocketType, context: TlsContext, host: str) -> None:
        self.sock = sock
        self._context = context
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.ssl.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._drained = True
        self._received = 0
        self._unsent = b""
        self.cert_days: int | None = None

    def handshake(self) -> Generator[Wait, int, None]:
        """Agree on keys. What the handshake says last is sent with the first data.

        Raises:
            OSError: the connection failed (ssl.SSLError: TLS did, SSLCertVerificationError: its certificate).

        """
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                yield from self._flush_all()
            except ssl.SSLError:
                self._say_why()
                raise
            if self._drained:
                yield self.sock, READ
            while not self._fill():
                yield self.sock, READ
        der = self.peer_certificate()
        if der is not None:
            self.cert_days = self._context.days_left(der)

    def peer_certificate(self) -> bytes | None:
        """Return the server's certificate, in DER."""
        return self._tls.getpeercert(binary_form=True)

    def put(self, data: bytes) -> None:
        """Have this sent by the next `flush`."""
        self._tls.write(data)

    def flush(self) -> bool:
        """Send; False when the socket takes no more for now. Raises OSError."""
        unsent = self._unsent + self._outgoing.read()
        self._unsent = send_some(self.sock, unsent) if unsent else unsent
        return not self._unsent

    def receive(self) -> bytes | None:
        """Take what is there: None when nothing is there yet, b"" at the end. Raises OSError."""
        while True:
            try:
                return self._tls.read(CHUNK)
            except ssl.SSLWantReadError:
                if not self._fill():
                    return None
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""

    def _fill(self) -> bool:
        """Hand OpenSSL what has arrived; False when nothing has."""
        try:
            data = self.sock.recv(CHUNK)
        except BlockingIOError:
            self._drained = True
            return False
        self._drained = len(data) < CHUNK
        self._received += len(data)
        if not data:
            self._incoming.write_eof()
        elif self._received > _ENCRYPTED_LIMIT:
            raise ssl.SSLError("more than 1 MiB of TLS records")
        else:
            self._incoming.write(data)
        return True

    def _flush_all(self) -> Generator[Wait, int, None]:
        while not self.flush():
            yield self.sock, WRITE

    def _say_why(self) -> None:
        """Send the alert that tells the server's operator why; it does not matter if it is lost."""
        with suppress(OSError):
            self.flush()


# X509_V_ERR_* of OpenSSL's x509_vfy.h
_NOT_YET_VALID = 9
_EXPIRED = 10
_SELF_SIGNED = 18
_UNKNOWN_AUTHORITY = frozenset({2, 19, 20, 21})
_OTHER_NAME = frozenset({62, 64})
_NAMES_SHOWN = 3

_NOT_TLS = frozenset(
    {
        "WRONG_VERSION_NUMBER",
        "HTTP_REQUEST",
        "PACKET_LENGTH_TOO_LONG",
        "RECORD_LAYER_FAILURE",
        "BAD_RECORD_TYPE",
    }
)


def needs_certificate(error: ssl.SSLCertVerificationError) -> bool:
    """Whether the refused certificate itself must be seen to say well what is wrong with it."""
    return error.verify_code in {_NOT_YET_VALID, _EXPIRED} or error.verify_code in _OTHER_NAME


def explain_refusal(error: ssl.SSLCertVerificationError, host: str, seen: Certificate | None) -> str:
    """Say what is wrong with a certificate; `seen` is that certificate where it could be fetched."""
    code = error.verify_code
    if code in _UNKNOWN_AUTHORITY:
        return "certificate is signed by an unknown authority"
    if code == _SELF_SIGNED:
        return "certificate is self-signed and not trusted"
    if code in _OTHER_NAME:
        return f"certificate is for {_names(seen)}, not {host}" if seen else f"certificate is not for {host}"
    if code in {_EXPIRED, _NOT_YET_VALID}:
        return _explain_time(seen, expired=code == _EXPIRED)
    return f"certificate refused: {error.verify_message}"


def explain_tls(error: ssl.SSLError) -> str:
    """Say in operators' words why TLS failed."""
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return "closed in TLS handshake"
    reason = error.reason or ""
    if reason in _NOT_TLS:
        return "TLS failed: the server does not speak TLS on this port"
    words = reason.lower().replace("_", " ") or str(error.args[-1])
    return f"TLS failed: {words}"


def _explain_time(seen: Certificate | None, expired: bool) -> str:
    if seen is None:
        return "certificate has expired" if expired else "certificate is not yet valid"
    if seen.not_before <= time.time() <= seen.not_after:
        return f"a certificate of the issuing chain {'has expired' if expired else 'is not yet valid'}"
    return (
        f"certificate expired {_date(seen.not_after)}"
        if expired
        else f"certificate is valid only from {_date(seen.not_before)}"
    )


def _date(moment: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(moment))


def _names(certificate: Certificate) -> str:
    names = [name if name.isprintable() else ascii(name) for name in certificate.names]
    more = len(names) - _NAMES_SHOWN
    text = ", ".join(names[:_NAMES_SHOWN]) or "nobody"
    return f"{text} and {more} more" if more > 0 else text
