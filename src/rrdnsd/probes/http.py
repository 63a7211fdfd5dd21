"""The probe types `http` and `https`: one request, judged by its status and, if asked for, its body."""

import ssl
from collections.abc import Generator
from time import monotonic
from typing import NamedTuple

from rrdnsd.core.model import EndpointKey, ProbeResult, Timings
from rrdnsd.errors import ConfigError
from rrdnsd.probes.answer import Answer, NoAnswer
from rrdnsd.probes.base import READ, WRITE, CheckSpec, DeadlineExceeded, Steps, Wait
from rrdnsd.probes.certificate import Certificate, parse
from rrdnsd.probes.link import (
    PlainStream,
    SocketAddress,
    Stream,
    check_connected,
    explain,
    open_socket,
    socket_address,
)
from rrdnsd.probes.question import Question, body_matters, judge, make_question
from rrdnsd.probes.request import DEFAULT_PORTS, parse_template, request_path
from rrdnsd.probes.tls import (
    TlsStream,
    days_until,
    explain_refusal,
    explain_tls,
    needs_certificate,
    tls_context,
)


class _Refusal(NamedTuple):
    """Why the certificate was refused last time, so that it need not be fetched again to say so."""

    verify_code: int
    reason: str
    cert_days: int | None


class _Progress:
    """How far a probe has come: what a timeout is explained with, and what is timed."""

    __slots__ = ("began", "connected", "first_byte", "secured", "stage")

    def __init__(self) -> None:
        self.stage = "while connecting"
        self.connected: float | None = None
        self.secured: float | None = None
        self.first_byte: float | None = None
        self.began = monotonic()

    def timings(self) -> Timings:
        began, connected = self.began, self.connected
        return Timings(
            monotonic() - began,
            None if connected is None else connected - began,
            None if self.secured is None or connected is None else self.secured - connected,
            None if self.first_byte is None else self.first_byte - began,
        )


class HttpProbe:
    """Asks one endpoint over HTTP/1.1, on a new connection each time unless they are to be reused."""

    __slots__ = ("_address", "_idle", "_question", "_refusal", "key", "timeout")

    def __init__(self, key: EndpointKey, address: SocketAddress, question: Question) -> None:
        self.key = key
        self.timeout = question.timeout
        self._address = address
        self._question = question
        self._idle: Stream | None = None
        self._refusal: _Refusal | None = None

    def run(self) -> Steps:
        """Ask once."""
        progress = _Progress()
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
        return ProbeResult(ok=False, reason=reason, timings=progress.timings())

    def close(self) -> None:
        """Close the connection kept for the next probe."""
        if self._idle is not None:
            self._idle.sock.close()
            self._idle = None

    def _reused(self, stream: Stream, progress: _Progress) -> Generator[Wait, int, ProbeResult | None]:
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
        progress.stage = "while connecting"
        return None

    def _fresh(self, progress: _Progress) -> Steps:
        stream: Stream
        sock = open_socket(self._address)
        try:
            check_connected(sock, (yield sock, WRITE))
            progress.connected = monotonic()
            tls = self._question.tls
            if tls is None:
                stream = PlainStream(sock)
            else:
                progress.stage = "in TLS handshake"
                stream = encrypted = TlsStream(sock, tls, self._question.host)
                yield from encrypted.handshake()
                progress.secured = monotonic()
            return (yield from self._ask(stream, progress))
        finally:
            if self._idle is None:
                sock.close()

    def _ask(self, stream: Stream, progress: _Progress) -> Steps:
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

    def _read(self, stream: Stream, answer: Answer, progress: _Progress) -> Generator[Wait, int, None]:
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

    def _refused(self, refusal: ssl.SSLCertVerificationError, progress: _Progress) -> Steps:
        """Explain the refusal of the certificate, from a second look at it where that is needed."""
        known = self._refusal
        if known is None or known.verify_code != refusal.verify_code:
            seen = (yield from self._look()) if needs_certificate(refusal) else None
            days = None if seen is None else days_until(seen.not_after)
            known = _Refusal(refusal.verify_code, explain_refusal(refusal, self._question.host, seen), days)
            self._refusal = known if seen is not None else None
        return ProbeResult(
            ok=False, reason=known.reason, timings=progress.timings(), cert_days=known.cert_days
        )

    def _look(self) -> Generator[Wait, int, Certificate | None]:
        """Fetch the server's certificate without believing it; None if that fails."""
        question = self._question
        if question.unchecked is None:
            return None
        try:
            sock = open_socket(self._address)
            try:
                check_connected(sock, (yield sock, WRITE))
                stream = TlsStream(sock, question.unchecked, question.host)
                yield from stream.handshake()
                return parse(stream.peer_certificate() or b"")
            finally:
                sock.close()
        except (DeadlineExceeded, OSError, ValueError):
            return None


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
            tls=tls_context(spec.verify_tls, spec.ca_file) if target.scheme == "https" else None,
            reuse=spec.reuse_connections,
        )
    except ssl.SSLError as error:
        raise ConfigError(key.service, [f"ca_file: {spec.ca_file} holds no usable certificate"]) from error
    except OSError as error:
        raise ConfigError(key.service, [f"ca_file: cannot read {spec.ca_file}: {error.strerror}"]) from error
    except ValueError as error:
        raise ConfigError(key.service, [str(error)]) from error
    return HttpProbe(key, socket_address(key.address, port), question)
