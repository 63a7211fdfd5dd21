"""Asks an ASGI application without a server between."""

import json
from dataclasses import dataclass

from rrdnsd.web.connection import CONNECTION, Connection


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


def scope_of(method, target, headers=None, uid=None, client="192.0.2.77"):
    path, _, query = target.partition("?")
    usual = {"host": "127.0.0.1:3333"}
    given = {**usual, **{name.lower(): value for name, value in (headers or {}).items()}}
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(k.encode(), v.encode("latin-1")) for k, v in given.items() if v is not None],
        "client": (client, 5),
        "server": ("127.0.0.1", 3333),
        "state": {},
        CONNECTION: Connection(uid),
    }


async def ask(app, method, target, headers=None, body=b"", uid=None, client="192.0.2.77"):
    """Send a request and return the whole answer; a body that is no bytes goes as JSON."""
    headers = dict(headers or {})
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
        headers.setdefault("content-type", "application/json")
    coming = [{"type": "http.request", "body": body, "more_body": False}]
    sent = []

    async def receive():
        return coming.pop() if coming else {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    await app(scope_of(method, target, headers, uid, client), receive, send)
    start = sent[0]
    return Answer(
        start["status"],
        {k.decode().lower(): v.decode() for k, v in start["headers"]},
        b"".join(message.get("body", b"") for message in sent[1:]),
    )
