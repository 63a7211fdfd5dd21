"""The commands that change something, as real processes: what reaches the daemon, and what the person reads."""

import json
import signal
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rrdnsd.control import orders as o
from rrdnsd.control.reports import DrainReport
from support.control import API, MAIL, NOW, WEB, troubled

ADDRESS = "192.0.2.1"
UNTIL = datetime(2099, 5, 1, 14, tzinfo=UTC)
CONFIG = {
    "fqdn": "new.example.org",
    "zone": "example.org",
    "healthcheck": "http://{}/",
    "ipaddrs": ["192.0.2.9"],
}

ORDERS = [
    (("drain", ADDRESS, "--no-wait"), o.Drain(address=ADDRESS)),
    (("drain", ADDRESS, "--no-wait", "--service", WEB), o.Drain(address=ADDRESS, service=WEB)),
    (("undrain", ADDRESS), o.Undrain(address=ADDRESS)),
    (("undrain", ADDRESS, "--service", WEB), o.Undrain(address=ADDRESS, service=WEB)),
    (("maintenance",), o.Maintenance()),
    (("maintenance", WEB, "--until", "2099-05-01T14:00Z"), o.Maintenance(service=WEB, until=UNTIL)),
    (("maintenance", WEB, "--until", "2099-05-01 14:00"), o.Maintenance(service=WEB, until=UNTIL)),
    (("maintenance", "--end"), o.EndMaintenance()),
    (("maintenance", MAIL, "--end"), o.EndMaintenance(service=MAIL)),
    (("pause",), o.Pause()),
    (("resume",), o.Resume()),
    (("failover", WEB), o.Failover(service=WEB)),
    (("failover", WEB, "--to", ADDRESS, "--to", "2001:db8::1"), o.Failover(service=WEB, to=(ADDRESS, "2001:db8::1"))),
    (("failover", WEB, "--tier", "10"), o.Failover(service=WEB, tier=10)),
    (("failover", WEB, "--back"), o.Failback(service=WEB)),
    (("force", WEB, ADDRESS, "up"), o.Force(service=WEB, address=ADDRESS, state="up")),
    (("force", WEB, ADDRESS, "down"), o.Force(service=WEB, address=ADDRESS, state="down")),
    (("force", WEB, ADDRESS, "off"), o.Unforce(service=WEB, address=ADDRESS)),
    (("refresh", WEB), o.Refresh(service=WEB)),
    (
        ("service", "add", "new.example.org", "--zone", "example.org", "--healthcheck", "http://{}/",
         "--address", "192.0.2.9", "--ttl", "30", "--set", "interval_ms=1000", "--set", "host=www.example.org"),
        o.AddService(config={**CONFIG, "ttl": 30, "interval_ms": 1000, "host": "www.example.org"}),
    ),
    (("service", "remove", WEB), o.RemoveService(service=WEB)),
    (("service", "remove", WEB, "--withdraw"), o.RemoveService(service=WEB, withdraw=True)),
    (
        ("endpoint", "add", WEB, "192.0.2.9", "--priority", "10", "--label", "oslo"),
        o.AddEndpoint(service=WEB, address="192.0.2.9", priority=10, label="oslo"),
    ),
    (("endpoint", "remove", WEB, ADDRESS), o.RemoveEndpoint(service=WEB, address=ADDRESS)),
    (("endpoint", "remove", WEB, ADDRESS, "--keep"), o.RemoveEndpoint(service=WEB, address=ADDRESS, keep=True)),
    (("node", "add", "10.0.0.4:3333"), o.AddNode(node="10.0.0.4:3333")),
    (("node", "remove", "10.0.0.3:3333"), o.RemoveNode(node="10.0.0.3:3333")),
    (("reload",), o.Reload()),
]  # fmt: skip


def test_every_order_has_a_command():
    assert {type(order) for _, order in ORDERS} == set(o.ORDERS)


@pytest.mark.parametrize(
    ("command", "meant"), ORDERS, ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else ""
)
def test_what_reaches_the_daemon(command, meant, served, rrdnsd):
    done = rrdnsd(*command, "--why", "new kernel")
    assert (done.returncode, done.stderr) == (0, "")
    ((order, by),) = served.control.ordered
    assert order == meant.model_copy(
        update={"why": "new kernel", "who": "carol", "request_id": order.request_id}
    )
    assert len(order.request_id) == 32
    assert f"{by} did {meant.path}" in done.stdout


def test_a_maintenance_for_a_while(served, rrdnsd):
    assert rrdnsd("maintenance", WEB, "--for", "1h30m").returncode == 0
    ((order, _),) = served.control.ordered
    assert abs(order.until - datetime.now(UTC) - timedelta(minutes=90)) < timedelta(minutes=2)


@pytest.mark.parametrize("where", ["file", "stdin"])
def test_a_service_from_json(where, served, rrdnsd, tmp_path):
    text = json.dumps(CONFIG)
    (tmp_path / "service.json").write_text(text)
    name = tmp_path / "service.json" if where == "file" else "-"
    done = rrdnsd("service", "add", "--file", name, "--ttl", 30, stdin=text)
    assert (done.returncode, done.stderr) == (0, "")
    assert served.control.ordered[0][0].config == {**CONFIG, "ttl": 30}


def test_json_is_the_outcome(served, rrdnsd):
    outcome = json.loads(rrdnsd("pause", "--json", "--who", "dave").stdout)
    assert (outcome["changed"], outcome["unknown_to"], outcome["dry_run"]) == (True, [], False)
    assert served.control.ordered[0][0].who == "dave"


def test_a_dry_run_changes_nothing(served, rrdnsd):
    done = rrdnsd("drain", ADDRESS, "--dry-run")
    assert done.returncode == 0
    assert "would drain" in done.stdout
    assert done.stdout.endswith("(a dry run: nothing was changed)\n")
    assert served.control.ordered == []


def test_an_order_that_stood_already(served, rrdnsd):
    rrdnsd("pause")
    done = rrdnsd("pause")
    assert done.returncode == 0
    assert done.stdout.endswith("(nothing had to be changed)\n")


CONFIRMED = [command for command, _ in ORDERS if not {"undrain", "resume", "--end", "off", "up"} & set(command)
             and command[:2] not in {("service", "add"), ("endpoint", "add"), ("maintenance", WEB)}]  # fmt: skip


@pytest.mark.parametrize("command", CONFIRMED, ids=lambda value: " ".join(value)[:40])
def test_what_takes_away_is_confirmed_on_a_terminal(command, served, terminal):
    shown = terminal(*command)
    shown.see("would")
    shown.see("Do it? [y/N]")
    shown.type("\n")
    assert shown.end() == 1
    assert "nothing was changed" in shown.text
    assert served.control.ordered == []


def test_yes_is_an_answer_and_an_option(served, terminal):
    shown = terminal("pause")
    shown.see("Do it? [y/N]")
    shown.type("y\n")
    assert shown.end() == 0
    assert terminal("pause", "--yes").end() == 0
    assert len(served.control.ordered) == 2


REFUSALS = [("invalid", 2), ("not found", 2), ("conflict", 1), ("unavailable", 1)]


@pytest.mark.parametrize(("trouble", "code"), REFUSALS)
def test_refusals(trouble, code, served, rrdnsd):
    with troubled(served.control, trouble, "the disk is full", "service"):
        done = rrdnsd("refresh", WEB)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "rrdnsd: service: the disk is full\n")


WRONG = [
    (("maintenance", "--for", "2"), "--for must be like 90s, 30m, 2h, 1h30m or 7d, not '2'"),
    (("maintenance", "--until", "2001-01-01"), "--until 2001-01-01 is over already"),
    (("maintenance", "--for", "2h", "--end"), "give one of --for, --until and --end"),
    (("failover", WEB, "--tier", "1", "--back"), "give one of --to, --tier and --back"),
    (("drain", "192.0.2.1", "--timeout", "soon"), "--timeout must be like"),
    (("service", "add"), "give the service by options or by --file"),
    (("service", "add", "--file", "-"), "standard input is no JSON"),
    (("service", "add", "--file", "/nowhere"), "/nowhere cannot be read: No such file or directory"),
    (("service", "add", "x.example.org", "--set", "ttl"), "--set must be like interval_ms=1000, not 'ttl'"),
    (("drain", "192.0.2.300"), "address: "),
]


@pytest.mark.parametrize(
    ("command", "sentence"), WRONG, ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else ""
)
def test_mistakes_end_with_2_and_a_sentence(command, sentence, served, rrdnsd):
    done = rrdnsd(*command)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"rrdnsd: {sentence}")
    assert len(done.stderr.splitlines()) == 1
    assert served.control.ordered == []


class Caches:
    """Lets the drain of an address go on, in the sample."""

    def __init__(self, served):
        self._served = served

    def __call__(self, address, now, safe_at, *, safe=False, waiting_for=""):
        control = self._served.control

        def change():
            control.now = now
            control._change(address, drain=DrainReport(NOW, safe_at, safe, waiting_for))
            control.touch()

        self._served.do(change)


@pytest.fixture
def caches(served):
    return Caches(served)


def test_a_drain_waits_and_tells_when_it_is_safe_to_stop(served, terminal, caches):
    shown = terminal("drain", "198.51.100.1", "--yes")
    shown.see(f"198.51.100.1 is out of {API}; safe to stop at 14:14:20 (in 1 min)")
    caches("198.51.100.1", NOW + 5, NOW + 60)
    shown.see("(in 55 s)")
    caches("198.51.100.1", NOW + 60, NOW + 60, safe=True)
    assert shown.end() == 0
    assert shown.text.endswith("safe to stop now")


def test_a_drain_says_what_it_waits_for(served, terminal, caches):
    shown = terminal("drain", "198.51.100.1", "--yes", columns=120)
    shown.see("safe to stop at")
    caches("198.51.100.1", NOW + 5, None, waiting_for="192.0.2.53:53 still serves it")
    shown.see(f"waiting until 198.51.100.1 is out of {API}: 192.0.2.53:53 still serves it")


def test_ctrl_c_leaves_the_drain_in_place_and_says_so(served, terminal):
    shown = terminal("drain", "198.51.100.1", "--yes")
    shown.see("safe to stop at")
    assert shown.end(signal.SIGINT) == 130
    assert shown.text.endswith("rrdnsd: the drain stays in place; rrdnsd undrain 198.51.100.1 ends it")
    assert [type(order) for order, _ in served.control.ordered] == [o.Drain]


def test_not_safe_in_time(served, rrdnsd):
    done = rrdnsd("drain", "198.51.100.1", "--timeout", "1s")
    assert done.returncode == 3
    assert done.stderr == "rrdnsd: it is not safe to stop yet; the drain stays in place\n"
    assert done.stdout.splitlines()[1:] == [
        f"198.51.100.1 is out of {API}; safe to stop at 14:14:20 (in 1 min)"
    ]


def test_a_drain_that_another_ends(served, terminal):
    shown = terminal("drain", "198.51.100.1", "--yes")
    shown.see("safe to stop at")
    served.do(lambda: setattr(served.control, "services", [
        replace(s, endpoints=[replace(e, drain=None) for e in s.endpoints]) for s in served.control.services
    ]))  # fmt: skip
    assert shown.end() == 3
    assert "is not drained any more" in shown.text
