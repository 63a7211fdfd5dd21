"""Where log lines go: journald with its fields where it is there, else readable or JSON lines on stderr.

Messages begin with a tag such as `[main]` or `[updater]`. `extra={"service": ..., "endpoint": ...}` becomes
the journal fields SERVICE and ENDPOINT; CODE_FILE, CODE_LINE and CODE_MODULE are always set.
"""

import json
import logging
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

JOURNAL_SOCKET = Path("/run/systemd/journal/socket")
TRACE = 5
FIELDS = ("service", "endpoint", "server", "zone")

LogFormat = Literal["auto", "journal", "text", "json"]
Send = Callable[..., object]

_PRIORITIES = ((logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (logging.NOTSET, 7))


def level(name: str) -> int:
    """Return the logging level that a `loglevel` of the configuration means."""
    return TRACE if name == "trace" else logging.getLevelNamesMapping()[name.upper()]


def set_up(threshold: int, log_format: LogFormat = "auto", environ: Mapping[str, str] = os.environ) -> None:
    """Send everything that is logged from now on to the place that suits how the daemon was started."""
    root = logging.getLogger()
    root.handlers[:] = [_handler(log_format, environ)]
    root.setLevel(threshold)
    for noisy in ("asyncio", "uvicorn", "uvicorn.error"):
        logging.getLogger(noisy).setLevel(max(threshold, logging.WARNING))


def _handler(log_format: LogFormat, environ: Mapping[str, str]) -> logging.Handler:
    if log_format == "journal" or (log_format == "auto" and _under_journald(environ)):
        send = _journal_send()
        if send is not None:
            return JournalHandler(send)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if log_format == "json" else TextLines())
    return handler


def _under_journald(environ: Mapping[str, str]) -> bool:
    """Tell if stderr is the journal, or nobody is looking at it while journald runs."""
    return JOURNAL_SOCKET.exists() and ("JOURNAL_STREAM" in environ or not sys.stderr.isatty())


def _journal_send() -> Send | None:
    try:
        from cysystemd.journal import send  # noqa: PLC0415 -- an extra that need not be installed
    except ImportError:
        return None
    return send  # type: ignore[no-any-return]  # cysystemd has no types


class JournalHandler(logging.Handler):
    """Hands records to journald with their fields."""

    def __init__(self, send: Send) -> None:
        super().__init__()
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record; a journal that cannot take it must not stop the daemon."""
        try:
            self._send(**journal_fields(record))
        except Exception:  # noqa: BLE001 -- logging's own contract for a failing handler
            self.handleError(record)


def journal_fields(record: logging.LogRecord) -> dict[str, str]:
    """Return the journal fields of a record, as systemd.journal-fields(7) names them."""
    fields = {
        "MESSAGE": _message(record),
        "PRIORITY": str(next(priority for level, priority in _PRIORITIES if record.levelno >= level)),
        "SYSLOG_IDENTIFIER": "rrdnsd",
        "CODE_FILE": record.pathname,
        "CODE_LINE": str(record.lineno),
        "CODE_MODULE": record.name,
        "CODE_FUNC": record.funcName,
    }
    return fields | {name.upper(): value for name, value in _extras(record).items()}


class TextLines(logging.Formatter):
    """One readable line a record: time, level, message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return `2026-11-22 14:03:20.123 WARNING [updater] ...`."""
        moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.created))
        return f"{moment}.{int(record.msecs):03d} {record.levelname:<7} {_message(record)}"


class JsonLines(logging.Formatter):
    """One JSON object a line, for log collectors."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a JSON object with an RFC 3339 time in UTC."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {
            "time": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "message": _message(record),
            **_extras(record),
            "code_file": record.pathname,
            "code_line": record.lineno,
            "code_module": record.name,
        }
        return json.dumps(line)


def _extras(record: logging.LogRecord) -> dict[str, str]:
    return {name: str(value) for name in FIELDS if (value := getattr(record, name, None))}


def _message(record: logging.LogRecord) -> str:
    """Return the message with nothing in it that could forge a line or steer a terminal."""
    text = record.getMessage()
    if record.exc_info:
        text += "\n" + logging.Formatter().formatException(record.exc_info)
        return "\n".join(_printable(line) for line in text.splitlines())
    return _printable(text)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
