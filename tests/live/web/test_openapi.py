"""schemathesis reads the description of the real daemon's API and tries to find an answer that breaks it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rrdnsd.config.tokens import new_token
from support.daemon import Daemon, until
from support.ports import free_port

SUPPORT = Path(__file__).parents[2]
SECONDS = 400

SETTINGS = """
headers = {{ Authorization = "Bearer {token}" }}
hooks = "support.schemathesis_hooks"
request-timeout = 60
seed = 1

[generation]
mode = "all"
max-examples = 8
database = "none"

[checks.not_a_server_error]
# To have no quorum, or nothing to fail over to, may be the right answer.
expected-statuses = ["2xx", "4xx", "503"]

[[operations]]
# What may not go together in a configuration, and how many tiers a service has, a schema cannot tell.
include-path-regex = "((service|endpoint|node)/(add|remove)|failover)$"
checks.positive_data_acceptance.expected-statuses = ["2xx", "404", "409", "422", "503"]
"""


@pytest.fixture
def daemon(tmp_path):
    token, hashed = new_token()
    config = {
        "state_dir": str(tmp_path / "state"),
        "api": {"tokens": [{"name": "robot", "scope": "write", "hash": hashed}]},
        "builtin": {"listen": [f"127.0.0.1:{free_port()}"]},
        "services": [
            {
                "fqdn": "www.example.org",
                "zone": "example.org",
                "healthcheck": "tcp://{}:9",
                "ipaddrs": ["127.0.0.1", "127.0.0.2"],
            }
        ],
    }
    node = Daemon(tmp_path, config).start()
    node.token = token
    try:
        until(node.health, lambda: f"/health:\n{node.log}")
        yield node
    finally:
        node.stop()


@pytest.mark.timeout(SECONDS + 60)
def test_no_answer_breaks_the_description(daemon, tmp_path):
    settings = tmp_path / "schemathesis.toml"
    settings.write_text(SETTINGS.format(token=daemon.token))
    url = f"http://{daemon.node}/api/v1/openapi.json"
    found = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(settings), "run", url),
            # One worker: the parser of Python 3.11, with which hypothesis looks at functions, fails among threads.
            *("--exclude-path-regex", "stream$", "--no-color", "--workers", "1"),
        ],
        env={**os.environ, "PYTHONPATH": str(SUPPORT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert found.returncode == 0, found.stdout[-20_000:] + found.stderr[-2000:]
    assert "bug" not in daemon.log
    assert "Traceback" not in daemon.log
    assert daemon.health() is not None
