import json
from dataclasses import asdict, replace

import pytest

from rrdnsd.control.reports import ReadyReport
from rrdnsd.turns import Readers
from rrdnsd.web.answers import Overviews, as_json
from rrdnsd.web.streams import changes
from support.asgi import ask
from support.control import NOW, WEB
from support.idle import until_idle


async def test_all_services_may_be_shown_as_they_were_while_the_next_answer_is_made(site, monkeypatch):
    first = (await ask(site.app, "GET", "/api/v1/status")).json
    site.control.touch()
    monkeypatch.setattr(site.control, "passes", lambda report: report.revision == first["revision"])
    assert (await ask(site.app, "GET", "/api/v1/status")).json == first
    await until_idle()
    assert (await ask(site.app, "GET", "/api/v1/status")).json != first


async def test_nobody_is_shown_what_is_older_than_the_revision_that_a_stream_has_told(site, monkeypatch):
    overviews = Overviews(site.control, Readers())
    first = await overviews.text()
    monkeypatch.setattr(site.control, "passes", lambda _: True)
    site.control.touch()
    following = changes(site.control, overviews.tell)
    await anext(following)
    await following.aclose()
    assert await overviews.text() != first


async def test_status_shows_everything(site):
    answer = await ask(site.app, "GET", "/api/v1/status")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert [s["fqdn"] for s in answer.json["services"]] == [s.fqdn for s in site.control.services]
    assert answer.json["services"][0]["endpoints"][1]["votes"][0]["state"] == "down"


async def test_status_of_one_service_is_asked_by_its_name_in_any_spelling(site):
    answer = await ask(site.app, "GET", "/api/v1/status?service=WWW.Example.org.")
    assert [s["fqdn"] for s in answer.json["services"]] == [WEB]


async def test_an_unknown_service_is_not_found(site):
    answer = await ask(site.app, "GET", "/api/v1/status?service=nowhere.example.org")
    assert answer.status == 404
    sentence = '"nowhere.example.org" is no service of this cluster'
    assert answer.json == {
        "error": f"service: {sentence}",
        "problems": [{"field": "service", "sentence": sentence}],
    }


async def test_explain(site):
    answer = await ask(site.app, "GET", f"/api/v1/explain?service={WEB}&address=192.0.2.2")
    (told,) = answer.json["addresses"]
    assert told["sentence"].startswith("192.0.2.2 is not in DNS")


async def test_events_by_kind_and_page(site):
    page = await ask(site.app, "GET", "/api/v1/events?kind=write&kind=order&limit=2")
    assert [event["id"] for event in page.json["events"]] == [6, 5]
    assert page.json["more"] is True
    older = await ask(site.app, "GET", "/api/v1/events?before=5&limit=2")
    assert [event["id"] for event in older.json["events"]] == [4, 3]
    newer = await ask(site.app, "GET", "/api/v1/events?after=4")
    assert [event["id"] for event in newer.json["events"]] == [5, 6]


async def test_history_is_cut_to_the_last_spans(site):
    answer = await ask(site.app, "GET", f"/api/v1/history?since=0&until={NOW}&step=60")
    assert answer.json["since"] == NOW - 1500 * 60


async def test_a_span_that_ends_before_it_begins_is_empty(site):
    answer = await ask(site.app, "GET", "/api/v1/history?since=20&until=10")
    assert answer.json["endpoints"] == []


async def test_runs(site):
    answer = await ask(site.app, "GET", f"/api/v1/runs?service={WEB}&address=192.0.2.2")
    assert answer.json["runs"][0]["ok"] is False


@pytest.mark.parametrize("name", ["watcher", "robot"])
async def test_audit_and_export_need_a_token(site, name):
    for path in ("/api/v1/audit", "/api/v1/export"):
        assert (await ask(site.app, "GET", path)).status == 401
        assert (await ask(site.app, "GET", path, site.bearer(name))).status == 200


async def test_health_is_alive_while_readiness_waits(site):
    site.control.is_ready = ReadyReport(ready=False, reasons=["no quorum is heard"])
    assert (await ask(site.app, "GET", "/health")).status == 200
    answer = await ask(site.app, "GET", "/health/ready")
    assert (answer.status, answer.json) == (
        503,
        {"ready": False, "reasons": ["no quorum is heard"], "warnings": []},
    )
    site.control.is_ready = ReadyReport(ready=True, reasons=[])
    assert (await ask(site.app, "GET", "/health/ready")).status == 200


async def test_half_of_a_character_from_a_probe_does_not_break_the_answer(site):
    site.control.happen("transition", "bad \ud800 reason")
    answer = await ask(site.app, "GET", "/api/v1/events?limit=1")
    assert answer.json["events"][0]["text"] == "bad \ud800 reason"


@pytest.mark.parametrize("text", ["", 'an "services":[] in a text', "half of a character: \ud800"])
@pytest.mark.parametrize("wanted", ["", f"?service={WEB}"])
async def test_all_services_are_written_as_one_is(site, text, wanted):
    """They are written one after the other: the whole must be what it is when written at once."""
    site.control.paused = text
    site.control.services[0] = replace(site.control.services[0], reason=text)
    answer = await ask(site.app, "GET", f"/api/v1/status{wanted}")
    assert answer.headers["content-type"] == "application/json"
    usual = site.control.status(WEB if wanted else None)
    assert answer.json == asdict(usual)
    if text.isprintable():
        assert answer.body == as_json(usual)


async def test_a_node_that_watches_nothing_has_no_services(site):
    site.control.services.clear()
    assert (await ask(site.app, "GET", "/api/v1/status")).json["services"] == []


@pytest.mark.parametrize(
    ("query", "field", "sentence"),
    [
        ("events?limit=many", "limit", 'must be a whole number, got "many"'),
        ("events?limit=0", "limit", 'must be at least 1, got "0"'),
        ("events?since=nan", "since", "must be a finite number"),
        ("events?kind=orders", "kind[0]", '"transition" or "write", got "orders", did you mean "order"?'),
        ("events?servce=a", "servce", 'unknown, did you mean "service"?'),
        ("status?service=192.0.2.1", "service", "is an IP address, a domain name is needed here"),
        ("explain", "service", "is required"),
        (f"explain?service={WEB}&address=web", "address", "is a host name, give its IP addresses instead"),
        ("history?step=61", "step", 'must be a multiple of 60, got "61"'),
    ],
)
async def test_a_wrong_parameter_gets_one_clear_sentence(site, query, field, sentence):
    answer = await ask(site.app, "GET", f"/api/v1/{query}")
    assert answer.status == 422
    (problem,) = answer.json["problems"]
    assert problem["field"] == field
    assert sentence in problem["sentence"]


async def test_errors_without_a_route_have_the_same_shape(site):
    missing = await ask(site.app, "GET", "/api/v1/nothing")
    assert (missing.status, missing.json["problems"]) == (404, [])
    wrong = await ask(site.app, "DELETE", "/api/v1/status")
    assert (wrong.status, wrong.headers["allow"]) == (405, "GET")
    assert wrong.json["error"] == "DELETE means nothing here, GET does"


async def test_a_bug_is_told_without_its_insides(site, caplog):
    def broken(_service=None):
        raise RuntimeError("s3cret")

    site.control.status = broken
    with pytest.raises(RuntimeError):
        await ask(site.app, "GET", "/api/v1/status")
    assert "bug while answering GET /api/v1/status" in caplog.text


@pytest.mark.parametrize("path", ["/health", "/api/v1/status", "/api/v1/nothing", "/api/v1/docs"])
async def test_every_answer_carries_the_headers_that_bind_a_browser(site, path):
    headers = (await ask(site.app, "GET", path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]


async def test_the_description_is_openapi_and_complete(site):
    described = (await ask(site.app, "GET", "/api/v1/openapi.json")).json
    assert described["openapi"].startswith("3.1")
    text = json.dumps(described)
    parts = described["components"]["schemas"]
    for reference in {word.split('"')[0] for word in text.split("#/components/schemas/")[1:]}:
        assert reference in parts
    for path, item in described["paths"].items():
        for operation in item.values():
            assert "security" in operation, path
            assert {"422", "401"} <= set(operation["responses"]), path


async def test_the_docs_page_needs_nothing_from_elsewhere(site):
    answer = await ask(site.app, "GET", "/api/v1/docs")
    text = answer.body.decode()
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "<script" not in text
    assert "<link" not in text
    assert "://" not in text.replace("https://{}/health", "")
    assert "POST <code>/api/v1/drain</code>" in text
