"""The commands as an operator types them, against real files and real servers."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rrdnsd import __version__
from support.daemon import Daemon, until
from support.names import NAME, ZONE
from support.ports import free_port

EXAMPLE = Path(__file__).parents[3] / "examples" / "rrdnsd.json"
PROGRAM = Path(sys.executable).with_name("rrdnsd")


def rrdnsd(*args, env=None, within=60):
    return subprocess.run(
        [PROGRAM, *args], env=env, capture_output=True, text=True, timeout=within, check=False
    )


@pytest.fixture
def plan(tmp_path):
    """Run `rrdnsd plan` on a configuration."""

    def run(config, *args):
        made = Daemon(tmp_path, config)
        return rrdnsd("plan", str(made.path), *args)

    return run


def test_plan_says_what_would_change_and_why_and_writes_nothing(dns_server, watch, endpoints, plan):
    server = dns_server("named", f"{NAME}. 5 IN A 127.0.0.3", f"{NAME}. 5 IN A 192.0.2.99")
    serial = server.serial(ZONE)
    endpoints.stop("127.0.0.3")
    done = plan(watch("rfc2136", server))
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout == (
        f"{NAME} on default 127.0.0.1:{server.port}: add 127.0.0.2 (up); "
        "remove 127.0.0.3 (down: connection refused); add ::1 (up) (foreign: 192.0.2.99)\n"
    )
    assert server.serial(ZONE) == serial


def test_plan_ends_with_0_when_dns_is_right(dns_server, watch, plan):
    server = dns_server("named", *(f"{NAME}. 5 IN A 127.0.0.{n}" for n in (2, 3)), f"{NAME}. 5 IN AAAA ::1")
    done = plan(watch("rfc2136", server))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{NAME} on default 127.0.0.1:{server.port}: as it should be\n"


def test_plan_ends_with_1_when_a_server_cannot_be_read_and_tells_of_the_others(dns_server, watch, plan):
    good, bad = dns_server("named"), dns_server("knotd")
    bad.stop()
    done = plan(watch("rfc2136", good, bad))
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert "add 127.0.0.2 (up)" in lines[0]
    assert lines[1] == (
        f"{NAME} on default 127.0.0.1:{bad.port}: 127.0.0.1:{bad.port} refuses TCP connections: "
        "the DNS server is down or listens elsewhere"
    )


@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_plan_ends_with_2_on_mistakes_in_the_configuration(as_json, watch, plan):
    config = watch("rfc2136", services=[])
    done = plan(config, *as_json)
    assert (done.returncode, done.stdout) == (2, "")
    assert ": update_resolvers: " in done.stderr
    assert ": services: " in done.stderr


def test_plan_as_json(dns_server, watch, endpoints, plan):
    server = dns_server("named", f"{NAME}. 5 IN A 127.0.0.3", f"{NAME}. 5 IN AAAA ::1")
    done = plan(watch("nsupdate", server), "--json")
    assert done.returncode == 3
    assert json.loads(done.stdout) == [
        {
            "server": f"default 127.0.0.1:{server.port}", "zone": ZONE, "name": NAME, "change": "add 127.0.0.2 (up)",
            "held": "", "foreign": "", "error": "",
        }
    ]  # fmt: skip


def test_plan_beside_a_running_daemon_agrees_with_it(dns_server, daemon, watch, endpoints, plan):
    server = dns_server("named")
    config = watch("rfc2136", server)
    daemon(config)
    until(lambda: server.addresses(NAME) == {"127.0.0.2", "127.0.0.3"}, "published")
    assert plan(config).returncode == 0


def test_plan_asks_the_builtin_server_of_a_running_daemon(daemon, watch, endpoints, plan):
    port = free_port()
    config = watch("builtin", builtin={"listen": [f"127.0.0.1:{port}"]})
    del config["update_credentials"], config["update_resolvers"]
    assert plan(config).returncode == 1
    node = daemon(config)
    until(lambda: (node.kept(ZONE) or [{"writes": 0}])[0]["writes"], "published")
    done = plan(config)
    assert (done.returncode, done.stdout) == (0, f"{NAME} on default 127.0.0.1:{port}: as it should be\n")


def test_check_of_a_real_file(tmp_path):
    done = rrdnsd("check", str(EXAMPLE))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{EXAMPLE}: ok, 1 service, 2 endpoints, update method nsupdate\n"
    broken = tmp_path / "rrdnsd.json"
    broken.write_text(EXAMPLE.read_text().replace('"ttl": 5', '"tll": 5').replace("{}:8778", "127.0.0.1"))
    done = rrdnsd("check", str(broken))
    assert done.returncode == 2
    assert len(done.stdout.splitlines()) == 2
    assert all(line.startswith(f"{broken}: services[0].") for line in done.stdout.splitlines())


def test_schema_and_version():
    done = rrdnsd("schema")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["type"] == "object"
    assert rrdnsd("--version").stdout == f"rrdnsd {__version__}\n"


def test_a_default_configuration_that_is_not_there(tmp_path):
    missing = tmp_path / "none.json"
    done = rrdnsd(env={"CONF": str(missing)})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{missing}: ")
    assert len(done.stderr.splitlines()) == 1


def test_the_demo_sees_every_step_in_dns_and_ends():
    done = rrdnsd("demo", "--once", within=280)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.count("DNS: ") == 7
    assert "NOT SEEN" not in done.stdout
    assert done.stdout.splitlines()[-1].endswith("done")


def test_two_daemons_of_one_machine_do_not_disturb_each_other(daemon, watch, tmp_path, dns_server):
    server = dns_server("named")
    first = daemon(watch("rfc2136", server))
    other = watch("rfc2136", server)
    other["services"][0]["fqdn"] = f"api.{ZONE}"
    second = daemon({**other, "local_node": f"127.0.0.1:{free_port()}"})
    until(lambda: server.addresses(NAME) == server.addresses(f"api.{ZONE}") != set(), "both are published")
    assert first.health()["status"] == second.health()["status"] == "ok"
