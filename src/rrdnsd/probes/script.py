"""The probe type `script`: a program with the exit codes and output of a Nagios plugin.

Exit code 0 is up; 1 (WARNING) is up as well, with the text; everything else is a failure with the text. 3 (UNKNOWN)
is a failure because a check that cannot tell would otherwise leave its endpoint published for ever; fail-open and
abstention are there for the day on which a broken script says so of all of them.
Source: Monitoring Plugins Development Guidelines, "Plugin Return Codes" and "Plugin Output".
"""

import errno
from dataclasses import dataclass
from typing import ClassVar, cast
from urllib.parse import unquote

from rrdnsd.child import PATH, Ended, Job, run
from rrdnsd.core.model import EndpointKey, ProbeResult
from rrdnsd.errors import ConfigError
from rrdnsd.probes.base import CheckSpec
from rrdnsd.probes.link import explain
from rrdnsd.probes.progress import Progress

_STATUS = {0: "OK", 1: "WARNING", 2: "CRITICAL", 3: "UNKNOWN"}
_UP = frozenset({0, 1})
_OWN_TROUBLE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN})
_LONGEST = 160

FLOOD = 1024 * 1024
"""Bytes after which a script is ended: reading on would keep the event loop busy."""


@dataclass(frozen=True, slots=True)
class ScriptProbe:
    """Runs the program for one endpoint; no shell is involved."""

    at_once: ClassVar[int] = 16

    key: EndpointKey
    timeout: float
    command: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]

    async def probe(self) -> ProbeResult:
        """Run it once."""
        progress = Progress()
        try:
            ended = await run(Job(self.command, env=dict(self.environment), most=FLOOD))
        except OSError as error:
            if error.errno in _OWN_TROUBLE:
                return progress.failed(explain(error))
            return progress.failed(f"the script cannot be run: {explain(error)}")
        ok, reason = judge(ended)
        return ProbeResult(ok, reason, progress.timings())

    def close(self) -> None:
        """Nothing is kept between probes."""


def build(spec: CheckSpec, key: EndpointKey) -> ScriptProbe:
    """Make the probe of one endpoint.

    Raises:
        ConfigError: the template is not of the form ``script:///path``.

    """
    path = unquote(spec.healthcheck.removeprefix("script://"))
    if not path.startswith("/") or "\0" in path:
        raise ConfigError(key.service, [f"{spec.healthcheck!r} is not of the form script:///path"])
    args = cast("tuple[str, ...]", spec.options.get("args", ("{}",)))
    environment = (
        ("PATH", PATH),
        ("LANG", "C.UTF-8"),
        ("LC_ALL", "C.UTF-8"),
        ("RRDNSD_ADDRESS", key.address),
        ("RRDNSD_SERVICE", key.service),
        ("RRDNSD_HOST", spec.host),
        ("RRDNSD_TIMEOUT", f"{spec.timeout:g}"),
    )
    command = (path, *(arg.replace("{}", key.address) for arg in args))
    return ScriptProbe(key, spec.timeout, command, environment)


def judge(ended: Ended) -> tuple[bool, str]:
    """Tell if the endpoint is up, and the sentence: "" for a plain OK."""
    text = first_line(ended.stdout) or first_line(ended.stderr)
    if ended.flooded:
        return False, f"the script wrote more than {FLOOD // 1024} KiB"
    if ended.status < 0:
        return False, f"the script was ended by signal {-ended.status}"
    if ended.status == 0:
        return True, ""
    status = _STATUS.get(ended.status)
    if status is None:
        return False, f"the script ended with {ended.status}, which is no plugin's exit code" + (
            text and f": {text}"
        )
    # Most plugins begin with the word themselves.
    said = text if status in text else f"{status}: {text}" if text else status
    return ended.status in _UP, said


def first_line(output: bytes) -> str:
    """Return the first line of a plugin's output, without performance data, fit to be shown."""
    line = output.strip().split(b"\n", 1)[0].split(b"|", 1)[0].decode(errors="replace").strip()
    short = line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."
    return short if short.isprintable() else "".join(c if c.isprintable() else "?" for c in short)
