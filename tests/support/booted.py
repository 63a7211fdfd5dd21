"""A Debian of a test's own that really boots: systemd is its process 1, in namespaces of its own, without a network."""

import contextlib
import json
import subprocess
from pathlib import Path

from support.daemon import until
from support.packaging import run


class Booted:
    """The system in `root` (see support.packaging.System), running."""

    def __init__(self, root, log):
        self.log = log
        paths = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        # Neither a host's systemd nor its cgroups are needed: the guest gets the hierarchy of version 2.
        options = ["--boot", "--register=no", "--keep-unit", "--private-network", "--console=pipe", "--quiet"]
        with log.open("wb") as out:
            self._nspawn = subprocess.Popen(
                ["systemd-nspawn", f"--directory={root}", *options],
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                env={**paths, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
            )  # fmt: skip
        self._init = until(self._child, lambda: f"process 1:\n{log.read_text()}")
        until(self._has_booted, lambda: f"a booted system:\n{log.read_text()}", deadline=120)

    def command(self, *words):
        """The command line that runs a command inside, as root."""
        return ["nsenter", f"--target={self._init}", "--all", "--", *map(str, words)]

    def run(self, *words):
        """Run a command inside and return what it prints; AssertionError if it fails."""
        return run(self.command(*words))

    def tried(self, *words):
        """Run a command inside and return how it ended."""
        return subprocess.run(self.command(*words), check=False, capture_output=True, text=True)

    def shown(self, unit, *properties):
        """What `systemctl show` tells of a unit."""
        lines = self.run(
            "systemctl", "show", unit, *(f"--property={name}" for name in properties)
        ).splitlines()
        return dict(line.split("=", 1) for line in lines)

    def journal(self, unit):
        """The lines of a unit, each with its fields."""
        said = self.run("journalctl", "--no-pager", "--quiet", "--output=json", f"--unit={unit}")
        return [json.loads(line) for line in said.splitlines()]

    def stop(self):
        """Switch it off."""
        self._nspawn.terminate()
        try:
            self._nspawn.wait(30)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.wait(10)

    def _child(self):
        pid = self._nspawn.pid
        with contextlib.suppress(FileNotFoundError):
            for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
                # nspawn forks before it starts the init: the namespaces are there once that runs.
                if Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                    return int(child)
        return None

    def _has_booted(self):
        assert self._nspawn.poll() is None, self.log.read_text()
        state = self.tried("systemctl", "is-system-running").stdout.strip()
        return state in {"running", "degraded"} and Path(f"/proc/{self._init}").exists()
