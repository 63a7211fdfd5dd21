"""Many services for the dashboard, with a past that looks like one, and the dashboard served in this process."""

import asyncio
import contextlib
import random
import time

from rrdnsd.control import reports as r
from rrdnsd.turns import Readers
from rrdnsd.web.access import Access
from rrdnsd.web.api import add_api
from rrdnsd.web.app import create_app
from rrdnsd.web.dashboard import add_dashboard
from rrdnsd.web.listening import listen
from rrdnsd.web.server import serving
from support import control as sample
from support.asgi import Answer, scope_of


class BoardControl(sample.SampleControl):
    """A sample Control with as many services as wanted; the same seed makes the same board."""

    def __init__(self, services=3, endpoints=3, now=sample.NOW, seed=1):
        super().__init__(now)
        self._dice = random.Random(seed)
        if services > len(self.services):
            self.services += [self._service_no(i, endpoints) for i in range(services - len(self.services))]
        self.histories = 0

    @property
    def now(self):
        """The sample's time, which goes on as real time does."""
        return self._start + time.monotonic() - self._began

    @now.setter
    def now(self, at):
        self._start, self._began = at, time.monotonic()

    def _service_no(self, number, endpoints):
        fqdn = f"{_WORDS[number % len(_WORDS)]}-{number}.example.com"
        made = []
        for i in range(endpoints):
            address = f"10.{number // 250}.{number % 250}.{i + 1}"
            ill = number % 37 == 5 and i == 0
            latency = round(self._dice.lognormvariate(2.3, 0.5), 1)
            made.append(sample.down(address) if ill else sample.endpoint(address, latency_ms=latency))
        bad = any(e.state != "up" for e in made)
        return sample.service(
            fqdn,
            made,
            state="degraded" if bad else "up",
            reason="1 endpoint is down" if bad else "all endpoints are up",
        )

    async def history(self, since, until, step, service=None, address=None):
        self.histories += 1
        first = int(since // step) * step
        found = [
            r.EndpointHistory(s.fqdn, e.address, 0.9987, self._spans(e, first, until, step))
            for s in self.services
            for e in s.endpoints
            if service in (None, s.fqdn) and address in (None, e.address)
        ]
        return r.HistoryReport(since, until, step, found)

    def _spans(self, endpoint, first, until, step):
        dice = random.Random(f"{endpoint.address}{step}")
        level = 4 + dice.random() * 40
        made = []
        for start in range(first, int(until), step):
            level = max(1.0, level * dice.lognormvariate(0, 0.08))
            lost = dice.random() * 0.5 if dice.random() < 0.03 else 0.0
            made.append(r.SpanReport(start, step, step // 5, 0, 1 - lost, level, level * 1.4, level * 2.2))
        return made[3:] if endpoint.label == "berlin" else made


_WORDS = ("shop", "mail", "auth", "cdn", "img", "api", "git", "vpn", "ns", "docs", "chat", "pay")


def dashboard(control, access=None):
    """An application with the API and the dashboard."""
    access = access or Access()
    app = create_app(access)
    readers = Readers()
    add_api(app, control, readers)
    add_dashboard(app, control, access, readers)
    return app


@contextlib.asynccontextmanager
async def served(app):
    """Serve an application on loopback as the daemon does; gives its URL."""
    sock = listen("127.0.0.1", 0)
    host, port = sock.getsockname()
    async with serving(app, sock):
        yield f"http://{host}:{port}"


async def get(app, target, headers=None):
    """Ask as a browser does that stays until the whole answer is there."""
    sent = []

    async def receive():
        await asyncio.Event().wait()

    async def send(message):
        sent.append(message)

    await app(scope_of("GET", target, headers), receive, send)
    found = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], found, b"".join(message.get("body", b"") for message in sent[1:]))
