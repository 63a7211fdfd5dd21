"""What the sandbox allows in words and as data, for the log and for `rrdnsd check`. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from rrdnsd.config.text import count
from rrdnsd.daemon.sandbox.allowance import Allowance, Place, Port, Right
from rrdnsd.daemon.sandbox.enforcing import Kernel

_ORDER = (Right.READ, Right.WRITE, Right.DEVICE, Right.EXECUTE, Right.SOCKET)
_WORDS = {Right.DEVICE: "write", Right.SOCKET: "socket"}
_ABIS = ((1, "files"), (4, "TCP ports"), (6, "signals and abstract sockets"), (7, "its audit log"))


def line(allowed: Allowance) -> str:
    """Say it in one line, for the log."""
    parts = [
        f"files: {allowed.any_file or _amount(allowed.places)}",
        f"TCP connections to {_any(allowed.any_port) or _numbers(allowed.connect)}",
        f"listening on TCP {_any(allowed.any_bind) or _numbers(allowed.bind)}",
        f"programs: {allowed.programs or 'none'}",
        f"capabilities: {', '.join(c.name for c in allowed.capabilities) or 'none'}",
    ]
    return "; ".join(parts)


def lines(allowed: Allowance, kernel: Kernel) -> Iterator[str]:
    """Say all of it, each with its reason, and what this kernel can enforce."""
    yield from _places(allowed.places)
    yield from _ports("connect", allowed.connect, allowed.any_port)
    yield from _ports("listen", allowed.bind, allowed.any_bind)
    yield "udp      any port: Landlock has no rule for UDP"
    yield f"programs {allowed.programs or 'none'}"
    for capability in allowed.capabilities:
        yield f"keep     {capability.name} ({capability.reason})"
    wide = (("raw sockets", allowed.raw_sockets), ("signals to others", allowed.signals))
    for what, reason in (*wide, ("abstract sockets", allowed.abstract_sockets)):
        yield f"{what}: {f'allowed ({reason})' if reason else 'refused'}"
    yield f"kernel   {enforced(kernel)}"


def enforced(kernel: Kernel) -> str:
    """Say what this kernel can enforce."""
    what = [name for since, name in _ABIS if kernel.landlock >= since]
    bounds = f"Landlock ABI {kernel.landlock}: {', '.join(what)}" if what else "no Landlock"
    return f"{bounds}; {'seccomp' if kernel.seccomp else 'no seccomp: libseccomp.so.2 is missing'}"


def as_data(allowed: Allowance, kernel: Kernel) -> dict[str, object]:
    """Give all of it for JSON."""
    return {
        "enabled": True,
        "places": [{"path": p.path, "right": p.right.value, "reason": p.reason} for p in allowed.places],
        "connect": _port_data(allowed.connect, allowed.any_port),
        "listen": _port_data(allowed.bind, allowed.any_bind),
        "programs": allowed.programs,
        "raw_sockets": allowed.raw_sockets,
        "signals": allowed.signals,
        "abstract_sockets": allowed.abstract_sockets,
        "capabilities": [{"name": c.name, "reason": c.reason} for c in allowed.capabilities],
        "kernel": {"landlock": kernel.landlock, "seccomp": kernel.seccomp},
    }


def _places(places: Sequence[Place]) -> Iterator[str]:
    for right in _ORDER:
        paths: dict[str, list[str]] = {}
        for place in places:
            if place.right is right:
                paths.setdefault(place.reason, []).append(place.path)
        for reason, found in paths.items():
            yield f"{_WORDS.get(right, right.value):<8} {' '.join(found)} ({reason})"


def _amount(places: Sequence[Place]) -> str:
    written = [place.path for place in places if place.right is Right.WRITE]
    return f"{count(len(places), 'place')}, written to: {', '.join(written) or 'none'}"


def _any(reason: str) -> str:
    return f"any port ({reason})" if reason else ""


def _numbers(ports: Sequence[Port]) -> str:
    return ", ".join(str(port.number) for port in ports) or "none"


def _ports(word: str, ports: Sequence[Port], any_port: str) -> Iterator[str]:
    if any_port:
        yield f"{word:<8} any TCP port ({any_port})"
    for port in () if any_port else ports:
        yield f"{word:<8} TCP port {port.number} ({port.reason})"


def _port_data(ports: Sequence[Port], any_port: str) -> Mapping[str, object]:
    return {"any": any_port, "ports": [{"port": p.number, "reason": p.reason} for p in ports]}
