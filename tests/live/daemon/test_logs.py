"""What the daemon logs, read as operators read it: from a real journald, from a terminal's text, from JSON lines."""

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import rrdnsd
from support import journald
from support.daemon import Daemon, until
from support.names import NAME, ZONE
from support.ports import free_port

SOURCES = Path(rrdnsd.__file__).parent
TEXT_LINE = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} (DEBUG  |INFO   |WARNING|ERROR  ) \[[a-z_]+\] .+"
)


class JournalDaemon(Daemon):
    """A daemon whose /run is the test journald's."""

    journal = None

    def start(self):
        command = self.journal.inside(sys.executable, "-m", "rrdnsd", "run", *self.args)
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(command, env=self.env, stdout=log, stderr=log)
        return self


@pytest.fixture
def journal(tmp_path):
    reason = journald.unavailable()
    if reason:
        pytest.skip(reason)
    running = journald.Journald(tmp_path)
    yield running
    running.stop()


@pytest.fixture
def journal_daemon(journal, tmp_path):
    started = []

    def start(config, *args):
        node = JournalDaemon(tmp_path, config, args=args or ("--log-format", "journal"))
        node.journal = journal
        started.append(node.start())
        return node

    yield start
    for node in started:
        node.stop()


@pytest.fixture
def builtin(watch):
    """A configuration that needs no other server."""

    def config(**more):
        made = watch("builtin", builtin={"listen": [f"127.0.0.1:{free_port()}"]}, **more)
        del made["update_credentials"], made["update_resolvers"]
        return made

    return config


def test_the_journal_has_the_fields(journal, journal_daemon, builtin, endpoints):
    node = journal_daemon(builtin())
    until(lambda: (node.health() or {}).get("endpoints") == {"up": 3}, "all are up")
    endpoints.stop("127.0.0.3")
    (line,) = until(
        lambda: journal.lines(
            "SYSLOG_IDENTIFIER=rrdnsd", f"SERVICE={NAME}", "ENDPOINT=127.0.0.3", "PRIORITY=4"
        ),
        "the warning about one endpoint",
    )
    assert line["MESSAGE"] == f"[vote] 127.0.0.3 of {NAME}: up -> down (down: connection refused)"
    source = Path(line["CODE_FILE"])
    assert source.is_relative_to(SOURCES)
    assert line["CODE_MODULE"] == ".".join(("rrdnsd", *source.relative_to(SOURCES).with_suffix("").parts))
    assert "log" in source.read_text().splitlines()[int(line["CODE_LINE"]) - 1]
    assert line["_PID"] == line["SYSLOG_PID"] == str(node.process.pid)
    written = until(
        lambda: journal.lines(f"SERVICE={NAME}", f"ZONE={ZONE}", "SERVER=default builtin"), "the change"
    )
    assert {one["PRIORITY"] for one in written} == {"6"}
    everything = journal.lines("SYSLOG_IDENTIFIER=rrdnsd")
    assert all(re.match(r"\[[a-z_]+\] ", one["MESSAGE"]) for one in everything)
    assert any(one["MESSAGE"] == "[updater] started" for one in everything)
    assert node.stop() == 0
    last = "[main] stopping; the records stay as they are"
    until(lambda: journal.lines("SYSLOG_IDENTIFIER=rrdnsd")[-1]["MESSAGE"] == last, "the last line")
    assert node.log == ""


def test_code_file_module_and_line_find_the_line(journal, journal_daemon, builtin):
    journal_daemon(builtin())
    (line,) = until(lambda: journal.lines("CODE_MODULE=rrdnsd.daemon.lifecycle"), "a line by its module")
    assert journal.lines(f"CODE_FILE={line['CODE_FILE']}", f"CODE_LINE={line['CODE_LINE']}") == [line]


def test_a_journald_that_stands_still_does_not_hold_up_the_daemon(
    journal, journal_daemon, builtin, endpoints
):
    node = journal_daemon(builtin())
    until(lambda: (node.health() or {}).get("endpoints") == {"up": 3}, "all are up")
    journal.freeze_and_fill()
    endpoints.stop("127.0.0.3")
    until(lambda: node.health()["endpoints"] == {"down": 1, "up": 2}, "one is down")
    endpoints.start("127.0.0.3")
    until(lambda: node.health()["endpoints"] == {"up": 3}, "all are up again")
    journal.thaw()
    matches = ("SYSLOG_IDENTIFIER=rrdnsd", "ENDPOINT=127.0.0.3", "PRIORITY=4")
    until(lambda: journal.lines(*matches), "what happened meanwhile")


def test_auto_means_text_where_someone_reads_it(journal, journal_daemon, builtin):
    node = journal_daemon(builtin(), "--log-format", "auto")
    node.logged("[updater] started")
    assert journal.lines("SYSLOG_IDENTIFIER=rrdnsd") == []


def test_auto_means_the_journal_under_systemd(journal, journal_daemon, builtin, tmp_path):
    # systemd gives a service a stream of the journal as stderr and tells which in JOURNAL_STREAM.
    config = builtin()
    node = JournalDaemon(tmp_path, config)
    starter = (
        "import os, socket, sys\n"
        "stream = socket.socket(socket.AF_UNIX); stream.connect('/run/systemd/journal/stdout')\n"
        "stream.sendall(b'rrdnsd\\n\\n6\\n1\\n0\\n0\\n0\\n')\n"
        "os.dup2(stream.fileno(), 2); found = os.fstat(2)\n"
        "os.environ['JOURNAL_STREAM'] = f'{found.st_dev}:{found.st_ino}'\n"
        "os.execv(sys.executable, [sys.executable, '-m', 'rrdnsd'])\n"
    )
    node.process = subprocess.Popen(journal.inside(sys.executable, "-c", starter), env=node.env)
    try:
        (line,) = until(
            lambda: journal.lines("CODE_MODULE=rrdnsd.daemon.lifecycle"), "a line with its fields"
        )
        assert (line["_TRANSPORT"], line["MESSAGE"]) == ("journal", "[updater] started")
    finally:
        assert node.stop() == 0


def test_the_journal_is_asked_for_where_there_is_none(daemon, builtin):
    if Path("/run/systemd/journal/socket").exists():
        pytest.skip("this machine has a journald")
    daemon(builtin(), args=("--log-format", "journal")).logged("INFO    [updater] started")


def test_text_is_readable_line_by_line(daemon, builtin, endpoints):
    node = daemon(builtin(loglevel="debug"))
    endpoints.stop("127.0.0.3")
    node.logged("-> down")
    node.stop()
    assert all(TEXT_LINE.fullmatch(line) for line in node.log.splitlines()), node.log


def test_json_is_one_object_a_line(daemon, builtin, endpoints):
    endpoints.stop("127.0.0.3")
    node = daemon(builtin(), args=("--log-format", "json"))
    node.logged("-> down")
    node.stop()
    told = [json.loads(line) for line in node.log.splitlines()]
    (down,) = [line for line in told if line.get("endpoint") == "127.0.0.3"]
    assert (down["level"], down["service"]) == ("warning", NAME)
    assert down["message"].endswith("unknown -> down (down: connection refused)")
    assert all(
        {"time", "level", "message", "code_file", "code_line", "code_module"} <= line.keys() for line in told
    )


@pytest.mark.parametrize(("loglevel", "levels"), [("error", set()), ("warning", {"WARNING"})])
def test_the_level_of_the_configuration(loglevel, levels, daemon, builtin, endpoints):
    endpoints.stop("127.0.0.3")
    node = daemon(builtin(loglevel=loglevel))
    until(lambda: (node.health() or {}).get("endpoints") == {"down": 1, "up": 2}, "one is down")
    node.stop()
    assert {line.split()[2] for line in node.log.splitlines()} == levels


class Liar:
    """An endpoint that answers with what could be taken for something else in a log."""

    def __init__(self, address, port, answer):
        self._listener = socket.create_server((address, port))
        self._answer = answer
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with sock, contextlib.suppress(OSError):  # whoever asked may be gone by then
                sock.recv(4096)
                sock.sendall(self._answer)

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


FORGED = b"2026-11-22 14:03:20.123 ERROR   [main] forged"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 500 \x1b[2J\x1b]0;forged\x07\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 500 Bad\n" + FORGED + b"\n\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://x/\x85\xe2\x80\xa8" + FORGED + b"\r\n\r\n",
        b"\n" + FORGED + b"\n\x1b[31m\x00\xff\xfe",
        b"SSH-2.0-x\r\n" + FORGED + b"\r\n",
    ],
)
def test_control_characters_from_the_network_cannot_forge_log_lines(answer, daemon, builtin, endpoints):
    endpoints.stop("127.0.0.3")
    liar = Liar("127.0.0.3", endpoints.port, answer)
    try:
        node = daemon(builtin(loglevel="debug", service={"expect_status": 204}))
        node.logged(f"127.0.0.3 of {NAME}: unknown -> down")
        node.stop()
    finally:
        liar.close()
    raw = node.log_path.read_bytes()
    assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", raw)
    lines = node.log.split("\n")[:-1]
    assert all(TEXT_LINE.fullmatch(line) and line.isprintable() for line in lines)
    assert not any(" ERROR " in line[:34] for line in lines)


def test_a_terminal_that_is_held_does_not_stop_the_daemon(builtin, tmp_path, endpoints):
    reader, writer = os.pipe()
    node = Daemon(tmp_path, builtin(loglevel="debug"))
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * 4096)
    os.set_blocking(writer, True)
    node.process = subprocess.Popen([sys.executable, "-m", "rrdnsd"], env=node.env, stderr=writer)
    os.close(writer)
    try:
        until(lambda: (node.health() or {}).get("endpoints") == {"up": 3}, "all are up")
        endpoints.stop("127.0.0.3")
        until(lambda: node.health()["endpoints"] == {"down": 1, "up": 2}, "one is down")
        assert node.stop() == 0
    finally:
        node.stop()
        os.close(reader)
