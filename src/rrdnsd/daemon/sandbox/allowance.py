"""What the sandbox allows, each with its reason, and what of a wish lies outside of it. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePosixPath


class Right(StrEnum):
    """What may be done with a file, or with everything below a folder. Each but SOCKET includes READ."""

    READ = "read"
    WRITE = "write"
    """Create, change, rename and remove."""
    DEVICE = "device"
    """Read and write what is there already."""
    EXECUTE = "execute"
    SOCKET = "socket"
    """Put a Unix socket into a folder, and remove it."""


@dataclass(frozen=True, slots=True)
class Place:
    """A file or folder with an absolute path; `reason` says for whom."""

    path: str
    right: Right
    reason: str


@dataclass(frozen=True, slots=True)
class Port:
    """A TCP port."""

    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class Capability:
    """A Linux capability that is kept, by its number in linux/capability.h."""

    number: int
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Allowance:
    """What may be done. The texts are reasons: "" means that it is not allowed at all.

    `any_port` lifts the bounds of `connect`, `any_file` those of `places`, which is for what a kernel does not enforce.
    UDP is nowhere bounded: Landlock knows no rule for it.
    """

    places: tuple[Place, ...] = ()
    connect: tuple[Port, ...] = ()
    bind: tuple[Port, ...] = ()
    capabilities: tuple[Capability, ...] = ()
    programs: str = ""
    any_port: str = ""
    any_bind: str = ""
    any_file: str = ""
    raw_sockets: str = ""
    signals: str = ""
    abstract_sockets: str = ""
    _covered: dict[Right, frozenset[str]] = field(default_factory=dict, repr=False, compare=False)

    def covers(self, path: str, right: Right) -> bool:
        """Tell if this may be done with the path, by a rule for itself or for a folder above it."""
        if self.any_file:
            return True
        if not self._covered:
            self._covered.update({r: frozenset(self._paths(r)) for r in Right})
        where = PurePosixPath(path)
        return any(str(above) in self._covered[right] for above in (where, *where.parents))

    def connects(self, number: int) -> bool:
        """Tell if a TCP connection to this port may be opened."""
        return bool(self.any_port) or any(port.number == number for port in self.connect)

    def binds(self, number: int) -> bool:
        """Tell if this TCP port may be listened on."""
        return bool(self.any_bind) or any(port.number == number for port in self.bind)

    def _paths(self, right: Right) -> Iterator[str]:
        for place in self.places:
            if place.right == right or (right == Right.READ and place.right != Right.SOCKET):
                yield place.path


def merged(one: Allowance, other: Allowance) -> Allowance:
    """Return what either of them allows, with the reasons of the first where both do."""
    return Allowance(
        places=tuple({(p.path, p.right): p for p in (*other.places, *one.places)}.values()),
        connect=_by_number(one.connect, other.connect),
        bind=_by_number(one.bind, other.bind),
        capabilities=tuple({c.number: c for c in (*other.capabilities, *one.capabilities)}.values()),
        programs=one.programs or other.programs,
        any_port=one.any_port or other.any_port,
        any_bind=one.any_bind or other.any_bind,
        any_file=one.any_file or other.any_file,
        raw_sockets=one.raw_sockets or other.raw_sockets,
        signals=one.signals or other.signals,
        abstract_sockets=one.abstract_sockets or other.abstract_sockets,
    )


def _by_number(one: tuple[Port, ...], other: tuple[Port, ...]) -> tuple[Port, ...]:
    found = {port.number: port for port in (*other, *one)}
    return tuple(found[number] for number in sorted(found))


def beyond(allowed: Allowance, wanted: Allowance) -> list[str]:
    """Return a sentence for each thing that is wanted and was not allowed at the start."""
    found = [
        f"{_RESTART}, or list it under sandbox.connect_ports".format(
            f"TCP port {port.number} ({port.reason})"
        )
        for port in wanted.connect
        if not allowed.connects(port.number)
    ]
    found += [
        _RESTART.format(f"listening on TCP port {port.number} ({port.reason})")
        for port in wanted.bind
        if not allowed.binds(port.number)
    ]
    found += [
        f"{_RESTART}, or list it under sandbox.{_KEYS[place.right]}".format(
            f"{_VERBS[place.right]} {place.path} ({place.reason})"
        )
        for place in wanted.places
        if not allowed.covers(place.path, place.right)
    ]
    wide = (
        (wanted.any_port, allowed.any_port, "connecting to any TCP port"),
        (wanted.programs, allowed.programs, "running a program"),
        (wanted.raw_sockets, allowed.raw_sockets, "a raw socket"),
    )
    found += [_RESTART.format(f"{what} ({reason})") for reason, there, what in wide if reason and not there]
    return list(dict.fromkeys(found))


_RESTART = "{} is outside of what the sandbox allows since the start; restart rrdnsd"
_KEYS = {
    Right.READ: "read",
    Right.WRITE: "write",
    Right.DEVICE: "write",
    Right.EXECUTE: "execute",
    Right.SOCKET: "write",
}
_VERBS = {
    Right.READ: "reading",
    Right.WRITE: "writing to",
    Right.DEVICE: "writing to",
    Right.EXECUTE: "running",
    Right.SOCKET: "a socket in",
}
