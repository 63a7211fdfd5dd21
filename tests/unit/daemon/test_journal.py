"""What a log record becomes, and that whoever reads it can neither be fooled nor hold up the daemon."""

import json
import logging
import os
import threading
import time
from contextlib import nullcontext

import pytest

from rrdnsd.daemon import journal
from rrdnsd.daemon.journal import (
    Outlet,
    journal_datagram,
    journal_fields,
    json_line,
    level,
    set_up,
    text_line,
)

NASTY = "status 200\n2026-11-22 14:03:20.123 ERROR   [main] forged \x1b[31m\u202e\u2028\x85\x00\udcff"
ESCAPED = r"status 200\n2026-11-22 14:03:20.123 ERROR   [main] forged \x1b[31m\u202e\u2028\x85\x00\udcff"


def record(text, *args, number=logging.INFO, exc_info=None, **extra):
    made = logging.LogRecord("rrdnsd.some", number, "/src/some.py", 12, text, args, exc_info, "function")
    vars(made).update(extra)
    return made


def failed(text):
    with pytest.raises(RuntimeError) as caught:
        raise RuntimeError(text)
    return caught.type, caught.value, caught.tb


@pytest.mark.parametrize(
    ("name", "number"),
    [("trace", 5), ("debug", 10), ("info", 20), ("warn", 30), ("warning", 30), ("error", 40)],
)
def test_the_levels_of_the_configuration(name, number):
    assert level(name) == number


def test_a_readable_line():
    line = text_line(record("[vote] %s is %s", "192.0.2.1", "up", number=logging.WARNING)).decode()
    moment, rest = line[:23], line[23:]
    assert time.strptime(moment[:19], "%Y-%m-%d %H:%M:%S")
    assert rest == " WARNING [vote] 192.0.2.1 is up\n"


def test_a_json_line_is_one_object():
    line = json_line(record("[vote] x", service="www.example.test", endpoint="192.0.2.1", server=""))
    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1
    told = json.loads(line)
    assert time.strptime(told.pop("time")[:19], "%Y-%m-%dT%H:%M:%S")
    assert told == {
        "level": "info", "message": "[vote] x", "service": "www.example.test", "endpoint": "192.0.2.1",
        "code_file": "/src/some.py", "code_line": 12, "code_module": "rrdnsd.some",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("number", "priority"),
    [
        (5, "7"),
        (logging.DEBUG, "7"),
        (logging.INFO, "6"),
        (logging.WARNING, "4"),
        (logging.ERROR, "3"),
        (50, "3"),
    ],
)
def test_the_fields_of_the_journal(number, priority):
    assert journal_fields(record("[main] x", number=number, service="www", zone="z")) == {
        "MESSAGE": "[main] x", "PRIORITY": priority, "SYSLOG_IDENTIFIER": "rrdnsd", "SYSLOG_PID": str(os.getpid()),
        "CODE_FILE": "/src/some.py", "CODE_LINE": "12", "CODE_MODULE": "rrdnsd.some", "CODE_FUNC": "function",
        "SERVICE": "www", "ZONE": "z",
    }  # fmt: skip


def test_a_datagram_gives_the_length_of_a_field_of_several_lines():
    datagram = journal_datagram(record("bug", exc_info=failed("gone")))
    name, _, rest = datagram.partition(b"\n")
    size = int.from_bytes(rest[:8], "little")
    message = rest[8 : 8 + size].decode()
    assert name == b"MESSAGE"
    assert message.startswith("bug\n    Traceback")
    assert message.endswith("    RuntimeError: gone")
    assert rest[8 + size :].startswith(b"\nPRIORITY=6\n")


@pytest.mark.parametrize("where", ["message", "argument"])
def test_nothing_from_the_network_can_forge_a_line_or_steer_a_terminal(where):
    made = record(NASTY) if where == "message" else record("%s", NASTY)
    assert text_line(made).decode().endswith(f" INFO    {ESCAPED}\n")
    assert text_line(made).count(b"\n") == 1
    assert json.loads(json_line(made))["message"] == ESCAPED
    assert journal_fields(made)["MESSAGE"] == ESCAPED
    assert journal_fields(record("x", service=NASTY))["SERVICE"] == ESCAPED


def test_a_traceback_cannot_forge_a_line_either():
    lines = text_line(record(NASTY, exc_info=failed(NASTY))).decode().split("\n")
    assert lines[0].endswith(ESCAPED)
    assert lines[-1] == ""
    assert len(lines) > 4
    for line in lines[1:-1]:
        assert line.startswith("    ")
        assert line.isprintable()


def test_an_endless_message_is_cut():
    line = text_line(record("x" * 1_000_000)).decode()
    assert len(line) < journal.LONGEST + 100
    assert line.endswith("... (983616 characters more)\n")


class Reader:
    """Takes lines, but stands still until it may read."""

    def __init__(self):
        self.lines = []
        self.may_read = threading.Event()

    def write(self, line):
        self.may_read.wait(30)
        self.lines.append(line.decode())


def test_a_reader_who_stands_still_holds_nobody_up_and_what_was_lost_is_told():
    reader = Reader()
    outlet = Outlet(lambda made: made.getMessage().encode(), nullcontext(reader.write), waiting=3)
    for number in range(20):
        outlet.emit(record(f"line {number}"))
    reader.may_read.set()
    ends = time.monotonic() + 60
    while len(reader.lines) < 3 and time.monotonic() < ends:
        time.sleep(0.005)
    outlet.emit(record("later"))
    outlet.close()
    kept = [line for line in reader.lines if line.startswith("line")]
    assert kept == [f"line {number}" for number in range(len(kept))]
    assert 3 <= len(kept) <= 4
    assert reader.lines[len(kept) :] == [
        f"[main] {20 - len(kept)} log lines were lost: whoever reads them was too slow",
        "later",
    ]


def test_closing_waits_only_for_a_moment():
    reader = Reader()
    outlet = Outlet(text_line, nullcontext(reader.write))
    outlet.emit(record("never read"))
    began = time.monotonic()
    outlet.close()
    assert time.monotonic() - began < 20  # it would read after half a minute
    assert reader.lines == []
    reader.may_read.set()


def test_a_broken_outlet_does_not_end_the_thread():
    written = []

    def write(line):
        if b"first" in line:
            raise BrokenPipeError
        written.append(line)

    outlet = Outlet(text_line, nullcontext(write))
    outlet.emit(record("first"))
    outlet.emit(record("second"))
    outlet.close()
    assert len(written) == 1
    assert b"second" in written[0]


@pytest.fixture
def root():
    logger = logging.getLogger()
    before, threshold = logger.handlers[:], logger.level
    yield logger
    for handler in logger.handlers:
        if isinstance(handler, Outlet):
            handler.close()
    logger.handlers[:] = before
    logger.setLevel(threshold)


def test_setting_up_anew_replaces_the_outlet(root, capfd):
    set_up(logging.INFO, "json")
    first = root.handlers[0]
    logging.getLogger("rrdnsd.x").info("[main] %s", "one")
    set_up(logging.WARNING, "text")
    logging.getLogger("rrdnsd.x").info("[main] not wanted")
    logging.getLogger("rrdnsd.x").warning("[main] two")
    root.handlers[0].close()
    assert not first._thread.is_alive()
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 2
    assert json.loads(lines[0])["message"] == "[main] one"
    assert lines[1].endswith("WARNING [main] two")


@pytest.mark.parametrize(
    ("stderr", "socket", "log_format", "journal_stream", "chosen"),
    [
        ("file", True, "auto", False, "text"),
        ("pipe", True, "auto", False, "text"),
        ("null", True, "auto", False, "journal"),
        ("file", True, "auto", True, "journal"),
        ("null", False, "auto", False, "text"),
        ("file", False, "journal", False, "text"),
        ("file", True, "journal", False, "journal"),
        ("null", True, "json", True, "json"),
        ("closed", True, "auto", False, "journal"),
    ],
)
def test_which_outlet_suits(root, tmp_path, monkeypatch, stderr, socket, log_format, journal_stream, chosen):
    path = tmp_path / "socket"
    if socket:
        path.touch()
    monkeypatch.setattr(journal, "JOURNAL_SOCKET", path)
    reader, writer = os.pipe()
    opened = {
        "file": lambda: os.fdopen(os.open(tmp_path / "err", os.O_WRONLY | os.O_CREAT), "w"),
        "pipe": lambda: os.fdopen(os.dup(writer), "w"),
        "null": lambda: os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"),
        "closed": lambda: None,
    }[stderr]()
    monkeypatch.setattr("sys.stderr", opened)
    environ = {}
    if journal_stream:
        found = os.fstat(opened.fileno())
        environ = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}
    set_up(logging.INFO, log_format, environ)
    monkeypatch.undo()
    kinds = {"text": text_line, "json": json_line, "journal": journal_datagram}
    encode = root.handlers[0]._encode
    root.handlers[0].close()
    for end in (opened, os.fdopen(reader), os.fdopen(writer)):
        if end:
            end.close()
    assert encode is kinds[chosen]
