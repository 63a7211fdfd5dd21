"""The image that `make podman-build-bookworm` builds, run read-only, as its own user and without any capability."""

import json
import subprocess
import sys
import urllib.request

import pytest

from support.daemon import NO_ANSWER, until
from support.endpoints_http import endpoints_at
from support.ports import free_port

pytestmark = pytest.mark.timeout(600)

IMAGE = "localhost/rrdnsd:bookworm"
LOCKED = ("--read-only", "--read-only-tmpfs=false", "--cap-drop=all", "--security-opt=no-new-privileges")


endpoints = endpoints_at("127.0.0.2", "127.0.0.3")


@pytest.fixture
def config(tmp_path, endpoints):
    node = f"127.0.0.1:{free_port()}"
    made = {
        "conf_version": 1,
        "local_node": node,
        "nodes": [node],
        "update_method": "builtin",
        "builtin": {"listen": [f"127.0.0.1:{free_port()}"]},
        "probe_interval_ms": 2000,
        "services": [
            {
                "fqdn": "www.example.test",
                "zone": "example.test",
                "healthcheck": f"http://{{}}:{endpoints.port}/",
                "ipaddrs": ["127.0.0.2", "127.0.0.3"],
            }
        ],
    }
    path = tmp_path / "rrdnsd.json"
    path.write_text(json.dumps(made))
    return path, node


def test_it_is_small_and_belongs_to_nobody(podman, image):
    base = json.loads(podman("image", "inspect", "localhost/debian:test"))[0]
    assert image["Size"] - base["Size"] < 150e6
    assert image["Config"]["User"] == "10053:10053"
    assert image["Config"]["StopSignal"] == "SIGTERM"
    assert set(image["Config"]["Volumes"]) == {"/var/lib/rrdnsd", "/run/rrdnsd"}


def test_there_is_nothing_to_install_with(podman):
    look = "command -v pip pip3 gcc; ls /source /app/lib/lib/python3.*/site-packages/pip 2>/dev/null; true"
    assert podman.run("--network=none", *LOCKED, "--entrypoint=sh", IMAGE, "-c", look) == ""


def test_the_demo(podman):
    said = podman.run("--network=none", "--tmpfs=/tmp", *LOCKED, IMAGE, "demo", "--once")
    assert "127.0.0.2" in said


def test_it_serves_is_healthy_and_stops_when_asked(podman, image, config, tmp_path):
    path, node = config
    mount = f"--volume={path}:/etc/rrdnsd.json:ro"
    path.chmod(0o644)
    log = tmp_path / "log"
    container = podman.start("served", "--network=host", *LOCKED, mount, IMAGE, log=log)
    try:
        until(lambda: _ready(node), lambda: f"ready:\n{log.read_text()}")
        until(lambda: _health(node)["status"] == "ok", lambda: f"{_health(node)}")
        (_, *check) = image["Healthcheck"]["Test"]
        podman("exec", "served", *check)
        uid = podman("exec", "served", "id", "-u").strip()
        assert uid == "10053"
        podman("exec", "served", "rrdnsd", "status")
        podman("kill", "--signal=TERM", "served")
        assert container.wait(60) == 0, log.read_text()
        assert "stopping; the records stay as they are" in log.read_text()
    finally:
        container.terminate()
        container.wait(60)


def test_one_that_does_not_answer_is_not_healthy(podman, image):
    (_, *check) = image["Healthcheck"]["Test"]
    command = podman.command("--network=none", *LOCKED, f"--entrypoint={check[0]}", IMAGE, *check[1:])
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    # Podman says before that it found no systemd to run health checks with.
    assert done.stderr.splitlines()[-1] == "/run/rrdnsd/api.sock: No such file or directory"


def test_another_user_can_be_chosen(podman, config):
    path, _ = config
    path.chmod(0o644)
    mount = f"--volume={path}:/etc/rrdnsd.json:ro"
    said = podman.run("--network=none", *LOCKED, "--user=4242:4242", mount, IMAGE, "check")
    assert "ok" in said


def test_the_one_file_runs_outside(podman, tmp_path):
    """As the README says: `podman run --rm --entrypoint cat localhost/rrdnsd:bookworm /app/rrdnsd > ./rrdnsd_bookworm`."""
    path = tmp_path / "rrdnsd_bookworm"
    with path.open("wb") as file:
        subprocess.run(
            podman.command("--entrypoint=cat", "--network=none", IMAGE, "/app/rrdnsd"),
            check=True,
            stdout=file,
        )
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "PATH": "/usr/bin:/bin"}
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for _ in range(2):  # it unpacks itself, and then it has
        said = subprocess.run(
            [sys.executable, path, "--version"], check=True, capture_output=True, text=True, env=env
        )
        assert said.stdout.startswith("rrdnsd ")
    assert len(list((tmp_path / "cache" / "rrdnsd").iterdir())) == 1
    assert (next((tmp_path / "cache" / "rrdnsd").iterdir()) / "lib" / version).is_dir()


def _health(node):
    with urllib.request.urlopen(f"http://{node}/health", timeout=60) as answer:
        return json.load(answer)


def _ready(node):
    try:
        with urllib.request.urlopen(f"http://{node}/health/ready", timeout=60) as answer:
            return answer.status == 200
    except NO_ANSWER:
        return False
