import pytest

from rrdnsd.core.model import EndpointKey
from rrdnsd.web.access import Access
from rrdnsd.web.app import create_app
from rrdnsd.web.heartbeat import add_heartbeat
from support.asgi import ask

SECRET = "Yp3kq7Zr5vXw2nTb"
KNOWN = {EndpointKey("push.example.test", "192.0.2.1"), EndpointKey("push.example.test", "2001:db8::1")}


@pytest.fixture
def site():
    app = create_app(Access())
    taken = []

    def take(key, trouble):
        taken.append((key, trouble))
        return key in KNOWN

    add_heartbeat(app, {"push.example.test": SECRET}.get, take)
    app.state.taken = taken
    return app


async def call(site, service, address, secret=SECRET, query="", client="192.0.2.1"):
    headers = {} if secret is None else {"authorization": f"Bearer {secret}"}
    path = f"/heartbeat/{service}/{address}{query}"
    return await ask(site, "POST", path, headers, client=client)


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:DB8:0::1"])
async def test_a_call_is_taken(site, address):
    assert (await call(site, "Push.Example.test.", address)).status == 204
    ((key, trouble),) = site.state.taken
    assert key in KNOWN
    assert trouble == ""


@pytest.mark.parametrize(
    ("query", "trouble"),
    [
        ("?status=up&text=x", ""),
        ("?status=down", "it says that it is down"),
        ("?status=down&text=disk%20full", "disk full"),
        ("?status=down&text=a%0Ab%1B", "a?b?"),
        (f"?status=down&text={'x' * 500}", "x" * 200),
    ],
)
async def test_what_it_says_of_itself(site, query, trouble):
    assert (await call(site, "push.example.test", "192.0.2.1", query=query)).status == 204
    assert site.state.taken[0][1] == trouble


@pytest.mark.parametrize(
    ("service", "address", "secret"),
    [
        ("push.example.test", "192.0.2.1", "wrong"),
        ("push.example.test", "192.0.2.1", ""),
        ("push.example.test", "192.0.2.1", None),
        ("other.example.test", "192.0.2.1", SECRET),
        ("other.example.test", "192.0.2.1", ""),
        ("push.example.test", "nonsense", SECRET),
        ("-", "192.0.2.1", SECRET),
    ],
)
async def test_who_may_not_call_learns_nothing(site, service, address, secret):
    answer = await call(site, service, address, secret)
    assert answer.status == 401
    assert answer.json["error"] == "the service, the address or the secret is wrong"
    assert site.state.taken == []


async def test_an_address_that_is_no_endpoint_is_told_to_who_has_the_secret(site):
    answer = await call(site, "push.example.test", "192.0.2.99")
    assert (answer.status, answer.json["error"]) == (404, "192.0.2.99 is no endpoint of push.example.test")


async def test_a_status_that_does_not_exist(site):
    assert (await call(site, "push.example.test", "192.0.2.1", query="?status=ok")).status == 422
    assert site.state.taken == []


async def test_who_guesses_is_slowed_down_and_others_are_not(site):
    statuses = [(await call(site, "push.example.test", "192.0.2.1", f"no{n}")).status for n in range(12)]
    assert statuses[0] == 401
    assert statuses[-1] == 429
    assert (await call(site, "push.example.test", "192.0.2.1")).status == 204
