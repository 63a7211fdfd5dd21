"""Hosts as network namespaces on one switch, and the faults between them. Needs root and Debian's iproute2, nftables.

Nothing is made in the root namespace: the switch is a bridge in a namespace of its own, and each cable is made
inside the switch with its other end in the host. All faults are nftables rules of the switch, as a network between
hosts would have them: a packet that is dropped there was sent, and nobody is told. nftables and not `tc netem`,
because it also drops by direction and port and works where a kernel has no netem; only delay needs that.
"""

import ctypes
import ipaddress
import itertools
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, TypeVar

PREFIX = "rrdnsd"
NETWORK = ipaddress.ip_network("10.77.0.0/16")

T = TypeVar("T")
_CLONE_NEWNET = 0x40000000


class NetnsError(Exception):
    """Something cannot be done with the namespaces of this machine."""


def obstacle() -> str:
    """Say why no namespaces can be made here, "" if they can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    missing = [tool for tool in ("ip", "nft") if not shutil.which(tool)]
    if missing:
        return f"network namespaces need {' and '.join(missing)} (Debian: iproute2 nftables)"
    try:
        with Network() as network:
            network.host("one", 1)
            network.host("two", 2)
            network.fail(cut("10.77.0.1", "10.77.0.2"))
    except (NetnsError, OSError) as error:
        return f"no network namespaces can be made here: {error}"
    return ""


@dataclass(eq=False)
class Host:
    """One namespace. Its first address names it in faults."""

    name: str
    namespace: str
    addresses: tuple[str, ...]
    _inside: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        self._inside = ThreadPoolExecutor(1, self.name, initializer=_enter, initargs=(self.namespace,))

    def __str__(self) -> str:
        return self.addresses[0]

    def call(self, function: Callable[..., T], *args: object) -> T:
        """Run a function in a thread that lives in this namespace: the sockets it opens are this host's."""
        return self._inside.submit(function, *args).result()

    def command(self, *words: str | Path) -> list[str]:
        """Return the command line that runs a command here; its process id is that of the command itself."""
        return ["ip", "netns", "exec", self.namespace, *map(str, words)]

    def delay(self, milliseconds: int, jitter: int = 0) -> None:
        """Hold back everything this host sends. NetnsError where the kernel has no netem."""
        _run("tc", "-n", self.namespace, "qdisc", "replace", "dev", "eth0", "root", "netem", "delay",
             f"{milliseconds}ms", f"{jitter}ms")  # fmt: skip

    def close(self) -> None:
        self._inside.shutdown()
        _remove(self.namespace)


class Network:
    """A switch and its hosts. `close` (or leaving the `with`) ends every process in them and removes them all."""

    def __init__(self) -> None:
        sweep()
        self._mark = f"{PREFIX}-{os.getpid()}-{secrets.token_hex(3)}"
        self._switch = f"{self._mark}-switch"
        self._hosts: list[Host] = []
        self._faults: list[str] = []
        try:
            self._make(self._switch, "link add br0 type bridge", "link set br0 up")
            self._apply()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def host(self, name: str, *numbers: int) -> Host:
        """Connect a host with these addresses of the test network, given as numbers: 258 is 10.77.1.2."""
        addresses = tuple(str(NETWORK[number]) for number in numbers)
        namespace, port = f"{self._mark}-{name}", f"p{len(self._hosts)}"
        self._make(namespace)
        self._hosts.append(Host(name, namespace, addresses))
        cable = f"link add {port} type veth peer name eth0 netns {namespace}"
        _batch(self._switch, cable, f"link set {port} master br0 up")
        given = [f"addr add {address}/{NETWORK.prefixlen} dev eth0" for address in addresses]
        _batch(namespace, *given, "link set eth0 up")
        return self._hosts[-1]

    def fail(self, *faults: Iterable[str]) -> None:
        """Let these faults begin, all at the same moment."""
        self._faults += itertools.chain(*faults)
        self._apply()

    def heal(self, *faults: Iterable[str]) -> None:
        """Let these faults end at the same moment; without any, all of them."""
        ended = {*itertools.chain(*faults)}
        self._faults = [rule for rule in self._faults if ended and rule not in ended]
        self._apply()

    def close(self) -> None:
        while self._hosts:
            self._hosts.pop().close()
        _remove(self._switch)

    def _apply(self) -> None:
        rules = [f"add rule bridge faults forward {rule} drop" for rule in self._faults]
        _run("ip", "netns", "exec", self._switch, "nft", "-f", "-", text="\n".join([
            "add table bridge faults",
            "add chain bridge faults forward { type filter hook forward priority 0; }",
            "flush chain bridge faults forward",
            *rules,
        ]))  # fmt: skip

    @staticmethod
    def _make(namespace: str, *commands: str) -> None:
        _run("ip", "netns", "add", namespace)
        _batch(namespace, "link set lo up", *commands)


Place = Host | str
"""A host, or one address of a host."""


def cut(sources: Place | Iterable[Place], targets: Place | Iterable[Place]) -> tuple[str, ...]:
    """The fault that nothing the sources send arrives at the targets; the other direction works."""
    return tuple(f"ip saddr {a} ip daddr {b}" for a, b in itertools.product(_all(sources), _all(targets)))


def apart(some: Place | Iterable[Place], others: Place | Iterable[Place]) -> tuple[str, ...]:
    """The fault that nothing arrives in either direction."""
    some, others = _all(some), _all(others)
    return cut(some, others) + cut(others, some)


def shut(source: Place, target: Place, port: int) -> tuple[str, ...]:
    """The fault that the source cannot open connections to a port of the target, as behind a firewall."""
    return (f"ip saddr {source} ip daddr {target} tcp dport {port}",)


def loss(hosts: Iterable[Place], percent: int) -> tuple[str, ...]:
    """The fault that so many packets out of a hundred are lost between each two of these hosts."""
    hosts = _all(hosts)
    return tuple(f"{rule} numgen random mod 100 < {percent}" for rule in cut(hosts, hosts))


def can_delay() -> bool:
    """Tell if this kernel has netem, which holds packets back; tried on the loopback of a namespace of its own."""
    command = ["unshare", "-n", "tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms"]
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0
    except OSError:
        return False


def sweep() -> None:
    """Remove what a test run left behind that was killed before it could."""
    for namespace in existing():
        owner = namespace.split("-")[1]
        if not Path("/proc", owner).exists():
            _remove(namespace)


def existing() -> list[str]:
    """Return the namespaces of this and of every other test run."""
    names = [line.split()[0] for line in _run("ip", "netns", "list").splitlines() if line]
    return [name for name in names if name.startswith(f"{PREFIX}-") and name.split("-")[1].isdecimal()]


def _all(places: Place | Iterable[Place]) -> tuple[Place, ...]:
    return (places,) if isinstance(places, Host | str) else tuple(places)


def _enter(namespace: str) -> None:
    """Move this thread into a namespace. Python 3.11 has no os.setns."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/run/netns", namespace).open() as file:
        if libc.setns(file.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns to {namespace}")


def _remove(namespace: str) -> None:
    """End the processes in a namespace and remove it; nothing happens if it is not there."""
    with suppress(NetnsError):
        for pid in _run("ip", "netns", "pids", namespace).split():
            if int(pid) != os.getpid():
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
    with suppress(NetnsError):
        _run("ip", "netns", "del", namespace)


def _batch(namespace: str, *commands: str) -> None:
    _run("ip", "-n", namespace, "-batch", "-", text="\n".join(commands) + "\n")


def _run(*words: str, text: str = "") -> str:
    done = subprocess.run(words, input=text, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise NetnsError(f"{' '.join(words)}: {done.stderr.strip() or done.returncode}")
    return done.stdout
