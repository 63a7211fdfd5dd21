"""A conversation over TCP, step by step: what the probe type `tcp` does where it is told what to say.

The steps are those of blackbox_exporter's `query_response`: expect, send, starttls.
"""

import re
import ssl
from collections.abc import Generator, Sequence
from functools import lru_cache
from time import monotonic
from typing import NamedTuple, cast

from rrdnsd.config.conversation import secret_words, without
from rrdnsd.core.model import EndpointKey, ProbeResult
from rrdnsd.errors import ConfigError
from rrdnsd.probes.base import READ, WRITE, CheckSpec, DeadlineExceeded, Steps, Wait
from rrdnsd.probes.bodysearch import SECONDS, SearchTooSlow, match_within
from rrdnsd.probes.link import (
    PlainStream,
    SocketAddress,
    Stream,
    check_connected,
    explain,
    open_socket,
)
from rrdnsd.probes.progress import HANDSHAKE, Progress
from rrdnsd.probes.refusal import least_days, soon_expired, trusting
from rrdnsd.probes.tls import TlsContext, TlsStream, explain_refusal, explain_tls

MOST_BYTES = 65_536
"""What an endpoint may say in one conversation."""

_SHOWN = 60


class Step(NamedTuple):
    """Wait until `expect` is found, then send, then go on over TLS; each only if it is given."""

    expect: re.Pattern[str] | None
    send: bytes | None
    starttls: bool


class _Unexpected(Exception):  # noqa: N818 - it is an answer, not an error of the probe
    """The conversation took another course; the text is the reason."""


class _Heard:
    """What was heard and not yet matched. Bytes are taken as Latin-1 so that any of them can be named."""

    __slots__ = ("at", "closed", "secret", "size", "text")

    def __init__(self, secret: tuple[str, ...]) -> None:
        self.secret = secret
        self.text = ""
        self.at = 0
        self.size = 0
        self.closed = False

    def add(self, data: bytes) -> None:
        self.size += len(data)
        self.text += data.decode("latin-1")

    def find(self, pattern: re.Pattern[str]) -> bool:
        """Whether it is there; what follows the match is left for the next step."""
        found = match_within(pattern, self.text, self.at)
        if found is not None:
            self.at = found
        return found is not None

    def last(self) -> str:
        """Return the last line, fit to be shown."""
        lines = self.text[self.at :].strip().splitlines()
        line = (
            without(self.secret, lines[-1].strip()) if lines else ""
        )  # servers repeat what they do not understand
        shown = line if len(line) <= _SHOWN else line[:_SHOWN] + "..."
        return f", got {ascii(shown) if not shown.isprintable() else repr(shown)}" if shown else ""


class DialogueProbe:
    """Talks to one endpoint as it is told, and resets the connection at the end."""

    __slots__ = ("_address", "_host", "_least", "_secret", "_steps", "_tls", "key", "timeout")

    def __init__(
        self,
        key: EndpointKey,
        address: SocketAddress,
        spec: CheckSpec,
        steps: Sequence[Step],
        tls: TlsContext | None,
    ) -> None:
        self.key = key
        self.timeout = spec.timeout
        self._address = address
        self._steps = steps
        self._secret = secret_words(step.send.decode() for step in steps if step.send is not None)
        self._tls = tls
        self._host = spec.host
        self._least = least_days(spec)

    def run(self) -> Steps:
        """Talk once."""
        progress, heard = Progress(), _Heard(self._secret)
        try:
            return (yield from self._talk(progress, heard))
        except DeadlineExceeded:
            reason = f"timeout after {self.timeout:g} s {progress.stage}{heard.last()}"
        except _Unexpected as why:
            reason = str(why)
        except SearchTooSlow:
            reason = f"searching for what is expected took more than {SECONDS * 1000:g} ms"
        except ssl.SSLCertVerificationError as error:
            # A second look would have to talk as far as here; OpenSSL's own word must do.
            reason = explain_refusal(error, self._host, None)
        except ssl.SSLError as error:
            reason = explain_tls(error)
        except OSError as error:
            reason = explain(error)
        return progress.failed(reason)

    def close(self) -> None:
        """Nothing is kept between probes."""

    def _talk(self, progress: Progress, heard: _Heard) -> Steps:
        sock = open_socket(self._address)
        try:
            check_connected(sock, (yield sock, WRITE))
            progress.connected = monotonic()
            stream: Stream = PlainStream(sock)
            for step in self._steps:
                if step.expect is not None:
                    yield from self._expect(stream, step.expect, progress, heard)
                if step.send is not None:
                    progress.stage = "while sending"
                    stream.put(step.send)
                    while not stream.flush():
                        yield sock, WRITE
                if step.starttls and self._tls is not None:
                    stream = yield from self._secure(stream, self._tls, progress, heard)
            return ProbeResult(ok=True, reason="", timings=progress.timings(), cert_days=stream.cert_days)
        finally:
            sock.close()

    def _expect(
        self, stream: Stream, pattern: re.Pattern[str], progress: Progress, heard: _Heard
    ) -> Generator[Wait, int, None]:
        progress.stage = f"waiting for {pattern.pattern!r}"
        while not heard.find(pattern):
            data = stream.receive()
            if data is None:
                yield stream.sock, READ
                continue
            if not data:
                raise _Unexpected(f"closed, {pattern.pattern!r} was expected{heard.last()}")
            if progress.first_byte is None:
                progress.first_byte = monotonic()
            heard.add(data)
            if heard.size > MOST_BYTES:
                raise _Unexpected(f"more than {MOST_BYTES // 1024} KiB without {pattern.pattern!r}")

    def _secure(
        self, plain: Stream, tls: TlsContext, progress: Progress, heard: _Heard
    ) -> Generator[Wait, int, TlsStream]:
        """Go on over TLS. What came in the clear before is forgotten: it proves nothing (RFC 3207, 6)."""
        progress.stage = HANDSHAKE
        began = monotonic()
        heard.at = len(heard.text)
        stream = TlsStream(plain.sock, tls, self._host)
        yield from stream.handshake()
        if progress.connected is not None:
            progress.secured = progress.connected + monotonic() - began
        if soon := soon_expired(stream.cert_days, self._least):
            raise _Unexpected(soon)
        return stream


def build_dialogue(spec: CheckSpec, key: EndpointKey, address: SocketAddress) -> DialogueProbe:
    """Make the probe of one endpoint from the option `query_response`: triples of expect, send and starttls.

    Raises:
        ConfigError: a regular expression, the CA file or the name cannot be used.

    """
    given = cast("tuple[tuple[str | None, str | None, bool], ...]", spec.options["query_response"])
    try:
        steps = _steps(tuple(given))
    except (re.error, OverflowError, RecursionError) as error:
        raise ConfigError(key.service, [f"query_response: no regular expression: {error}"]) from error
    tls = trusting(spec, key.service) if any(step.starttls for step in steps) else None
    return DialogueProbe(key, address, spec, steps, tls)


@lru_cache(maxsize=1024)
def _steps(given: tuple[tuple[str | None, str | None, bool], ...]) -> tuple[Step, ...]:
    return tuple(
        Step(
            None if expect is None else re.compile(expect, re.MULTILINE),
            None if send is None else send.encode(),
            starttls,
        )
        for expect, send, starttls in given
    )
