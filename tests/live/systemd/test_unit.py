"""The packaged unit under a real systemd: a Debian is made, the package is installed with apt, and it is booted."""

import json
import subprocess
import time

import pytest

from support.booted import Booted
from support.daemon import until
from support.packaging import ROOT, System, booting_debian

pytestmark = pytest.mark.timeout(600)

UNIT = "rrdnsd.service"
FILE = ROOT / "debian" / UNIT

CONFIG = {
    "conf_version": 1,
    "local_node": "127.0.0.1:3333",
    "nodes": ["127.0.0.1:3333"],
    "cluster_secret": "file:cluster-secret",
    "probe_interval_ms": 1000,
    "update_method": "builtin",
    "builtin": {"listen": ["127.0.0.1:53"]},
    "services": [
        {
            "fqdn": "www.example.test",
            "zone": "example.test",
            "healthcheck": "icmp://{}",
            "ipaddrs": ["127.0.0.2", "127.0.0.3"],
        }
    ],
}
CREDENTIAL = """[Service]
LoadCredential=cluster-secret:/etc/rrdnsd-cluster-secret
# So that the test need not wait for as long as an operator would.
WatchdogSec=10
"""


def test_it_is_hardened():
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=15", "--no-pager", FILE],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="session")
def booted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("booted")
    system = System(booting_debian(tmp_path_factory), folder / "root")
    etc = system.root / "etc"
    (etc / "rrdnsd.json").write_text(json.dumps(CONFIG))
    secret = etc / "rrdnsd-cluster-secret"
    secret.write_text("a secret that is long enough for every node\n")
    secret.chmod(0o600)
    (etc / "systemd/system/rrdnsd.service.d").mkdir(parents=True)
    (etc / "systemd/system/rrdnsd.service.d/credential.conf").write_text(CREDENTIAL)
    # The tests start it.
    system.run("systemctl", "disable", UNIT)
    machine = Booted(system.root, folder / "boot.log")
    machine.root = system.root
    yield machine
    machine.stop()


@pytest.fixture
def running(booted):
    """A machine with rrdnsd started, which `systemctl start` waits for."""
    (booted.root / "etc/rrdnsd.json").write_text(json.dumps(CONFIG))
    booted.run("systemctl", "reset-failed")
    done = booted.tried("systemctl", "start", UNIT)
    assert done.returncode == 0, booted.run("journalctl", "--no-pager")
    return booted


def test_systemd_finds_nothing_wrong_with_it(booted):
    done = booted.tried("systemd-analyze", "verify", "--man=no", UNIT)
    assert (done.returncode, done.stdout, [*_about_rrdnsd(done.stderr)]) == (0, "", [])


def test_a_start_ends_when_the_first_round_has(running):
    shown = running.shown(UNIT, "ActiveState", "StatusText")
    assert shown["ActiveState"] == "active"
    # Pinged without being root, and served on port 53.
    assert shown["StatusText"] == "watching 1 service, 2 endpoints: 2 up"


def test_the_journal_has_the_fields(running):
    lines = until(
        lambda: [line for line in running.journal(UNIT) if line.get("ENDPOINT") == "127.0.0.2"], "a line"
    )
    assert lines[0]["SERVICE"] == "www.example.test"
    assert "CODE_FILE" in lines[0]


def test_the_command_line_reaches_it_and_strangers_do_not(running):
    assert "www.example.test" in running.run("rrdnsd", "status")
    nobody = ("setpriv", "--reuid=nobody", "--regid=nogroup")
    stranger = running.tried(*nobody, "--clear-groups", "rrdnsd", "pause")
    assert stranger.returncode != 0
    member = running.tried(*nobody, "--groups=rrdnsd", "rrdnsd", "pause")
    assert member.returncode == 0, member.stderr
    assert "nobody" in running.run("rrdnsd", "audit")
    running.run("rrdnsd", "resume")


def test_its_own_sandbox_is_in_force_as_well(running):
    said = until(
        lambda: [line for line in _of_this_start(running) if line["MESSAGE"].startswith("[sandbox]")],
        "a line",
    )
    # A kernel without Landlock is no fault of the unit; system calls that it would have to permit are.
    refused = [
        line["MESSAGE"] for line in said if int(line["PRIORITY"]) < 6 and "Landlock" not in line["MESSAGE"]
    ]
    assert refused == []


def test_a_reload_is_over_when_the_new_file_counts(running):
    pid = running.shown(UNIT, "MainPID")
    more = {**CONFIG["services"][0], "fqdn": "more.example.test", "ipaddrs": ["127.0.0.4"]}
    (running.root / "etc/rrdnsd.json").write_text(
        json.dumps({**CONFIG, "services": [*CONFIG["services"], more]})
    )
    running.run("systemctl", "reload", UNIT)
    assert "more.example.test" in running.run("rrdnsd", "status")
    assert running.shown(UNIT, "MainPID", "ActiveState") == {**pid, "ActiveState": "active"}


def test_a_reload_of_a_bad_file_fails_and_changes_nothing(running):
    pid = running.shown(UNIT, "MainPID")
    (running.root / "etc/rrdnsd.json").write_text(json.dumps({**CONFIG, "ttl": -1}))
    assert running.tried("systemctl", "reload", UNIT).returncode != 0
    until(lambda: any("ttl" in line["MESSAGE"] for line in running.journal(UNIT)), "it is told")
    assert running.shown(UNIT, "MainPID", "ActiveState") == {**pid, "ActiveState": "active"}


def test_a_process_that_stands_still_is_started_anew(running):
    before = running.shown(UNIT, "MainPID")["MainPID"]
    restarts = int(running.shown(UNIT, "NRestarts")["NRestarts"])
    running.run("sh", "-c", f"kill -STOP {before}")

    def again():
        shown = running.shown(UNIT, "MainPID", "ActiveState", "NRestarts")
        return (
            shown["ActiveState"] == "active"
            and shown["MainPID"] != before
            and int(shown["NRestarts"]) > restarts
        )

    until(again, lambda: running.shown(UNIT, "MainPID", "ActiveState", "Result", "NRestarts"))
    assert "www.example.test" in running.run("rrdnsd", "status")


def test_a_mistake_in_the_configuration_is_not_tried_again(running):
    running.run("systemctl", "stop", UNIT)
    (running.root / "etc/rrdnsd.json").write_text(json.dumps({**CONFIG, "ttl": -1}))
    assert running.tried("systemctl", "start", UNIT).returncode != 0
    shown = running.shown(UNIT, "ActiveState", "ExecMainStatus", "NRestarts")
    assert shown == {"ActiveState": "failed", "ExecMainStatus": "2", "NRestarts": "0"}


def test_a_stop_is_quick_and_clean(running):
    began = time.monotonic()
    running.run("systemctl", "stop", UNIT)
    assert time.monotonic() - began < 12  # systemd would have killed it after 15
    shown = running.shown(UNIT, "ActiveState", "Result", "ExecMainStatus")
    assert shown == {"ActiveState": "inactive", "Result": "success", "ExecMainStatus": "0"}
    assert not (running.root / "run/rrdnsd").exists()


def _of_this_start(machine):
    start = machine.shown(UNIT, "InvocationID")["InvocationID"]
    return [line for line in machine.journal(UNIT) if line.get("_SYSTEMD_INVOCATION_ID") == start]


def _about_rrdnsd(text):
    return (line for line in text.splitlines() if "rrdnsd" in line)
