"""An in-memory `Control` with sample data that hangs together: for tests of the API, the dashboard and the CLI."""

import asyncio
import contextlib
from dataclasses import replace

from rrdnsd.control import orders as o
from rrdnsd.control import reports as r
from rrdnsd.control.base import OrderError, Problem

NOW = 1_790_000_000.0
"""The time of the sample, 2026-09-21 14:13:20 UTC."""

NODES = ("10.0.0.1:3333", "10.0.0.2:3333", "10.0.0.3:3333")
WEB, API, MAIL = "www.example.org", "api.example.org", "mail.example.net"
SERVERS = ("default 192.0.2.53:53", "default 192.0.2.54:53")


def votes(*states, reason="connection refused"):
    return [
        r.VoteReport(node, state, "" if state == "up" else reason, state != "unknown")
        for node, state in zip(NODES, states, strict=True)
    ]


def endpoint(address, **changes):
    usual = {
        "address": address,
        "priority": 0,
        "label": "",
        "state": "up",
        "verdict": "up",
        "reason": "up: 3 of 3 nodes report success",
        "since": NOW - 86_400,
        "pending": False,
        "forced": "",
        "published": True,
        "served": True,
        "latency_ms": 12.4,
        "probe": "200 OK in 12 ms",
        "probe_ok": True,
        "cert_days": None,
        "drain": None,
        "votes": votes("up", "up", "up"),
    }
    return r.EndpointReport(**{**usual, **changes})


def down(address, **changes):
    usual = {
        "state": "down",
        "verdict": "down",
        "reason": "down: 2 of 3 nodes report connection refused; 10.0.0.3:3333 reports up",
        "since": NOW - 300,
        "published": False,
        "served": False,
        "latency_ms": None,
        "probe": "connection refused",
        "probe_ok": False,
        "votes": votes("down", "down", "up"),
    }
    return endpoint(address, **{**usual, **changes})


def served(addresses, rtype="A", **changes):
    usual = {"ttl": 60, "foreign": [], "right": True, "read_at": NOW - 12, "error": ""}
    return [
        r.ServedReport(server, rtype, list(addresses), **{**usual, **changes})
        for server in ("192.0.2.53:53", "192.0.2.54:53")
    ]


def service(fqdn, endpoints, **changes):
    desired = {"A": sorted(e.address for e in endpoints if e.published and ":" not in e.address)}
    six = sorted(e.address for e in endpoints if e.published and ":" in e.address)
    if six:
        desired["AAAA"] = six
    usual = {
        "fqdn": fqdn,
        "zone": fqdn.partition(".")[2],
        "provider": "default",
        "healthcheck": "https://{}/health",
        "ttl": 60,
        "interval_ms": 5000,
        "state": "up",
        "reason": "all endpoints are up",
        "held": "",
        "fail_open": "",
        "maintenance": "",
        "failover": [],
        "desired": desired,
        "served": [one for rtype, found in desired.items() for one in served(found, rtype)],
        "endpoints": list(endpoints),
    }
    return r.ServiceReport(**{**usual, **changes})


def sample_services():
    drain = r.DrainReport(NOW - 40, NOW + 20, safe=False, waiting_for="the caches of resolvers")
    return [
        service(
            WEB,
            [
                endpoint("192.0.2.1", label="paris", cert_days=61),
                down("192.0.2.2", label="berlin"),
                endpoint("2001:db8::1", label="paris", latency_ms=13.1, cert_days=61),
            ],
            state="degraded",
            reason="1 of 3 endpoints is down",
            public=True,
        ),
        service(
            API,
            [
                endpoint("198.51.100.1", latency_ms=4.2),
                endpoint(
                    "198.51.100.2",
                    state="drained",
                    drain=drain,
                    published=False,
                    served=False,
                    latency_ms=4.9,
                ),
            ],
            healthcheck="http://{}:8080/ready",
            reason="all endpoints are up, 1 is drained",
        ),
        service(
            MAIL,
            [endpoint("203.0.113.1"), endpoint("203.0.113.2", priority=10, published=False, served=False)],
            healthcheck="tcp://{}:25",
            maintenance="maintenance until 15:13 UTC by alice: new switch",
            held="maintenance by alice: new switch",
            source="api",
        ),
    ]


def sample_orders():
    return [
        r.StandingOrder(
            "drain", API, "198.51.100.2", [], NOW - 40, None, "alice", "kernel update", "10.0.0.1:3333"
        ),
        r.StandingOrder(
            "maintenance", MAIL, "", [], NOW - 600, NOW + 3600, "alice", "new switch", "10.0.0.2:3333"
        ),
    ]


def sample_cluster():
    peers = [r.PeerReport(node, counted=True, heard_s=0.4, abstains="") for node in NODES[1:]]
    return r.ClusterReport(3, "", "", peers, [], {}, version=1)


def sample_dns():
    return [
        r.ServerReport(server, zone, 120, 4, 3, 116, "")
        for server in SERVERS
        for zone in ("example.org", "example.net")
    ]


def sample_events():
    told = [
        ("start", "", "", "rrdnsd started with 3 services"),
        (
            "transition",
            WEB,
            "192.0.2.2",
            "down: 2 of 3 nodes report connection refused; 10.0.0.3:3333 reports up",
        ),
        ("write", WEB, "192.0.2.2", "removed 192.0.2.2 from 192.0.2.53:53 in 0.4 s"),
        ("order", MAIL, "", "alice began a maintenance: new switch"),
        ("order", API, "198.51.100.2", "alice drained 198.51.100.2: kernel update"),
        ("write", API, "198.51.100.2", "removed 198.51.100.2 from 192.0.2.53:53 in 0.3 s"),
    ]
    return [
        r.EventReport(i + 1, NOW - 600 + 100 * i, kind, fqdn, address, NODES[0], text, {"number": i})
        for i, (kind, fqdn, address, text) in enumerate(told)
    ]


class SampleControl:
    """Answers from memory; an order is remembered in `ordered`, and drain, undrain, pause and resume take effect.

    Set `trouble` to an OrderError and every order and question with a name is answered with it.
    """

    def __init__(self, now=NOW):
        self.now = now
        self.services = sample_services()
        self.standing = sample_orders()
        self.log = sample_events()
        self.ordered = []
        self.trouble = None
        self.paused = ""
        self.is_ready = r.ReadyReport(ready=True, reasons=[])
        self._revision = 1
        self._news = asyncio.Event()

    @property
    def revision(self):
        return self._revision

    async def changed(self, revision):
        while self._revision == revision:
            await self._news.wait()
        return self._revision

    def touch(self):
        """Say that something has changed."""
        self._revision += 1
        self._news.set()
        self._news = asyncio.Event()

    def happen(self, kind, text, fqdn="", address=""):
        """Let an event happen."""
        found = r.EventReport(len(self.log) + 1, self.now, kind, fqdn, address, NODES[0], text)
        self.log.append(found)
        self.touch()
        return found

    def _service(self, name):
        if self.trouble:
            raise self.trouble
        for found in self.services:
            if found.fqdn == name:
                return found
        raise OrderError("not found", [Problem("service", f'"{name}" is no service of this cluster')])

    async def overview(self, _pace=None):
        return self.status()

    def passes(self, _report):
        return False

    def heeds(self, _report):
        return True

    def status(self, service=None):
        shown = self.services if service is None else [self._service(service)]
        return r.StatusReport(
            node=NODES[0],
            now=self.now,
            revision=self._revision,
            mode="active",
            paused=self.paused,
            cluster=sample_cluster(),
            services=list(shown),
            orders=list(self.standing),
            dns=sample_dns(),
            warnings=[],
        )

    def health(self):
        endpoints = {"down": 1, "up": 6}
        return r.HealthReport(
            "ok", [], NODES[0], 86_400.2, 3, endpoints, 0.003, 0.9, 0, sample_dns(), sample_cluster()
        )

    def ready(self):
        return self.is_ready

    def explain(self, service, address=None):
        found = self._service(service)
        chosen = [e for e in found.endpoints if address in (None, e.address)]
        if not chosen:
            raise OrderError("not found", [Problem("address", f"{address} is no endpoint of {service}")])
        return r.Explanation(
            service=service,
            sentence=found.reason,
            addresses=[
                r.AddressExplanation(
                    e.address,
                    e.published,
                    f"{e.address} is {'in' if e.published else 'not in'} DNS: {e.reason}",
                    [f"this node's probe: {e.probe}", e.reason, f"state: {e.state}"],
                )
                for e in chosen
            ],
            ballots={e.address: e.votes for e in chosen},
            thresholds=["down after 2 failures", "up after 2 successes", "quorum: 2 of 3 nodes"],
            orders=[order for order in self.standing if order.service in ("", service)],
            writer=NODES[0],
            plan=dict.fromkeys(SERVERS, "nothing to do"),
            last_rcode=dict.fromkeys(SERVERS, "NOERROR"),
        )

    def _wanted(self, event, wanted):
        return (
            wanted.service in (None, event.service)
            and wanted.address in (None, event.address)
            and (wanted.kinds is None or event.kind in wanted.kinds)
            and (wanted.since is None or event.at >= wanted.since)
            and (wanted.until is None or event.at < wanted.until)
            and (wanted.before_id is None or event.id < wanted.before_id)
            and (wanted.after_id is None or event.id > wanted.after_id)
        )

    async def events(self, wanted, limit=100):
        found = [event for event in self.log if self._wanted(event, wanted)]
        if wanted.after_id is None:
            found.reverse()
        return r.EventsPage(found[:limit], more=len(found) > limit)

    async def follow(self, wanted):
        seen = self.log[-1].id if wanted.after_id is None else wanted.after_id
        while True:
            for event in [event for event in self.log if event.id > seen]:
                seen = event.id
                if self._wanted(event, replace(wanted, after_id=None)):
                    yield event
            await self.changed(self._revision)

    async def history(self, since, until, step, service=None, address=None):
        ends = [
            (s.fqdn, e)
            for s in self.services
            for e in s.endpoints
            if service in (None, s.fqdn) and address in (None, e.address)
        ]
        first = int(since // step) * step
        spans = [
            r.SpanReport(
                start, step, step // 5, int(i % 7 == 3) * 9, 1 - (i % 7 == 3) * 0.2, 9.0, 14.5, 30.25
            )
            for i, start in enumerate(range(first, min(int(until), first + 200 * step), step))
        ]
        return r.HistoryReport(
            since, until, step, [r.EndpointHistory(fqdn, e.address, 0.97, spans) for fqdn, e in ends]
        )

    async def runs(self, since, until, service, address=None):
        found = self._service(service)
        made = [
            r.RunReport(e.address, since, until, e.verdict != "down", 40, "" if e.probe_ok else e.probe)
            for e in found.endpoints
            if address in (None, e.address)
        ]
        return r.RunsReport(service, 2, 2, 5.0, 0.5, made)

    async def audit(self, limit=100, before_id=None):
        rows = [
            r.AuditReport(
                2,
                NOW - 40,
                "alice",
                "drain",
                f"{API} 198.51.100.2",
                "kernel update",
                None,
                {"changed": False},
                "",
            ),
            r.AuditReport(
                1, NOW - 600, "alice", "maintenance", MAIL, "new switch", None, {"until": 1}, "m-1"
            ),
        ]
        found = [row for row in rows if before_id is None or row.id < before_id]
        return r.AuditPage(found[:limit], more=len(found) > limit)

    def export(self):
        config = {
            "local_node": NODES[0],
            "nodes": list(NODES),
            "update_credentials": "env:RRDNSD_UPDATE_CREDENTIALS",
            "services": [
                {
                    "fqdn": s.fqdn,
                    "zone": s.zone,
                    "healthcheck": s.healthcheck,
                    "ipaddrs": [e.address for e in s.endpoints],
                }
                for s in self.services
            ],
        }
        return r.Exported(config, ["RRDNSD_UPDATE_CREDENTIALS"])

    async def order(self, order, by):
        if self.trouble:
            raise self.trouble
        if getattr(order, "service", None):
            self._service(order.service)
        if order.dry_run:
            return r.Outcome(True, [f"{by} would {order.path}"], [], [], None, True)
        self.ordered.append((order, by))
        changed, safe_at = self._apply(order, by)
        self.happen("order", f"{by}: {order.path} {order.why}".rstrip())
        return r.Outcome(changed, [f"{by} did {order.path}"], list(NODES), [], safe_at)

    def _apply(self, order, by):
        match order:
            case o.Drain(address=address):
                return self._drain(order, address, by), self.now + 60
            case o.Undrain(address=address):
                before = len(self.standing)
                self.standing = [s for s in self.standing if (s.kind, s.address) != ("drain", address)]
                self._change(address, state="up", drain=None, published=True, served=True)
                return len(self.standing) != before, None
            case o.Pause():
                changed, self.paused = not self.paused, order.why or "paused"
                return changed, None
            case o.Resume():
                changed, self.paused = bool(self.paused), ""
                return changed, None
        return True, None

    def _drain(self, order, address, by):
        holders = [s for s in self.services if any(e.address == address for e in s.endpoints)]
        if not holders:
            raise OrderError("not found", [Problem("address", f"{address} is no endpoint of any service")])
        drain = r.DrainReport(self.now, self.now + 60, safe=False, waiting_for="the caches of resolvers")
        self._change(address, state="drained", drain=drain, published=False, served=False)
        known = {(s.kind, s.service, s.address) for s in self.standing}
        news = [s.fqdn for s in holders if ("drain", s.fqdn, address) not in known]
        self.standing += [
            r.StandingOrder("drain", fqdn, address, [], self.now, None, by, order.why, NODES[0])
            for fqdn in news
        ]
        return bool(news)

    def _change(self, address, **changes):
        self.services = [
            replace(s, endpoints=[replace(e, **changes) if e.address == address else e for e in s.endpoints])
            for s in self.services
        ]


@contextlib.contextmanager
def troubled(control, trouble, sentence="no", field=""):
    """Let every order end with this trouble while the block runs."""
    control.trouble = OrderError(trouble, [Problem(field, sentence)])
    try:
        yield
    finally:
        control.trouble = None
