"""The probe type `tls`: a handshake, and a certificate that is valid for the name, not for much shorter than wanted."""

import ssl
from time import monotonic

from rrdnsd.core.model import EndpointKey, ProbeResult
from rrdnsd.errors import ConfigError
from rrdnsd.probes.base import WRITE, CheckSpec, DeadlineExceeded, Steps
from rrdnsd.probes.link import SocketAddress, check_connected, explain, open_socket, socket_address
from rrdnsd.probes.progress import HANDSHAKE, Progress
from rrdnsd.probes.refusal import Refusal, least_days, look_again, soon_expired, trusting
from rrdnsd.probes.request import parse_template
from rrdnsd.probes.tls import TlsContext, TlsStream, explain_tls, tls_context


class TlsProbe:
    """Agrees on keys with one endpoint, looks at its certificate, and resets the connection."""

    __slots__ = ("_address", "_context", "_host", "_least", "_refusal", "_unchecked", "key", "timeout")

    def __init__(
        self, key: EndpointKey, address: SocketAddress, spec: CheckSpec, context: TlsContext
    ) -> None:
        self.key = key
        self.timeout = spec.timeout
        self._address = address
        self._context = context
        self._unchecked = tls_context(verify=False, ca_file=None)
        self._host = spec.host
        self._least = least_days(spec)
        self._refusal: Refusal | None = None

    def run(self) -> Steps:
        """Shake hands once."""
        progress = Progress()
        try:
            return (yield from self._shake(progress))
        except DeadlineExceeded:
            reason = f"timeout after {self.timeout:g} s {progress.stage}"
        except ssl.SSLCertVerificationError as error:
            found = yield from look_again(error, self._refusal, self._address, self._unchecked, self._host)
            self._refusal = found if found.seen else None
            return progress.failed(found.reason, found.cert_days)
        except ssl.SSLError as error:
            reason = explain_tls(error)
        except OSError as error:
            reason = explain(error)
        return progress.failed(reason)

    def close(self) -> None:
        """Nothing is kept between probes."""

    def _shake(self, progress: Progress) -> Steps:
        sock = open_socket(self._address)
        try:
            check_connected(sock, (yield sock, WRITE))
            progress.connected = monotonic()
            progress.stage = HANDSHAKE
            stream = TlsStream(sock, self._context, self._host)
            yield from stream.handshake()
            # The end of TLS 1.3's handshake: without it the server takes the reset for a failure and logs it.
            while not stream.flush():
                yield sock, WRITE
            progress.secured = monotonic()
            self._refusal = None
            reason = soon_expired(stream.cert_days, self._least)
            return ProbeResult(not reason, reason, progress.timings(), stream.cert_days)
        finally:
            sock.close()


def build(spec: CheckSpec, key: EndpointKey) -> TlsProbe:
    """Make the probe of one endpoint.

    Raises:
        ConfigError: the template is not of the form ``tls://{}:PORT``, or the CA file or the name cannot be used.

    """
    try:
        target = parse_template(spec.healthcheck)
    except ValueError as error:
        raise ConfigError(key.service, [str(error)]) from error
    if target.port is None or target.path != "/":
        raise ConfigError(key.service, [f"{spec.healthcheck!r} is not of the form tls://{{}}:PORT"])
    return TlsProbe(key, socket_address(key.address, target.port), spec, trusting(spec, key.service))
