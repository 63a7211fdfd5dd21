"""The probe types `http` and `https`: one request, judged by its status and, if asked for, its body."""

import ssl
from collections.abc import Generator
from time import monotonic

from rrdnsd.core.model import EndpointKey, ProbeResult
from rrdnsd.errors import ConfigError
from rrdnsd.probes.answer import Answer, NoAnswer
from rrdnsd.probes.base import READ, WRITE, CheckSpec, DeadlineExceeded, Steps, Wait
from rrdnsd.probes.link import (
    PlainStream,
    SocketAddress,
    Stream,
    check_connected,
    explain,
    open_socket,
    socket_address,
)
from rrdnsd.probes.progress import CONNECTING, HANDSHAKE, Progress
from rrdnsd.probes.question import Question, body_matters, judge, make_question
from rrdnsd.probes.refusal import Refusal, least_days, look_again, soon_expired, trusting
from rrdnsd.probes.request import DEFAULT_PORTS, parse_template, request_path
from rrdnsd.probes.tls import TlsStream, explain_tls


class HttpProbe:
    """Asks one endpoint over HTTP/1.1, on a new connection each time unless they are to be reused."""

    __slots__ = ("_address", "_idle", "_question", "_refusal", "key", "timeout")

    def __init__(self, key: EndpointKey, address: SocketAddress, question: Question) -> None:
        self.key = key
        self.timeout = question.timeout
        self._address = address
        self._question = question
        self._idle: Stream | None = None
        self._refusal: Refusal | None = None

    def run(self) -> Steps:
        """Ask once."""
        progress = Progress()
        try:
            result = None
            if self._idle is not None:
                result = yield from self._reused(self._idle, progress)
            if result is None:
                result = yield from self._fresh(progress)
        except DeadlineExceeded:
            reason = f"timeout after {self.timeout:g} s {progress.stage}"
        except NoAnswer as fault:
            reason = str(fault)
        except ssl.SSLCertVerificationError as refusal:
            return (yield from self._refused(refusal, progress))
        except ssl.SSLError as error:
            reason = explain_tls(error)
        except OSError as error:
            reason = explain(error)
        else:
            self._refusal = None
            return result
        return progress.failed(reason)

    def close(self) -> None:
        """Close the connection kept for the next probe."""
        if self._idle is not None:
            self._idle.sock.close()
            self._idle = None

    def _reused(self, stream: Stream, progress: Progress) -> Generator[Wait, int, ProbeResult | None]:
        """Ask on the kept connection; None if the server has closed it meanwhile."""
        self._idle = None
        try:
            return (yield from self._ask(stream, progress))
        except (OSError, NoAnswer):
            if progress.first_byte is not None:
                raise
        finally:
            if self._idle is not stream:
                stream.sock.close()
        progress.stage = CONNECTING
        return None

    def _fresh(self, progress: Progress) -> Steps:
        stream: Stream
        sock = open_socket(self._address)
        try:
            check_connected(sock, (yield sock, WRITE))
            progress.connected = monotonic()
            tls = self._question.tls
            if tls is None:
                stream = PlainStream(sock)
            else:
                progress.stage = HANDSHAKE
                stream = encrypted = TlsStream(sock, tls, self._question.host)
                yield from encrypted.handshake()
                progress.secured = monotonic()
                if soon := soon_expired(stream.cert_days, self._question.min_cert_days):
                    return progress.failed(soon, stream.cert_days)
            return (yield from self._ask(stream, progress))
        finally:
            if self._idle is None:
                sock.close()

    def _ask(self, stream: Stream, progress: Progress) -> Steps:
        """Send the request and judge the response."""
        question = self._question
        progress.stage = "waiting for the response"
        stream.put(question.request)
        while not stream.flush():
            yield stream.sock, WRITE
        answer = Answer(body_wanted=question.expect_body is not None, bodiless=question.bodiless)
        try:
            yield from self._read(stream, answer, progress)
        except (DeadlineExceeded, OSError):
            if not answer.status or question.expect_body is not None:
                raise
        finally:
            answer.release()
        if question.reuse and answer.reusable:
            self._idle = stream
        reason = judge(question, answer)
        return ProbeResult(not reason, reason, progress.timings(), stream.cert_days)

    def _read(self, stream: Stream, answer: Answer, progress: Progress) -> Generator[Wait, int, None]:
        """Read no further than the decision needs, or than the connection needs to be used again."""
        question, sock = self._question, stream.sock
        yield sock, READ
        while True:
            data = stream.receive()
            if data is None:
                yield sock, READ
                continue
            if not data:
                if not answer.status:
                    part = "in the middle of the response headers" if answer.begun else "without an answer"
                    raise NoAnswer(f"closed {part}")
                return
            if progress.first_byte is None:
                progress.first_byte = monotonic()
            answer.feed(data)
            if answer.status and (answer.full or not body_matters(question, answer)):
                return

    def _refused(self, error: ssl.SSLCertVerificationError, progress: Progress) -> Steps:
        question = self._question
        found = yield from look_again(error, self._refusal, self._address, question.unchecked, question.host)
        self._refusal = found if found.seen else None
        return progress.failed(found.reason, found.cert_days)


def build(spec: CheckSpec, key: EndpointKey) -> HttpProbe:
    """Make the probe of one endpoint.

    Raises:
        ConfigError: the URL template, a header, the regular expression or the CA file cannot be used.

    """
    try:
        target = parse_template(spec.healthcheck)
        port = target.port or DEFAULT_PORTS[target.scheme]
        question = make_question(
            scheme=target.scheme,
            path=request_path(target.path, key.address),
            port=port,
            method=spec.method,
            host=spec.host,
            headers=tuple(spec.headers),
            timeout=spec.timeout,
            expect_status=tuple(spec.expect_status),
            expect_body=spec.expect_body,
            tls=trusting(spec, key.service) if target.scheme == "https" else None,
            reuse=spec.reuse_connections,
            min_cert_days=least_days(spec),
        )
    except ValueError as error:
        raise ConfigError(key.service, [str(error)]) from error
    return HttpProbe(key, socket_address(key.address, port), question)
