"""A readable account of a run: who said what, votes, verdicts, writes. Costs nothing while nobody reads it."""

import hashlib
import logging
from collections.abc import Callable

from rrdnsd.peers import wire


class Trace:
    """Takes lines with their virtual time; `write` gets each, and a digest of all of them is kept."""

    def __init__(self, clock: Callable[[], float], write: Callable[[str], object] | None) -> None:
        self._clock = clock
        self._write = write
        self._digest = hashlib.blake2b(digest_size=16)
        self.on = write is not None

    @property
    def digest(self) -> str:
        """Tells two runs apart."""
        return self._digest.hexdigest()

    def note(self, text: str) -> None:
        """Add a line."""
        if self._write:
            line = f"{self._clock():9.3f}  {text}"
            self._digest.update(line.encode())
            self._write(line)

    def message(self, source: str, target: str, body: bytes, status: int) -> None:
        """Tell what a node said to another, unless it was nothing new."""
        if not self.on:
            return
        try:
            request = wire.parse_request(body)
        except wire.WireError:
            self.note(f"{source} -> {target}: garbled, answered {status}")
            return
        said = [f"{key[1]} of {key[0]}?" for key in request.suspects]
        for name, service in request.services.items():
            said += [f"{name}: " + " ".join(f"{a}={vote}" for a, vote in service.votes.items())]
        if request.span:
            said.append(f"that is all in {request.span}")
        said += [f"{entry.key} {entry.value or 'lifted'} {entry.stamp}" for entry in request.entries]
        if request.abstains:
            said.append(f"abstains: {request.abstains}")
        if said or status != 200:
            self.note(f"{source} -> {target} #{request.seq}: {'; '.join(said)}, answered {status}")


class Recorder(logging.Handler):
    """Writes what the nodes log into the trace, and fails the run for what only a bug can log."""

    def __init__(self, trace: Trace, who: Callable[[], str], fail: Callable[[str], None]) -> None:
        super().__init__(logging.DEBUG if trace.on else logging.ERROR)
        self._trace = trace
        self._who = who
        self._fail = fail

    def emit(self, record: logging.LogRecord) -> None:
        text = f"{self._who()} {record.getMessage()}"
        self._trace.note(text)
        if record.exc_info:
            self._fail(f"{text}: {record.exc_info[1]!r}")
