"""What `rrdnsd demo` shows: the main job, on loopback with the built-in DNS server and nothing else.

The daemon is the real one, in a process of its own; this file plays the endpoints and the person with `dig`.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

NAME = "www.demo.test"
ADDRESSES = ("127.0.0.2", "127.0.0.3", "127.0.0.4")
STEP_SECONDS = 60.0
LOOK_SECONDS = 0.01


@dataclass(slots=True)
class Stage:
    """The endpoints that the demo starts and stops, and what it needs to look at DNS."""

    endpoint_port: int
    dns_port: int
    servers: dict[str, asyncio.Server] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)
    failures: int = 0
    daemon: asyncio.subprocess.Process | None = None

    def alive(self) -> bool:
        """Tell if the daemon runs."""
        return self.daemon is not None and self.daemon.returncode is None

    def say(self, text: str) -> None:
        """Print a line with the time since the start."""
        print(f"{time.monotonic() - self.began:7.2f} s  {text}", flush=True)

    async def start(self, address: str) -> None:
        """Let an endpoint answer."""
        self.servers[address] = await asyncio.start_server(_answer, address, self.endpoint_port)

    async def stop(self, address: str) -> None:
        """Let connections to an endpoint be refused."""
        server = self.servers.pop(address)
        server.close()
        await server.wait_closed()

    async def look(self) -> frozenset[str]:
        """Ask the built-in DNS server as `dig` would."""
        return await asyncio.to_thread(_dig, self.dns_port)

    async def until(self, what: str, wanted: frozenset[str]) -> None:
        """Wait until DNS is as wanted and say how long it took."""
        since = time.monotonic()
        before = seen = await self.look()
        while seen != wanted and time.monotonic() - since < STEP_SECONDS and self.alive():
            await asyncio.sleep(LOOK_SECONDS)
            seen = await self.look()
        took = time.monotonic() - since
        changes = [f"+{a}" for a in sorted(seen - before)] + [f"-{a}" for a in sorted(before - seen)]
        if seen == wanted:
            self.say(f"  DNS: {' '.join(changes) or 'unchanged'}  after {took:.2f} s  ({what})")
        else:
            self.failures += 1
            self.say(
                f"  NOT SEEN within {STEP_SECONDS:g} s: {what}; DNS has {', '.join(sorted(seen)) or 'nothing'}"
            )


def show(*, once: bool) -> int:
    """Run the demonstration, once or until Ctrl-C or a step is not seen; return the exit code."""
    try:
        return asyncio.run(_demo(once=once))
    except KeyboardInterrupt:
        return 0


async def _demo(*, once: bool) -> int:
    with tempfile.TemporaryDirectory(prefix="rrdnsd-demo-") as folder:
        stage = Stage(_free_port(), _free_port())
        for address in ADDRESSES:
            await stage.start(address)
        config = _write_config(Path(folder), stage)
        async with _daemon(config, Path(folder)) as (stage.daemon, log):
            stage.say(f"rrdnsd watches {NAME} on {', '.join(ADDRESSES)}, once a second")
            print(
                f"           ask it yourself:  dig @127.0.0.1 -p {stage.dns_port} {NAME} +short", flush=True
            )
            await stage.until("all endpoints verified and published", frozenset(ADDRESSES))
            await _round(stage)
            while not once and not stage.failures:
                await _round(stage)
            if stage.failures:
                print(log.read_text(), file=sys.stderr)
        for server in stage.servers.values():
            server.close()
        stage.say("done" if not stage.failures else f"{stage.failures} steps were not seen")
        return 1 if stage.failures else 0


async def _round(stage: Stage) -> None:
    one, two, three = ADDRESSES
    everything = frozenset(ADDRESSES)
    stage.say(f"{two} dies")
    await stage.stop(two)
    await stage.until("the dead endpoint is out", everything - {two})
    stage.say(f"{two} comes back")
    await stage.start(two)
    await stage.until("it is published again", everything)
    stage.say(f"{one} dies")
    await stage.stop(one)
    await stage.until("the dead endpoint is out", everything - {one})
    stage.say(f"{three} dies too: most of the service, so rrdnsd doubts itself and empties nothing")
    await stage.stop(three)
    await stage.until("fail-open: all stay published", everything)
    stage.say(f"{one} and {three} come back")
    await stage.start(one)
    await stage.until("only the one that is still dead is out", everything - {three})
    await stage.start(three)
    await stage.until("all is well", everything)


@contextlib.asynccontextmanager
async def _daemon(config: Path, folder: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, Path]]:
    log = folder / "rrdnsd.log"
    with log.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "rrdnsd", "run", "--log-format", "text",
            env={**os.environ, "CONF": str(config)}, stderr=stderr,
        )  # fmt: skip
    try:
        yield process, log
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        await process.wait()


def _write_config(folder: Path, stage: Stage) -> Path:
    node = f"127.0.0.1:{_free_port()}"
    path = folder / "rrdnsd.json"
    config = {
        "conf_version": 1,
        "local_node": node,
        "nodes": [node],
        "probe_interval_ms": 1000,
        "builtin": {"listen": [f"127.0.0.1:{stage.dns_port}"]},
        "services": [
            {
                "fqdn": NAME,
                "zone": "demo.test",
                "ttl": 5,
                "healthcheck": f"http://{{}}:{stage.endpoint_port}/",
                "ipaddrs": list(ADDRESSES),
            }
        ],
    }
    path.write_text(json.dumps(config, indent=2))
    return path


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n")
        await writer.drain()
    writer.close()


def _dig(port: int) -> frozenset[str]:
    import dns.exception  # noqa: PLC0415 -- the command line starts without what only one command needs
    import dns.message  # noqa: PLC0415 -- as above
    import dns.query  # noqa: PLC0415 -- as above
    import dns.rdatatype  # noqa: PLC0415 -- as above

    query = dns.message.make_query(NAME, dns.rdatatype.A)
    try:
        answer = dns.query.udp(query, "127.0.0.1", timeout=1, port=port)
    except (OSError, dns.exception.DNSException):
        return frozenset()
    return frozenset(str(rdata) for rrset in answer.answer for rdata in rrset)
