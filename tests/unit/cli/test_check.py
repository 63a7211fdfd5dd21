"""`rrdnsd check` and `rrdnsd schema` as a person or a script calls them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rrdnsd import __version__
from rrdnsd.probes import icmp
from support import commands

EXAMPLES = Path(__file__).parents[3] / "examples"
README = EXAMPLES / "rrdnsd.json"
FULL = EXAMPLES / "rrdnsd.toml"


def run(*args, env=None):
    return commands.run(*args, env={"CONF": None, "LOCAL_NODE": None, **(env or {})})


def test_one_line_when_all_is_well():
    result = run("check", str(README))
    assert (result.exit_code, result.stdout) == (
        0,
        f"{README}: ok, 1 service, 2 endpoints, update method nsupdate\n",
    )


def test_several_update_methods():
    result = run(
        "check",
        str(FULL),
        env={"RRDNSD_TSIG_KEY": "rrkey:c2VjcmV0IQ==", "RRDNSD_CLUSTER_SECRET": "0123456789abcdef"},
    )
    assert result.stdout.endswith(
        ": ok, 3 services, 9 endpoints, update methods builtin, knsupdate, rfc2136\n"
    )


def test_the_sandbox_is_shown_with_its_reasons():
    first, *lines = run("check", "--sandbox", str(README)).stdout.splitlines()
    assert first.startswith(f"{README}: ok")
    assert f"{README}: sandbox: connect  TCP port 8778 (probe of rrdnsd.test)" in lines
    assert f"{README}: sandbox: execute  /usr/bin/nsupdate (provider default)" in lines
    assert lines[-1].startswith(f"{README}: sandbox: kernel   ")


def test_a_sandbox_that_is_switched_off(tmp_path):
    path = tmp_path / "rrdnsd.json"
    path.write_text(json.dumps(json.loads(README.read_text()) | {"sandbox": False}))
    assert run("check", "--sandbox", str(path)).stdout.endswith("off: the configuration switches it off\n")
    assert json.loads(run("check", "--json", str(path)).stdout)["sandbox"] == {"enabled": False}


def test_a_warning_about_voters(tmp_path):
    path = tmp_path / "rrdnsd.json"
    more = {"voters": 2, "nodes": [f"127.0.0.{number}:3333" for number in range(1, 4)]}
    path.write_text(json.dumps(json.loads(README.read_text()) | more | {"local_node": "127.0.0.1:3333"}))
    result = run("check", str(path))
    assert result.exit_code == 0
    assert f"{path}: warning: voters is 2 for rrdnsd.test: nothing is decided" in result.stderr


def test_the_file_is_the_one_that_conf_names():
    assert run("check", env={"CONF": str(README)}).stdout.startswith(f"{README}: ok")


def test_json_output():
    good = json.loads(run("check", "--json", str(README)).stdout)
    assert good.pop("sandbox")["programs"] == "provider default"
    assert good == {
        "path": str(README), "ok": True, "problems": [], "warnings": [],
        "services": 1, "endpoints": 2, "update_methods": ["nsupdate"],
    }  # fmt: skip
    result = run("check", "--json", str(FULL))
    assert result.exit_code == 2
    assert json.loads(result.stdout) == {
        "path": str(FULL),
        "ok": False,
        "problems": [
            "cluster_secret: the environment variable RRDNSD_CLUSTER_SECRET is not set",
            "update_credentials: the environment variable RRDNSD_TSIG_KEY is not set",
        ],
    }


PROBES = {
    "local_node": "127.0.0.1:3333",
    "nodes": ["127.0.0.1:3333"],
    "services": [
        {"fqdn": name, "zone": "example.test", "healthcheck": check, "ipaddrs": ["192.0.2.1", "2001:db8::1"]}
        for name, check in (("a.example.test", "icmp://{}"), ("b.example.test", "grpc://{}:1"))
    ],
}


@pytest.fixture
def probes(tmp_path):
    path = tmp_path / "rrdnsd.json"
    path.write_text(json.dumps(PROBES))
    return str(path)


def test_who_may_not_ping_is_warned_once_for_each_service(probes, monkeypatch):
    monkeypatch.setattr(icmp, "_kind", lambda _family: None)
    result = run("check", probes)
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"{probes}: warning: a.example.test: this process may not send ICMP echo requests")
    assert (result.exit_code, ": ok, 2 services" in result.stdout) == (0, True)
    (warning,) = json.loads(run("check", "--json", probes).stdout)["warnings"]
    assert "CAP_NET_RAW" in warning


def test_a_library_that_is_missing_is_a_mistake(probes, monkeypatch):
    monkeypatch.setitem(sys.modules, "grpc", None)
    result = run("check", probes)
    assert result.exit_code == 2
    assert result.stdout == (
        f"{probes}: services[1].healthcheck: grpc:// needs the library grpcio, which is not installed: install"
        " rrdnsd[grpc]\n"
    )


def test_a_file_name_that_is_no_text(tmp_path):
    result = run("check", str(tmp_path / "\udcff.json"))
    assert result.exit_code == 2
    assert "cannot be read" in result.stdout


def test_the_schema_is_json():
    result = run("schema")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["properties"]["services"]["type"] == "array"


def test_the_version():
    assert run("--version").stdout == f"rrdnsd {__version__}\n"


@pytest.mark.parametrize("name", ["run", "check", "schema"])
def test_help_names_every_command(name):
    assert name in run("--help").stdout


def test_the_command_line_loads_only_what_it_needs():
    code = "import sys, rrdnsd.cli as c; c.app(); print(*{m.partition('.')[0] for m in sys.modules})"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    heavy = {"pydantic", "fastapi", "starlette", "uvicorn", "aiohttp", "dns", "httptools"}
    assert heavy.isdisjoint(printed.split())
