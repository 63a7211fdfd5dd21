"""A real systemd-journald for one test, in a mount namespace of its own where /run is a folder of the test."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from support.process import Process, start

JOURNALD = Path("/usr/lib/systemd/systemd-journald")

CONF = """[Journal]
Storage=volatile
ReadKMsg=no
Audit=no
ForwardToWall=no
SyncIntervalSec=0
RateLimitIntervalSec=0
RuntimeMaxUse=64M
"""


def unavailable() -> str:
    """Why journald cannot be run here; "" if it can."""
    if not JOURNALD.exists() or not Path("/etc/machine-id").exists():
        return "the package systemd is not installed"
    if subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode:
        return "mount namespaces cannot be made here (they need root)"
    return ""


class Journald:
    """The journal of the processes that `inside` starts."""

    def __init__(self, folder: Path) -> None:
        self.run = folder / "run"
        conf = self.run / "systemd" / "journald.conf.d"
        conf.mkdir(parents=True)
        (conf / "test.conf").write_text(CONF)
        for name in ("systemd/journal", "log/journal"):
            (self.run / name).mkdir(parents=True)
        script = 'mount --bind "$1" /run && exec "$2"'
        self.process: Process = start(
            ["unshare", "--mount", "sh", "-c", script, "sh", self.run, JOURNALD],
            folder / "journald.log",
            (self.run / "systemd/journal/socket").exists,
        )

    def inside(self, *command: str | Path) -> list[str]:
        """The command, to be run where /run is this journald's."""
        enter = ["nsenter", f"--target={self.process.pid}", "--mount", f"--wd={Path.cwd()}"]
        return [*enter, *map(str, command)]

    def lines(self, *matches: str) -> list[dict[str, object]]:
        """What `journalctl -o json` tells of the lines with these fields, such as `SERVICE=www.example.test`."""
        done = subprocess.run(
            ["journalctl", f"--directory={self.run / 'log/journal'}", "--output=json", "--all", "--quiet", *matches],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        return [json.loads(line) for line in done.stdout.splitlines()]

    def freeze_and_fill(self) -> None:
        """Let journald stand still, and fill its queue: the next line sent to it waits."""
        os.kill(self.process.pid, signal.SIGSTOP)
        # Each sender has a buffer of its own, so one alone cannot fill the queue.
        for _ in range(100):
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)
                if self._fill(sender) == 0:
                    return
        raise RuntimeError("the queue of journald does not fill")

    def _fill(self, sender: socket.socket) -> int:
        sent = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                sender.sendto(
                    b"MESSAGE=filler\n", f"/proc/{self.process.pid}/root/run/systemd/journal/socket"
                )
                sent += 1
        return sent

    def thaw(self) -> None:
        os.kill(self.process.pid, signal.SIGCONT)

    def stop(self) -> None:
        self.thaw()
        self.process.stop()
        shutil.rmtree(self.run, ignore_errors=True)
