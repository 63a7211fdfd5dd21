"""Runs a target under the coverage-guided fuzzer atheris (libFuzzer), in a process of its own, and tells what came of it."""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from fuzz.targets import words

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
SECONDS_EACH = 5
"""An input that takes longer is a hang."""

LIMIT_MB = 1024
"""A run that needs more is ended by libFuzzer."""

LOG_MOST = 64 * 1024

WARM_UP = 0.25
"""The share of a run after which its memory shall have settled; libFuzzer's own corpus grows a little all the time."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`found` holds the inputs that broke the target; `log` is what the fuzzer printed; memory is in MB."""

    status: int
    found: tuple[Path, ...]
    runs: int
    warm: float
    peak: float
    log: str

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return self.status == 0 and not self.found


def run(name: str, seconds: int, findings: Path) -> Outcome:
    """Fuzz for so many seconds, from the corpus on; what is found lies in `findings`."""
    findings.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="rrdnsd-fuzz-") as folder:
        log, grown = Path(folder, "log"), Path(folder, "corpus")
        grown.mkdir()
        dictionary = Path(folder, "words")
        dictionary.write_text("".join(f"{json.dumps(word)}\n" for word in words(name)))
        command = [
            *(sys.executable, "-m", "fuzz.child", name),
            *(f"-max_total_time={seconds}", f"-timeout={SECONDS_EACH}", f"-rss_limit_mb={LIMIT_MB}"),
            *([f"-dict={dictionary}"] if words(name) else []),
            *("-max_len=16384", "-print_final_stats=1", f"-artifact_prefix={findings}/{name}-"),
            *(str(grown), str(CORPUS / name)),
        ]
        with log.open("w") as printed:
            child = subprocess.Popen(
                command,
                env={**os.environ, "PYTHONPATH": str(HERE.parent)},
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
            )
            try:
                warm, peak = _watched(child, seconds)
            finally:
                child.kill()
                status = child.wait()
        text = _tail(log)
    return Outcome(status, tuple(sorted(findings.glob(f"{name}-*"))), _runs(text), warm, peak, text)


def _watched(child: "subprocess.Popen[bytes]", seconds: int) -> tuple[float, float]:
    """Wait for its end; returns its memory after the warm-up and at the most, in MB."""
    began = time.monotonic()
    warm = peak = 0.0
    while time.monotonic() < began + seconds + 60 + SECONDS_EACH:
        try:
            child.wait(0.5)
        except subprocess.TimeoutExpired:
            peak = max(peak, _resident_mb(child.pid))
            if time.monotonic() < began + WARM_UP * seconds + SECONDS_EACH:
                warm = peak
            continue
        return warm, peak
    raise TimeoutError(f"the fuzzer did not end {60 + SECONDS_EACH} s after its time")


def _resident_mb(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("VmRSS")), 0.0)


def _tail(log: Path) -> str:
    with log.open("rb") as printed:
        printed.seek(max(0, log.stat().st_size - LOG_MOST))
        return printed.read().decode(errors="replace")


def _runs(log: str) -> int:
    prefix = "stat::number_of_executed_units:"
    return next((int(line.split()[-1]) for line in log.splitlines() if line.startswith(prefix)), 0)
