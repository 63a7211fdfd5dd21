"""Reads an HTTP/1.x response just as far as the probe's decision needs it."""

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

HEADER_LIMIT = 64 * 1024
BODY_LIMIT = 64 * 1024
_TOTAL_LIMIT = 2 * (HEADER_LIMIT + BODY_LIMIT)
_SWITCHING_PROTOCOLS = 101
_FINAL = 200


class NoAnswer(Exception):  # noqa: N818 - the probe's reason, not an error of the program
    """There is no usable response; the words say why."""


class Answer:
    """One response, fed as it arrives.

    The response to a HEAD request has no body whatever its headers say: `bodiless`.
    `status` is 0 until the header section of the final response has been read. `body` is kept only when
    asked for, and no more than 64 KiB of it. `complete` is set at the end of the message, `reusable` if the
    connection can carry another request then. Call `release` at the end: it and its parser hold each other.
    """

    __slots__ = (
        "_bodiless",
        "_body_wanted",
        "_fed",
        "_parser",
        "body",
        "complete",
        "extra",
        "keep_alive",
        "status",
    )

    def __init__(self, body_wanted: bool = False, bodiless: bool = False) -> None:
        self.status = 0
        self.body = bytearray()
        self.complete = False
        self.extra = False
        self.keep_alive = False
        self._bodiless = bodiless
        self._body_wanted = body_wanted
        self._fed = 0
        self._parser: HttpResponseParser | None = HttpResponseParser(self)

    def release(self) -> None:
        """Let go of the parser."""
        self._parser = None

    @property
    def begun(self) -> bool:
        """Whether anything at all was received."""
        return self._fed > 0

    @property
    def received(self) -> int:
        """How many bytes have arrived."""
        return self._fed

    @property
    def reusable(self) -> bool:
        """Whether the connection can carry another request."""
        return self.complete and self.keep_alive and not self.extra

    @property
    def full(self) -> bool:
        """Whether there is no point in reading more: the end, or as much as is ever looked at."""
        return self.complete or len(self.body) >= BODY_LIMIT or self._fed >= _TOTAL_LIMIT

    def feed(self, data: bytes) -> None:
        """Take what has arrived.

        Raises:
            NoAnswer: and no status was read before; afterwards a fault only ends the message.

        """
        assert self._parser is not None  # noqa: S101 - released answers are not fed
        self._fed += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            self.extra = True
        except HttpParserError as error:
            if not self.status:
                raise NoAnswer(f"malformed HTTP response: {_words(error)}") from error
            self.complete = self.extra = True
        if not self.status and self._fed > HEADER_LIMIT:
            raise NoAnswer("response headers exceed 64 KiB")

    def on_message_begin(self) -> None:
        """Notice what comes after the end of the message."""
        if self.complete:
            self.extra = True

    def on_headers_complete(self) -> None:
        """Note the status, unless it is an interim one (RFC 9110, 15.2)."""
        if self.status or self._parser is None:
            return
        status = self._parser.get_status_code()
        if status >= _FINAL or status == _SWITCHING_PROTOCOLS:
            self.status = status
            if self._bodiless:
                self.complete = True
                self.keep_alive = self._parser.should_keep_alive()

    def on_body(self, data: bytes) -> None:
        """Keep the body's beginning."""
        if self._body_wanted and not self.complete:
            self.body += data[: BODY_LIMIT - len(self.body)]

    def on_message_complete(self) -> None:
        """Note the end of the final response."""
        if self.status and not self.complete and self._parser is not None:
            self.complete = True
            self.keep_alive = self._parser.should_keep_alive()


def _words(error: HttpParserError) -> str:
    text = str(error).strip().rstrip(".")
    return text[:1].lower() + text[1:] if text else type(error).__name__
