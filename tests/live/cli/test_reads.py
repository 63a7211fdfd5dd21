"""The commands that ask, as real processes against the real HTTP interface with sample data."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rrdnsd.cli import client
from rrdnsd.cli.access import Access
from support.control import WEB, SampleControl
from support.served import Served

PROGRAM = Path(sys.executable).with_name("rrdnsd")
READS = [
    (("status",), "status"),
    (("status", "--service", WEB), f"status?service={WEB}"),
    (("events",), "events?limit=50"),
    (("explain", WEB), f"explain?service={WEB}"),
]


@pytest.mark.parametrize(
    ("command", "path"), READS, ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_json_is_the_answer_of_the_api_unchanged(command, path, served, rrdnsd):
    done = rrdnsd(*command, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == client.ask(Access(url=served.url), path).decode() + "\n"


def test_status(served, rrdnsd):
    done = rrdnsd("status")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0] == "14:13:20  10.0.0.1:3333, 3 nodes: 3 services, 1 degraded"
    assert "  192.0.2.1    up     yes     3 of 3  12.4 ms  paris" in lines
    assert "  maintenance until 15:13 UTC by alice: new switch" in lines
    assert not any("held:" in line for line in lines)
    assert "\x1b" not in done.stdout


def test_status_of_one_service(served, rrdnsd):
    done = rrdnsd("status", "--service", WEB.upper())
    assert "192.0.2.2" in done.stdout
    assert "198.51.100.1" not in done.stdout


@pytest.mark.parametrize(("more", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colours_on_a_terminal_only_and_not_with_no_color(served, terminal, more, coloured):
    shown = terminal("status", **more)
    assert shown.end() == 0
    assert "degraded" in shown.screen
    assert ("\x1b[1;31mdown" in shown.screen) is coloured
    assert ("[33m" in shown.screen) is coloured


def test_watch_on_a_terminal_follows_a_change_until_ctrl_c(served, terminal):
    shown = terminal("status", "--watch")
    shown.see("1 of 3 endpoints is down")
    served.do(setattr, served.control, "paused", "paused by alice: new routers")
    served.do(served.control.touch)
    shown.see("nothing is written: paused by alice: new routers")
    assert shown.end(signal.SIGINT) == 0


def test_watch_goes_on_when_the_daemon_comes_back(tmp_path, terminal):
    with Served(tmp_path):
        shown = terminal("status", "--watch")
        shown.see("1 of 3 endpoints is down")
    shown.see("what follows is from before")
    control = SampleControl()
    control.paused = "by bob after the restart"
    with Served(tmp_path, control):
        shown.see("by bob after the restart")
        assert shown.end(signal.SIGINT) == 0


def test_events_the_newest_last(served, rrdnsd):
    lines = rrdnsd("events", "--limit", 2).stdout.splitlines()
    assert lines == [
        "2026-09-21 14:10:00  order       api.example.org: alice drained 198.51.100.2: kernel update",
        "2026-09-21 14:11:40  write       api.example.org: removed 198.51.100.2 from 192.0.2.53:53 in 0.3 s",
    ]


def test_events_that_are_wanted(served, rrdnsd):
    def texts(*args):
        return [
            line.split("  ", 1)[1].split(maxsplit=1)[0]
            for line in rrdnsd("events", *args).stdout.splitlines()
        ]

    assert texts("--kind", "transition", "--kind", "start") == ["start", "transition"]
    assert texts("--service", WEB, "--address", "192.0.2.2") == ["transition", "write"]
    assert texts("--since", "2026-09-21T14:08:20+00:00", "--until", "2026-09-21T14:10:00Z") == ["order"]
    assert texts("--since", "1m") == []


def test_events_follow_prints_what_was_and_what_comes(served, terminal):
    shown = terminal("events", "--follow", "--limit", "1", "--service", WEB, columns=100)
    shown.see("removed 192.0.2.2")
    served.do(served.control.happen, "transition", "up: 3 of 3 nodes report success", WEB, "192.0.2.2")
    shown.see("up: 3 of 3 nodes report success")
    served.do(served.control.happen, "transition", "of another service", "other.example.org", "192.0.2.9")
    served.do(served.control.happen, "transition", "once more", WEB, "192.0.2.2")
    shown.see("once more")
    assert "of another service" not in shown.screen
    assert "alice" not in shown.screen
    assert shown.end(signal.SIGINT) == 0


def test_events_follow_as_json_is_one_event_a_line(served, terminal):
    shown = terminal("events", "--follow", "--json", "--limit", "1", columns=500)
    shown.see('"details":{"number":5}}')
    served.do(served.control.happen, "transition", "news", WEB, "192.0.2.2")
    shown.see('"text":"news","details":{}}')
    assert [json.loads(line)["kind"] for line in shown.screen.splitlines()] == ["write", "transition"]


def test_explain(served, rrdnsd):
    done = rrdnsd("explain", WEB, "192.0.2.2")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert "    10.0.0.2:3333: down (connection refused)" in lines
    assert "  default 192.0.2.53:53: NOERROR" in lines
    assert "192.0.2.1 is in DNS" not in done.stdout


def test_history(served, rrdnsd):
    done = rrdnsd("history", WEB, "192.0.2.1", "--since", "5h")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == f"{WEB} 192.0.2.1: up 97.00 %"
    assert lines[1].split() == ["from", "uptime", "probes", "failed", "p50", "p90", "p99"]
    assert lines[2].split()[2:] == ["100", "%", "720", "0", "9.0", "ms", "14.5", "ms", "30.2", "ms"]
    assert json.loads(rrdnsd("history", WEB, "--json", "--step", "30m").stdout)["step"] == 1800
    refused = rrdnsd("history", WEB, "--step", "90s")
    assert (refused.returncode, refused.stderr) == (
        2,
        "rrdnsd: --step must be whole minutes, and a day at most\n",
    )


def test_audit(served, rrdnsd):
    lines = rrdnsd("audit").stdout.splitlines()
    assert lines[0].split() == ["when", "who", "did", "what,", "and", "why"]
    assert lines[1].startswith("2026-09-21 14:03:20  alice  maintenance  mail.example.net: new switch")
    assert "kernel update (changed nothing)" in " ".join(" ".join(lines[2:]).split())
    assert json.loads(rrdnsd("audit", "--json", "-n", 1).stdout)["more"] is True


def test_export_can_be_written_to_a_file(served, rrdnsd):
    done = rrdnsd("export")
    assert json.loads(done.stdout)["local_node"] == "10.0.0.1:3333"
    assert done.stderr == "rrdnsd: secrets are left out; the file reads them from RRDNSD_UPDATE_CREDENTIALS\n"
    assert json.loads(rrdnsd("export", "--json").stdout)["secrets"] == ["RRDNSD_UPDATE_CREDENTIALS"]


def test_backtest(served, rrdnsd):
    done = rrdnsd("backtest", WEB, "--fall", 3)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[1] == "now rise 2, fall 2; proposed rise 2, fall 3"
    assert ["192.0.2.2", "40", "1>1", "0>0", "0", "0", "+0.5", "s", "-"] in [line.split() for line in lines]
    assert max(map(len, lines)) <= 80
    compared = json.loads(rrdnsd("backtest", WEB, "192.0.2.2", "--fall", 3, "--json").stdout)
    assert compared["endpoints"]["192.0.2.2"]["down_delays"] == [0.5]
    assert compared["proposed"] == {"rise": 2, "fall": 3}


def test_a_reader_that_has_seen_enough_is_no_error(served, env):
    command = f"set -o pipefail; {PROGRAM} status --json | true"
    done = subprocess.run(
        ["bash", "-c", command], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
