"""Who may do what: every route, every right, every way in; and what is not in the table is reachable by nobody."""

import base64
import itertools
import subprocess
import sys

import pytest

from rrdnsd.config.schema import TokenConfig
from rrdnsd.config.tokens import new_token
from rrdnsd.control.orders import ORDERS
from rrdnsd.peers import wire
from rrdnsd.turns import Readers
from rrdnsd.web.access import API, ROUTES, Access
from rrdnsd.web.api import add_api
from rrdnsd.web.app import create_app
from rrdnsd.web.dashboard import add_dashboard
from rrdnsd.web.heartbeat import PATH as HEARTBEAT
from rrdnsd.web.metrics import add_metrics
from support.asgi import ask
from support.control import WEB, SampleControl

READ_TOKEN, READ_HASH = new_token()
WRITE_TOKEN, WRITE_HASH = new_token()
STRANGE_TOKEN, _ = new_token()
KNOWN = (
    TokenConfig(name="watcher", scope="read", hash=READ_HASH),
    TokenConfig(name="robot", scope="write", hash=WRITE_HASH),
)


async def no_metrics():
    return b""


def built(access):
    app = create_app(access)
    add_api(app, SampleControl(), Readers())
    add_dashboard(app, SampleControl(), access, Readers())
    add_metrics(app, no_metrics)

    @app.post(wire.PATH)
    @app.post(HEARTBEAT)
    async def from_peer():
        return None

    @app.get("/forgotten")
    @app.post("/forgotten")
    async def forgotten():
        raise AssertionError("what is not in the table was reached")

    return app


APPS = {
    (tokens, anonymous): built(Access(KNOWN if tokens else (), anonymous_read=anonymous))
    for tokens in (True, False)
    for anonymous in (True, False)
}
ASKED = sorted(
    {(method, route.path) for route in APPS[True, True].routes for method in route.methods}
    - {("GET", "/forgotten"), ("POST", "/forgotten")}
)


def basic(token):
    return f"Basic {base64.b64encode(f'alice:{token}'.encode()).decode()}"


CREDENTIALS = {
    "none": None,
    "read": f"Bearer {READ_TOKEN}",
    "write": f"Bearer {WRITE_TOKEN}",
    "read by password": basic(READ_TOKEN),
    "write by password": basic(WRITE_TOKEN),
    "strange": f"Bearer {STRANGE_TOKEN}",
    "strange by password": basic(STRANGE_TOKEN),
    "malformed": "Bearer",
    "other kind": "Digest a=b",
}


def allowed(needed, shown, over, *, tokens, anonymous):
    """The rule in words, told a second time: may this caller do what needs this right?"""
    if needed in {"open", "peer", "endpoint"} or over == "socket":
        return True
    knows = tokens and shown.split(" by ")[0] in {"read", "write"}
    if needed == "write":
        return tokens and shown == "write"
    if needed == "named":
        return knows
    return knows or (
        anonymous and shown in {"none", "strange by password", "read by password", "write by password"}
    )


def test_the_table_and_the_application_name_the_same_routes():
    assert set(ASKED) == set(ROUTES)


async def is_as_allowed(route, shown, over, tokens, anonymous, source):
    method, path = route
    headers = {"authorization": CREDENTIALS[shown]}
    uid = 0 if over == "socket" else None
    target = path.format(name="x", fqdn=WEB, service=WEB, address="x") if "{" in path else path
    client = f"2001:db8:0:{source:x}::1"
    body = {} if method == "POST" else b""
    answer = await ask(APPS[tokens, anonymous], method, target, headers, body, uid, client)
    refused = answer.status in {401, 403, 429}
    assert refused is not allowed(ROUTES[route], shown, over, tokens=tokens, anonymous=anonymous), answer.body
    if refused:
        assert set(answer.json) == {"error", "problems"}
        assert READ_TOKEN not in answer.body.decode()


# A stream has no end; it is asked below.
@pytest.mark.parametrize("route", [route for route in ASKED if not route[1].endswith("/stream")])
async def test_every_kind_of_caller_at_every_route(route):
    callers = itertools.product(sorted(CREDENTIALS), ["tcp", "socket"], [True, False], [True, False])
    for number, (shown, over, tokens, anonymous) in enumerate(callers):
        await is_as_allowed(route, shown, over, tokens, anonymous, number)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("shown", sorted(CREDENTIALS))
@pytest.mark.parametrize("over", ["tcp", "socket"])
async def test_a_route_that_the_table_does_not_know_is_for_nobody(method, shown, over):
    headers = {"authorization": CREDENTIALS[shown]}
    answer = await ask(APPS[True, True], method, "/forgotten", headers, {}, 0 if over == "socket" else None)
    assert answer.status in {401, 403, 429}


@pytest.mark.parametrize("route", sorted(r for r, needed in ROUTES.items() if r[1].endswith("/stream")))
@pytest.mark.parametrize("shown", ["none", "strange"])
async def test_a_stream_is_guarded(route, shown):
    answer = await ask(APPS[True, False], *route, {"authorization": CREDENTIALS[shown]}, client="192.0.2.200")
    assert answer.status == 401


async def test_every_change_is_a_post_that_needs_the_right_to_write():
    for order in ORDERS:
        assert ROUTES["POST", f"{API}/{order.path}"] == "write"
    assert {needed for (method, _), needed in ROUTES.items() if method == "POST"} == {
        "write",
        "peer",
        "endpoint",
    }


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:3334"},
    ],
)
async def test_a_page_of_another_site_changes_nothing_even_with_the_token(site, headers):
    answer = await ask(site.app, "POST", "/api/v1/pause", {**site.bearer("robot"), **headers}, {})
    assert answer.status == 403
    assert site.control.ordered == []


@pytest.mark.parametrize(
    "headers", [{"sec-fetch-site": "same-origin"}, {"origin": "http://127.0.0.1:3333"}, {}]
)
async def test_the_own_page_may(site, headers):
    answer = await ask(site.app, "POST", "/api/v1/pause", {**site.bearer("robot"), **headers}, {})
    assert answer.status == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:3333", 200),
        ("[::1]:3333", 200),
        ("localhost:3333", 200),
        ("dash.example.org", 200),
        ("Dash.Example.org.:443", 200),
        ("evil.example:3333", 403),
        ("127.0.0.1.evil.example", 403),
        ("localhost.evil.example", 403),
        (None, 200),
    ],
)
async def test_a_name_that_is_not_this_nodes_reads_nothing_without_a_token(site_with, host, status):
    site = site_with(hosts=("dash.example.org",))
    assert (await ask(site.app, "GET", "/api/v1/status", {"host": host})).status == status
    assert (
        await ask(site.app, "GET", "/api/v1/status", {"host": host, **site.bearer("watcher")})
    ).status == 200
    assert (await ask(site.app, "GET", "/health", {"host": host})).status == 200


async def test_a_browser_is_asked_for_a_password_where_a_page_was_to_be_shown(site_with):
    site = site_with(anonymous_read=False)
    add_dashboard(site.app, site.control, site.access, Readers())
    page = await ask(site.app, "GET", "/dash")
    assert page.headers["www-authenticate"].startswith("Basic ")
    fetched = await ask(site.app, "GET", "/api/v1/status")
    assert fetched.headers["www-authenticate"].startswith("Bearer ")


async def test_two_authorization_headers_count_for_none(site):
    class Twice(dict):
        def items(self):
            return [("authorization", f"Bearer {site.tokens['robot']}")] * 2

    scope_headers = Twice()
    from support.asgi import scope_of  # noqa: PLC0415 -- only here

    scope = scope_of("GET", "/api/v1/export")
    scope["headers"] += [(b"authorization", value.encode()) for _, value in scope_headers.items()]
    sent = []

    async def send(message):
        sent.append(message)

    await site.app(scope, None, send)
    assert sent[0]["status"] == 401


async def test_headers_without_end_are_not_read(site):
    answer = await ask(site.app, "GET", "/health", {"x-long": "x" * 40_000})
    assert answer.status == 431


async def test_wrong_tokens_are_limited_and_right_ones_never(site, caplog):
    wrong = {"authorization": f"Bearer {STRANGE_TOKEN}"}
    statuses = [(await ask(site.app, "GET", "/api/v1/status", wrong)).status for _ in range(15)]
    assert statuses == [401] * 10 + [429] * 5
    refused = await ask(site.app, "GET", "/api/v1/status", wrong)
    assert 1 <= int(refused.headers["retry-after"]) <= 6
    assert (await ask(site.app, "GET", "/api/v1/status", site.bearer("watcher"))).status == 200
    assert (await ask(site.app, "GET", "/api/v1/status", wrong, client="192.0.2.78")).status == 401
    assert STRANGE_TOKEN not in caplog.text
    assert caplog.text.count("192.0.2.77 may not GET /api/v1/status") == 10


def test_what_is_never_used_is_not_loaded_and_is_there_nevertheless():
    code = (
        "import sys\n"
        "from rrdnsd.web import lean\n"
        "lean.load()\n"
        "import rrdnsd.web.server\n"
        "assert not {'click', 'multiprocessing', 'uvicorn.main'} & sys.modules.keys()\n"
        "from rrdnsd.web.api import add_api\n"
        "from rrdnsd.web.app import create_app\n"
        "with lean.without_pydantic_v1(): add_api(create_app(), None, None)\n"
        "assert 'pydantic.v1' not in sys.modules\n"
        "import pydantic.v1\n"
        "from fastapi import FastAPI\n"
        "from fastapi.openapi.models import OpenAPI\n"
        "assert not OpenAPI.__pydantic_complete__\n"
        "assert FastAPI().openapi()['openapi']\n"
        "from uvicorn.main import run\n"
        "assert run\n"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)
