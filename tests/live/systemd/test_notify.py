"""The real daemon and a real datagram socket in the place of systemd's."""

import signal
import time
from pathlib import Path

import pytest

from support.daemon import until
from support.names import NAME, ZONE
from support.silence import Silent


@pytest.fixture
def hanging():
    made = Silent("127.0.0.9")
    yield made
    made.close()


def test_ready_after_the_first_full_round_then_alive_then_stopping(managed, manager, named, hanging):
    # One endpoint answers at once, another one fails by its time-out: that is what the round takes.
    check = {"healthcheck": f"http://{{}}:{hanging.port}/", "ipaddrs": [hanging.host]}
    hangs = {"fqdn": f"hangs.{ZONE}", "zone": ZONE, **check}
    began = time.monotonic()
    node = managed(also=[hangs], probe_timeout_ms=1500, probe_interval_ms=2000, fall=1)
    until(lambda: manager.values("READY"), lambda: f"READY in {manager.told}\n{node.log}")
    assert time.monotonic() - began > 1.5
    assert all(entry["reads"] for entry in node.kept(ZONE))
    ready = next(each for each in manager.told if "READY" in each)
    assert ready["STATUS"] == "watching 2 services, 3 endpoints: 2 up, 1 down"
    assert any(status.startswith("first round: ") for status in manager.values("STATUS"))
    until(lambda: named.addresses(NAME) == {"127.0.0.2", "127.0.0.3"}, "published")
    beats = len(manager.values("WATCHDOG"))
    until(lambda: len(manager.values("WATCHDOG")) > beats + 3, "a watchdog that is fed")
    assert "STOPPING" not in {name for each in manager.told for name in each}
    assert node.stop() == 0
    assert manager.told[-1] == {"STOPPING": "1", "STATUS": "stopping; the records stay as they are"}


def test_a_dns_server_that_hangs_keeps_nobody_from_being_ready(managed, manager, hanging):
    node = managed(update_resolvers=[f"{hanging.host}:{hanging.port}"], update_timeout_ms=500)
    until(lambda: manager.values("READY"), lambda: f"READY in {manager.told}\n{node.log}")
    until(lambda: "failing: " in manager.values("STATUS")[-1], lambda: f"{manager.told}")


def test_a_process_that_stands_still_does_not_feed_the_watchdog(managed, manager):
    node = managed()
    until(lambda: manager.values("READY"), lambda: f"READY in {manager.told}\n{node.log}")
    node.process.send_signal(signal.SIGSTOP)
    stat = Path(f"/proc/{node.process.pid}/stat")
    until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T", "it stands still")
    before = len(manager.told)
    time.sleep(1.5)  # three beats
    assert len(manager.told) <= before + 1  # one may have been on its way
    node.process.send_signal(signal.SIGCONT)
    until(lambda: len(manager.told) > before, "it goes on")


def test_a_watchdog_for_another_process_is_not_fed(managed, manager, monkeypatch):
    monkeypatch.setenv("WATCHDOG_PID", "1")
    node = managed()
    until(lambda: manager.values("READY"), lambda: f"READY in {manager.told}\n{node.log}")
    node.stop()
    assert not manager.values("WATCHDOG")
