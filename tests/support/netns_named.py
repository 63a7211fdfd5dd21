"""The DNS side of a site in network namespaces: a named, and one who watches all the time what it serves."""

import os
import re
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rdatatype
import dns.tsigkeyring
import dns.update

from support import process
from support.daemon import until
from support.dns_servers import Key, zone
from support.names import NAME, ZONE
from support.netns import Host

FOREIGN = "192.0.2.99"
"""An address of the service that no configuration names: it must never be touched."""
STRANGERS = ("www IN TXT left-alone", "other IN A 192.0.2.7")
DNS_PORT = 53
LOOK = 0.05


class NoAnswerError(Exception):
    """The server does not serve the zone at the moment."""


NO_ANSWER = (NoAnswerError, OSError, dns.exception.DNSException)


class NameServer:
    """named on a host of its own. Its log tells who updated and who tried."""

    def __init__(self, host: Host, folder: Path, records: list[str]) -> None:
        self.host = host
        self.key = Key()
        self.address = f"{host}:{DNS_PORT}"
        self._folder = folder
        self._process: process.Process | None = None
        self._log = folder / "named.log"
        (folder / f"{ZONE}.zone").write_text(zone(ZONE, *records))

    def start(self) -> None:
        self._configure(updates=True, queries=True)
        command = self.host.command("named", "-g", "-c", self._folder / "named.conf")
        self._process = process.start(command, self._log, lambda: self.host.call(_answers, str(self.host)))

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process = None

    def admit(self, *, updates: bool, queries: bool = True) -> None:
        """Refuse the nodes' updates, or all they ask, or admit them again. The watcher may always ask."""
        assert self._process
        self._configure(updates=updates, queries=queries)
        loaded = self._text.count("all zones loaded")
        os.kill(self._process.pid, signal.SIGHUP)
        until(lambda: self._text.count("all zones loaded") > loaded, "named reloaded its configuration")

    def _configure(self, *, updates: bool, queries: bool) -> None:
        (self._folder / "named.conf").write_text(f"""
key "{self.key.name}" {{ algorithm {self.key.algorithm}; secret "{self.key.secret}"; }};
options {{
  directory "{self._folder}"; pid-file "named.pid"; session-keyfile "session.key";
  listen-on {{ {self.host}; }}; listen-on-v6 {{ none; }}; tcp-clients 1000;
  recursion no; dnssec-validation no; notify no;
  allow-query {{ {"any" if queries else WATCHER}; }};
}};
controls {{ }};
zone "{ZONE}" {{
  type primary; file "{ZONE}.zone";
  allow-update {{ {f'key "{self.key.name}"' if updates else "none"}; }};
}};
""")

    @property
    def _text(self) -> str:
        return self._log.read_text(errors="replace")

    def mark(self) -> int:
        """Return a mark in the log, for `writers` and `triers`."""
        return len(self._text)

    def writers(self, since: int = 0) -> set[str]:
        """Return the addresses of those whose updates changed the zone."""
        return {
            *re.findall(
                r"client \S+ ([\d.]+)#\d+\S* .*updating zone .*(?:adding|deleting) an? RR", self._text[since:]
            )
        }

    def triers(self, since: int = 0) -> set[str]:
        """Return the addresses of all who sent an update, whatever became of it."""
        return {*re.findall(r"client \S+ ([\d.]+)#\d+\S* .*updat", self._text[since:])}


WATCHER = "10.77.0.2"


class Watcher:
    """Looks at the DNS server all the time and remembers everything it was ever shown."""

    def __init__(self, host: Host, server: NameServer) -> None:
        self.host = host
        self._server = server
        self._seen: list[tuple[float, frozenset[str]]] = []
        self._stop = threading.Event()
        self._eye = Host("eye", host.namespace, host.addresses)
        self._looking = threading.Thread(target=self._eye.call, args=(self._look,), daemon=True)
        self._looking.start()

    def served(self) -> frozenset[str]:
        """Ask now: the addresses of the service, foreign ones not counted."""
        return self.ask(NAME, "A") - {FOREIGN}

    def seen(self) -> frozenset[str]:
        """Return the last answer that was watched, foreign addresses not counted."""
        return self._seen[-1][1] - {FOREIGN} if self._seen else frozenset()

    def ask(self, name: str, rtype: str) -> frozenset[str]:
        """Ask until there is an answer: a server that has just been told something may need a moment."""
        found: list[frozenset[str]] = []

        def answered() -> bool:
            with suppress(*NO_ANSWER):
                found.append(self.host.call(_records, str(self._server.host), name, rtype))
            return bool(found)

        until(answered, f"an answer about {name} {rtype}")
        return found[0]

    def serial(self) -> int:
        (soa,) = self.ask(ZONE, "SOA")
        return int(soa.split()[2])

    def history(self, since: float = 0.0) -> list[frozenset[str]]:
        """Return the different answers since a moment (`time.monotonic`), the one standing then included."""
        started = [at for at, _ in self._seen if at <= since]
        return [
            records - {FOREIGN} for at, records in self._seen if at >= (started[-1] if started else since)
        ]

    def check(self) -> None:
        """See that what nobody may touch never changed, and that the service was never without a record."""
        assert self._looking.is_alive()
        for _, records in self._seen:
            assert records - {FOREIGN}, f"an empty RRset was served: {self._seen}"
            assert FOREIGN in records, f"the foreign record was touched: {self._seen}"
        assert self.ask(NAME, "TXT") == {'"left-alone"'}
        assert self.ask(f"other.{ZONE}", "A") == {"192.0.2.7"}

    def update(self, change: dns.update.UpdateMessage) -> None:
        """Change the zone by hand, as an administrator would."""
        reply = self.host.call(dns.query.tcp, change, str(self._server.host), 20.0, DNS_PORT)
        assert reply.rcode() == 0, reply

    def remove_by_hand(self, address: str) -> None:
        key = self._server.key
        ring = dns.tsigkeyring.from_text({key.name: key.secret})
        change = dns.update.UpdateMessage(ZONE, keyring=ring, keyalgorithm=key.algorithm)
        change.delete(f"{NAME}.", "A", address)
        self.update(change)

    def close(self) -> None:
        self._stop.set()
        self._looking.join(20)

    def _look(self) -> None:
        while not self._stop.wait(LOOK):
            try:
                records = _records(str(self._server.host), NAME, "A", 0.5)
            except NO_ANSWER:
                continue
            if not self._seen or records != self._seen[-1][1]:
                self._seen.append((time.monotonic(), records))


def _answers(server: str) -> bool:
    try:
        return bool(_records(server, ZONE, "SOA", 0.05))
    except NO_ANSWER:
        return False


def _records(server: str, name: str, rtype: str, timeout: float = 2.0) -> frozenset[str]:
    query = dns.message.make_query(name, rtype, flags=0)
    answer = dns.query.udp(query, server, timeout=timeout, port=DNS_PORT)
    wanted = dns.rdatatype.from_text(rtype)
    if answer.rcode() != 0 or not answer.flags & dns.flags.AA:
        raise NoAnswerError(str(answer))
    return frozenset(str(r) for rrset in answer.answer if rrset.rdtype == wanted for r in rrset)
