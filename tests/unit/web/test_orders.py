import pytest

from rrdnsd.control.orders import ORDERS, Drain
from rrdnsd.web.examples import EXAMPLES
from support.asgi import ask
from support.control import API, WEB, troubled


@pytest.mark.parametrize("kind", ORDERS, ids=lambda kind: kind.path)
async def test_every_order_reaches_the_daemon_with_the_name_of_its_token(site, kind):
    body = {**EXAMPLES[kind], "dry_run": False}
    site.control._service = lambda _name: None
    answer = await ask(site.app, "POST", f"/api/v1/{kind.path}", site.bearer("robot"), body)
    assert answer.status == 200, answer.body
    assert answer.json["changed"] in {True, False}
    ((order, by),) = site.control.ordered
    assert (type(order), by) == (kind, "robot")


async def test_a_drain_takes_effect_once(site):
    body = {"address": "192.0.2.1", "service": WEB, "why": "update"}
    first = await ask(site.app, "POST", "/api/v1/drain", site.bearer("robot"), body)
    second = await ask(site.app, "POST", "/api/v1/drain", site.bearer("robot"), body)
    assert (first.json["changed"], second.json["changed"]) == (True, False)
    assert first.json["safe_at"] == site.control.now + 60
    assert site.control.ordered[0][0] == Drain(address="192.0.2.1", service=WEB, why="update")


@pytest.mark.parametrize(
    ("trouble", "status"), [("invalid", 422), ("not found", 404), ("conflict", 409), ("unavailable", 503)]
)
async def test_what_the_daemon_refuses(site, trouble, status):
    with troubled(site.control, trouble, "it cannot be", "address"):
        answer = await ask(site.app, "POST", "/api/v1/pause", site.bearer("robot"), {})
    assert answer.status == status
    assert answer.json["problems"] == [{"field": "address", "sentence": "it cannot be"}]
    assert ("retry-after" in answer.headers) == (status == 503)


@pytest.mark.parametrize(
    ("path", "body", "field", "sentence"),
    [
        ("drain", {}, "address", "is required"),
        ("drain", {"address": "web1"}, "address", "is a host name"),
        ("drain", {"address": "192.0.2.1", "adress": 1}, "adress", 'unknown, did you mean "address"?'),
        ("drain", {"address": 5}, "address", "must be text, got 5"),
        ("drain", {"address": "192.0.2.1", "dry_run": "yes"}, "dry_run", 'must be true or false, got "yes"'),
        ("pause", {"why": "x" * 501}, "why", "must be at most 500 characters"),
        ("pause", {"why": "a\nb"}, "why", "characters that are allowed here"),
        ("pause", {"who": "a\x1b[31mb"}, "who", "characters that are allowed here"),
        ("pause", {"request_id": "a b"}, "request_id", "characters that are allowed here"),
        (
            "force",
            {"service": WEB, "address": "192.0.2.1", "state": "off"},
            "state",
            '"up" or "down", got "off"',
        ),
        ("maintenance", {"until": "2030-01-01T00:00:00"}, "until", "must be a time with its offset from UTC"),
        ("maintenance", {"until": 1790000000}, "until", "must be a time with its offset from UTC"),
        ("maintenance", {"until": "soon"}, "until", "must be a time with its offset from UTC"),
        ("failover", {"service": WEB, "to": ["a"]}, "to[0]", "is a host name"),
        ("failover", {"service": WEB, "to": "192.0.2.1"}, "to", "must be a list"),
        ("failover", {"service": WEB, "tier": -1}, "tier", "must be at least 0"),
        ("service/add", {"config": []}, "config", "must be an object"),
        ("node/add", {"node": "10.0.0.4"}, "node", "has no port"),
        ("pause", [], "", "the body must be one JSON object"),
        ("pause", b"{", "", "the body is not valid JSON: EOF"),
        ("pause", b"", "", "the body is not valid JSON: EOF"),
    ],
)
async def test_a_mistake_gets_one_clear_sentence_and_changes_nothing(site, path, body, field, sentence):
    headers = {**site.bearer("robot"), "content-type": "application/json"}
    answer = await ask(site.app, "POST", f"/api/v1/{path}", headers, body)
    assert answer.status == 422, answer.body
    (problem,) = answer.json["problems"]
    assert problem["field"] == field
    assert sentence in problem["sentence"]
    assert site.control.ordered == []


async def test_all_mistakes_come_at_once(site):
    body = {"service": "a b", "address": "x", "state": "off"}
    answer = await ask(site.app, "POST", "/api/v1/force", site.bearer("robot"), body)
    assert [p["field"] for p in answer.json["problems"]] == ["service", "address", "state"]


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonp"]
)
async def test_a_body_that_is_not_declared_as_json(site, kind):
    headers = {**site.bearer("robot"), "content-type": kind}
    answer = await ask(site.app, "POST", "/api/v1/pause", headers, b"{}")
    assert answer.status == 415
    assert "Content-Type: application/json" in answer.json["error"]


async def test_a_body_that_is_too_large(site):
    headers = {**site.bearer("robot"), "content-type": "application/json"}
    body = b'{"why": "' + b"x" * 1_048_576 + b'"}'
    answer = await ask(site.app, "POST", "/api/v1/pause", headers, body)
    assert answer.status == 413
    assert "1048576 bytes" in answer.json["error"]


async def test_an_example_for_every_order():
    assert set(EXAMPLES) == set(ORDERS)
    for kind, example in EXAMPLES.items():
        kind.model_validate(example)


async def test_undrain_brings_it_back(site):
    answer = await ask(
        site.app, "POST", "/api/v1/undrain", site.bearer("robot"), {"address": "198.51.100.2", "service": API}
    )
    assert answer.json["changed"] is True
    assert all(order.address != "198.51.100.2" for order in site.control.standing)
