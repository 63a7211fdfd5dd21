"""The life of the package on a bare Debian: installed, run, upgraded, removed, purged."""

import json
import os
import re
import stat
import subprocess
import urllib.request
from pathlib import Path

import pytest

from support.daemon import NO_ANSWER, until
from support.endpoints_http import Endpoints
from support.packaging import System, run
from support.ports import free_port

VOLATILE = re.compile(
    r"/(proc|run|tmp|dev|var/(log|cache)|var/lib/(apt|dpkg)/[^/]+|etc/(passwd|group|g?shadow)-)(/.*)?"
)
"""What dpkg and apt write about themselves, backups of the lists of users, and what is gone after a restart."""

LIBRARIES = "aiohttp, apprise, cryptography, dns, fastapi, grpc, httptools, jinja2, lexicon, pydantic, rich, uvicorn, yaml"


def state(system):
    """Tell of every path what it is, whose it is, and how large; of those in /etc what they hold as well."""
    found = {}
    for folder, folders, files in os.walk(system.root):
        for name in (*folders, *files):
            path = Path(folder, name)
            place = f"/{path.relative_to(system.root)}"
            if not VOLATILE.fullmatch(place):
                found[place] = _of(path, holds=place.startswith("/etc/"))
    return found


def _of(path, holds):
    seen = path.lstat()
    what = ""
    if stat.S_ISLNK(seen.st_mode):
        what = str(path.readlink())
    elif stat.S_ISREG(seen.st_mode):
        what = path.read_bytes() if holds else seen.st_size
    return seen.st_mode, seen.st_uid, seen.st_gid, what


def changed(before, after):
    """The paths that came, went or differ."""
    return {place for place in before.keys() | after.keys() if before.get(place) != after.get(place)}


def dependencies(system, deb):
    """What apt would install besides, asked on the bare system: all that the package has to say it needs."""
    (system.root / "tmp" / deb.name).write_bytes(deb.read_bytes())
    planned = system.run("apt-get", "install", "--simulate", "--no-install-recommends", f"/tmp/{deb.name}")
    return set(re.findall(r"^Inst (\S+)", planned, re.MULTILINE)) - {"rrdnsd"}


def apt(system, *words):
    return system.run("apt-get", "--yes", "-o", "Dpkg::Options::=--force-confdef", *words)


@pytest.mark.timeout(600)
def test_the_life_of_the_package(package, bare, tmp_path):
    deb = package[1]
    system = System(bare, tmp_path / "root")
    needed = dependencies(system, deb)
    assert "systemd" not in needed
    system.install(*sorted(needed))
    before = state(system)

    system.install(deb)
    looks_installed(system)
    finds_its_way(system)
    writes_only_what_purge_removes = runs(system)

    configured = (system.root / "etc/rrdnsd.json").read_text()
    apt(system, "install", "--reinstall", f"/tmp/{deb.name}")
    assert (system.root / "etc/rrdnsd.json").read_text() == configured
    assert owner(system, "/etc/rrdnsd.json") == "root:rrdnsd 640"

    apt(system, "remove", "rrdnsd")
    left = changed(before, state(system))
    users = {"/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow"}
    enabled = {
        p for p in left if "systemd" in p and p.endswith(("rrdnsd.service", "rrdnsd.service.dsh-also"))
    }
    assert left - enabled - writes_only_what_purge_removes == {"/etc/rrdnsd.json", *users}

    apt(system, "purge", "rrdnsd")
    assert changed(before, state(system)) == set()


def owner(system, place):
    return system.run("stat", "--format", "%U:%G %a", place).strip()


def looks_installed(system):
    assert owner(system, "/etc/rrdnsd.json") == "root:rrdnsd 640"
    assert (
        system.run("dpkg-query", "--show", "--showformat", "${Conffiles}", "rrdnsd").split()[0]
        == "/etc/rrdnsd.json"
    )
    user = system.run("getent", "passwd", "rrdnsd").strip().split(":")
    assert user[5:] == ["/var/lib/rrdnsd", "/usr/sbin/nologin"]
    assert (system.root / "etc/systemd/system/multi-user.target.wants/rrdnsd.service").is_symlink()
    assert not re.search(r"missing|^..5", system.run("dpkg", "--verify", "rrdnsd"))
    for page in ("man1/rrdnsd.1.gz", "man5/rrdnsd.json.5.gz"):
        manual(system.root / "usr/share/man" / page)


def manual(path):
    """A page that man formats without a warning."""
    words = ["man", "--warnings", "--encoding=UTF-8", "--local-file", str(path)]
    done = subprocess.run(
        words,
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "MANWIDTH": "80", "LC_ALL": "C.UTF-8"},
    )
    assert done.stderr == ""
    assert "rrdnsd.json(5)" in done.stdout or "healthcheck" in done.stdout


def finds_its_way(system):
    """The command, its libraries and its plug-ins work; libraries of the system are not in the way."""
    assert system.run("rrdnsd", "--version").startswith("rrdnsd ")
    assert "ok" in system.run("rrdnsd", "check")
    assert "www.rrdnsd.test" in system.run("rrdnsd", "check", "--json") + configuration(system)
    python = "/usr/lib/rrdnsd/bin/python3"
    system.run(python, "-I", "-W", "error::ImportWarning", "-c", f"import {LIBRARIES}")
    (system.root / "usr/local/lib/rrdnsd").mkdir()
    paths = system.run(python, "-I", "-c", "import sys; print(sys.path)")
    (system.root / "usr/local/lib/rrdnsd").rmdir()
    assert "/usr/local/lib/rrdnsd" in paths
    assert "dist-packages" not in paths
    assert "all is well" in system.run("rrdnsd", "demo", "--once")
    taught = {
        "bash": "usr/share/bash-completion/completions/rrdnsd",
        "zsh": "usr/share/zsh/vendor-completions/_rrdnsd",
        "fish": "usr/share/fish/vendor_completions.d/rrdnsd.fish",
    }
    for shell, place in taught.items():
        assert (system.root / place).read_text() == system.run("rrdnsd", "completion", shell)


def configuration(system):
    return (system.root / "etc/rrdnsd.json").read_text()


def runs(system):
    """Run the daemon as the service would, with the package's configuration but for ports; returns what it wrote."""
    endpoints = Endpoints("127.0.0.2", "127.0.0.3")
    node = f"127.0.0.1:{free_port()}"
    config = json.loads(configuration(system)) | {"local_node": node, "nodes": [node]}
    config["builtin"] = {"listen": [f"127.0.0.1:{free_port()}"]}
    config["services"][0]["healthcheck"] = f"http://{{}}:{endpoints.port}/"
    (system.root / "etc/rrdnsd.json").write_text(json.dumps(config))
    system.run("install", "-d", "-o", "rrdnsd", "-g", "rrdnsd", "-m", "700", "/var/lib/rrdnsd")
    as_user = ("setpriv", "--reuid=rrdnsd", "--regid=rrdnsd", "--clear-groups", "--no-new-privs")
    words = system.command(*as_user, "rrdnsd", "run", "--log-format", "text")
    log = system.root / "tmp" / "log"
    with log.open("wb") as out:
        daemon = subprocess.Popen(words, stdout=out, stderr=out, env=system.environment())
    try:
        until(lambda: daemon.poll() is not None or is_ready(node), log.read_text)
    finally:
        daemon.terminate()
        code = daemon.wait(60)
        endpoints.close()
    assert code == 0, log.read_text()
    kept = run(["find", system.root / "var/lib/rrdnsd"]).split()
    assert len(kept) > 1
    return {f"/{Path(name).relative_to(system.root)}" for name in kept}


def is_ready(node):
    try:
        with urllib.request.urlopen(f"http://{node}/health/ready", timeout=20) as answer:
            return json.load(answer)["ready"]
    except NO_ANSWER:
        return False
