"""Starts processes on one core each and reads from /proc what they cost; tells what machine this is."""

import os
import platform
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
DEADLINE = 15.0


def cores() -> tuple[int, int]:
    """The core for what is measured, and the one for everything that helps."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[-1]


@contextmanager
def process(
    command: Sequence[str | Path], core: int, log: Path, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command on one core until the block ends."""
    with log.open("wb") as output:
        child = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **(env or {})}
        )
        os.sched_setaffinity(child.pid, {core})
        try:
            yield child
        finally:
            if child.poll() is not None:
                print(f"{command[0]} ended by itself:\n{log.read_text()[-2000:]}", file=sys.stderr)
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
                try:
                    child.wait(5)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, all its threads, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def machine_seconds() -> float:
    """CPU time that anything on this machine has used so far, in seconds."""
    fields = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    idle = fields[3] + fields[4]
    return (sum(fields) - idle) / TICKS


def own_seconds() -> float:
    """CPU time of this process and of all that it has started and that still run, in seconds."""
    parents = {}
    for entry in Path("/proc").iterdir():
        # A process may end while it is looked at.
        with suppress(OSError):
            if entry.name.isdigit():
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                parents[int(entry.name)] = int(fields[1])
    family, grown = {os.getpid()}, True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in family} - family
        family |= more
        grown = bool(more)
    return sum(cpu_seconds(pid) for pid in family)


def rss_bytes(pid: int) -> int:
    """Resident memory of a process."""
    return int(re.findall(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())[0]) * 1024


def wait_for(what: str, true: Callable[[], bool], seconds: float = DEADLINE) -> None:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise SystemExit(f"waited {seconds:g} s in vain for {what}")
        time.sleep(0.05)


def answers(port: int, address: str = "127.0.0.1") -> bool:
    """Whether something listens on this port."""
    with socket.socket() as sock:
        return sock.connect_ex((address, port)) == 0


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def host() -> dict[str, str]:
    """What a reader needs to compare the figures with those of another machine."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "CPU": f"{model[1] if model else platform.machine()}, {os.cpu_count()} cores",
        "kernel": f"{platform.system()} {platform.release()}",
        "Python": f"{platform.python_version()}, {ssl.OPENSSL_VERSION}",
    }


def facts() -> dict[str, str]:
    """The same, with the programs that rrdnsd is measured against."""
    return {
        **host(),
        "nginx": version(["nginx", "-v"]),
        "HAProxy": version(["haproxy", "-v"]),
        "gdnsd": version(["gdnsd", "-h"]),
        "blackbox_exporter": version(["prometheus-blackbox-exporter", "--version"]),
    }


def version(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        sys.exit(f"{command[0]} is not installed; tools/system-packages bench installs it")
    return str(re.findall(r"\d+\.\d+\.?\d*", done.stdout + done.stderr)[0])
