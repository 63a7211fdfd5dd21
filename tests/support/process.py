"""Starts a server as a child process, waits until it is ready, and stops it by its pid."""

import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Process:
    """A running child whose output goes to `log`."""

    popen: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def running(self) -> bool:
        return self.popen.poll() is None

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def stop(self, grace: float = 20.0) -> None:
        """SIGTERM, then SIGKILL after `grace` seconds; does nothing when it has ended already."""
        self.popen.terminate()
        try:
            self.popen.wait(grace)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """SIGKILL."""
        self.popen.kill()
        self.popen.wait(20)


def start(
    command: Sequence[str | Path], log: Path, ready: Callable[[], bool], within: float = 60.0
) -> Process:
    """Start the command and return once `ready()` is true; `ready` is polled and may not raise.

    Raises RuntimeError with the child's output when it ends or is not ready in time.
    """
    with log.open("ab") as out:
        popen = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
        )
    process = Process(popen, log)
    try:
        wait_until(lambda: not process.running or ready(), within, lambda: f"{command[0]} is not ready")
    except BaseException:
        process.stop()
        print(process.output()[-4000:])  # noqa: T201 - pytest shows it beside the failure
        raise
    if not process.running:
        raise RuntimeError(
            f"{command[0]} ended with {popen.returncode}; its output:\n{process.output()[-4000:]}"
        )
    return process


def descendants(pid: int) -> list[int]:
    """The processes that a process has started, and those that they have, as they are now."""
    found: list[int] = []
    with suppress(OSError):  # it may end while it is looked at
        for child in map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
            found += [child, *descendants(child)]
    return found


def wait_until(true: Callable[[], bool], within: float, what: Callable[[], str]) -> None:
    """Poll until `true()`, the less often the longer it lasts; RuntimeError with `what()` after `within` seconds."""
    began = time.monotonic()
    while not true():
        waited = time.monotonic() - began
        if waited > within:
            raise RuntimeError(f"{what()} after {within:g} s")
        time.sleep(min(max(0.01, waited / 20), 0.1))
