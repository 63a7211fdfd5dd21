"""Where log lines go: journald with its fields where it is there, else readable or JSON lines on stderr.

Messages begin with a tag such as `[main]` or `[updater]`. `extra={"service": ..., "endpoint": ...}` becomes
the journal fields SERVICE and ENDPOINT; CODE_FILE, CODE_LINE and CODE_MODULE are always set.
"""

import contextlib
import json
import logging
import os
import queue
import socket
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal

JOURNAL_SOCKET = Path("/run/systemd/journal/socket")
TRACE = 5
FIELDS = ("service", "endpoint", "server", "zone")

LONGEST = 16_384
"""Characters of a message that are kept: a journal datagram has its limits, and so has a reader's patience."""

WAITING = 10_000
"""Lines that may wait for a reader who stands still; the rest is counted and dropped."""

FLUSH_SECONDS = 0.5

LogFormat = Literal["auto", "journal", "text", "json"]
Encode = Callable[[logging.LogRecord], bytes]
Write = Callable[[bytes], object]
Sink = contextlib.AbstractContextManager[Write]

_PRIORITIES = ((logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (logging.NOTSET, 7))


def level(name: str) -> int:
    """Return the logging level that a `loglevel` of the configuration means."""
    return TRACE if name == "trace" else logging.getLevelNamesMapping()[name.upper()]


def set_up(threshold: int, log_format: LogFormat = "auto", environ: Mapping[str, str] = os.environ) -> None:
    """Send everything that is logged from now on to the place that suits how the daemon was started."""
    logging.addLevelName(TRACE, "TRACE")
    root = logging.getLogger()
    for handler in root.handlers:
        if isinstance(handler, Outlet):
            handler.close()
    root.handlers[:] = [_handler(log_format, environ)]
    root.setLevel(threshold)
    # "lexicon" and "urllib3" log what they send and receive, tokens among it.
    for noisy in ("asyncio", "uvicorn", "uvicorn.error", "lexicon", "urllib3"):
        logging.getLogger(noisy).setLevel(max(threshold, logging.WARNING))


class Outlet(logging.Handler):
    """Encodes records at once and writes them in a thread of its own.

    A terminal that is held, a full pipe or a journald that stands still would otherwise stop the probes.
    """

    def __init__(self, encode: Encode, sink: Sink, waiting: int = WAITING) -> None:
        super().__init__()
        self._encode = encode
        self._sink = sink
        self._lines: queue.Queue[bytes | None] = queue.Queue(waiting)
        self._lost = 0
        self._thread = threading.Thread(target=self._write_all, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a record on, or count it as lost where too many wait."""
        try:
            if self._lost:
                self._lines.put_nowait(self._encode(_loss(record, self._lost)))
                self._lost = 0
            self._lines.put_nowait(self._encode(record))
        except queue.Full:
            self._lost += 1
        except Exception:  # noqa: BLE001 -- logging's own contract for a failing handler
            self.handleError(record)

    def close(self) -> None:
        """Write what waits, for a moment at most."""
        if self._thread.is_alive():
            with contextlib.suppress(queue.Full):
                self._lines.put_nowait(None)
                self._thread.join(FLUSH_SECONDS)
        super().close()

    def _write_all(self) -> None:
        with self._sink as write:
            while (line := self._lines.get()) is not None:
                with contextlib.suppress(OSError):  # nobody is there to be told
                    write(line)


def text_line(record: logging.LogRecord) -> bytes:
    """Return a readable line: `2026-11-22 14:03:20.123 WARNING [updater] ...`."""
    moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.created))
    line = f"{moment}.{int(record.msecs):03d} {record.levelname:<7} {_message(record)}\n"
    return line.encode("utf-8", "backslashreplace")


def json_line(record: logging.LogRecord) -> bytes:
    """Return one JSON object, for log collectors; its time is RFC 3339 in UTC."""
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
    return json.dumps(line).encode() + b"\n"


def journal_datagram(record: logging.LogRecord) -> bytes:
    """Return what journald takes on its socket (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/)."""
    return b"".join(_journal_field(name, value) for name, value in journal_fields(record).items())


def journal_fields(record: logging.LogRecord) -> dict[str, str]:
    """Return the journal fields of a record, as systemd.journal-fields(7) names them."""
    fields = {
        "MESSAGE": _message(record),
        "PRIORITY": str(next(priority for level, priority in _PRIORITIES if record.levelno >= level)),
        "SYSLOG_IDENTIFIER": "rrdnsd",
        "SYSLOG_PID": str(record.process),
        "CODE_FILE": record.pathname,
        "CODE_LINE": str(record.lineno),
        "CODE_MODULE": record.name,
        "CODE_FUNC": record.funcName or "",
    }
    return fields | {name.upper(): value for name, value in _extras(record).items()}


def _handler(log_format: LogFormat, environ: Mapping[str, str]) -> logging.Handler:
    wants_journal = log_format == "journal" or (log_format == "auto" and _stderr_is_unread(environ))
    if wants_journal and JOURNAL_SOCKET.exists():
        return Outlet(journal_datagram, _to_journal(str(JOURNAL_SOCKET)))
    return Outlet(json_line if log_format == "json" else text_line, _to_stderr())


def _stderr_is_unread(environ: Mapping[str, str]) -> bool:
    """Tell if stderr is the journal itself, as `JOURNAL_STREAM` of systemd.exec(5) says, or leads nowhere."""
    try:
        found = os.fstat(sys.stderr.fileno())
    except (AttributeError, OSError, ValueError):  # no stderr at all
        return True
    if environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}":
        return True
    return stat.S_ISCHR(found.st_mode) and not sys.stderr.isatty()


@contextlib.contextmanager
def _to_journal(path: str) -> Iterator[Write]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        # Not connected: journald may be started anew.
        yield lambda line: sock.sendto(line, path)


@contextlib.contextmanager
def _to_stderr() -> Iterator[Write]:
    def write(line: bytes) -> None:
        # Not by sys.stderr, whose lock a thread that is stuck would hold when the process ends.
        while line:
            line = line[os.write(2, line) :]

    yield write


def _loss(record: logging.LogRecord, lost: int) -> logging.LogRecord:
    text = f"[main] {lost} log lines were lost: whoever reads them was too slow"
    return logging.LogRecord(
        record.name, logging.WARNING, record.pathname, record.lineno, text, None, None, record.funcName
    )


def _journal_field(name: str, value: str) -> bytes:
    data = value.encode("utf-8", "backslashreplace")
    if b"\n" in data:
        return name.encode() + b"\n" + len(data).to_bytes(8, "little") + data + b"\n"
    return name.encode() + b"=" + data + b"\n"


def _extras(record: logging.LogRecord) -> dict[str, str]:
    return {name: _printable(str(value)) for name in FIELDS if (value := getattr(record, name, None))}


def _message(record: logging.LogRecord) -> str:
    """Return the message with nothing in it that could forge a line or steer a terminal.

    The lines of a traceback follow indented, so that none of them looks like a line of its own.
    """
    lines = [_printable(record.getMessage())]
    if record.exc_info:
        trace = logging.Formatter().formatException(record.exc_info)
        lines += [f"    {_printable(line)}" for line in trace.splitlines()]
    text = "\n".join(lines)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}... ({len(text) - LONGEST} characters more)"


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
