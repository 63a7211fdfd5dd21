"""What the pages hold, with sample reports: complete without a script, and whatever the names are."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest

from rrdnsd.control.reports import CheckReport, DrainReport, EventReport
from rrdnsd.errors import RrdnsdError
from support.board import BoardControl, dashboard, get
from support.control import API, MAIL, NODES, WEB, down, endpoint, served, service

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> {{7*7}} \u202e"
VOID = {"meta", "link", "input", "br", "img", "hr"}


class Page(HTMLParser):
    """Checks that elements are closed in order, and collects them."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.words = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID and tag != "option":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag != "option":
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]


async def html(control, path):
    answer = await get(dashboard(control), path)
    assert answer.status == 200, answer.body
    return answer.body.decode()


async def page(control, path="/dash"):
    return Page(await html(control, path))


@pytest.fixture
def control():
    return BoardControl()


@pytest.mark.parametrize("path", ["/dash", f"/dash/service/{WEB}", "/dash/events", f"/public/{WEB}"])
async def test_every_page_says_its_language_and_has_one_heading_of_the_first_level(control, path):
    made = await page(control, path)
    assert made.all("html") == [{"lang": "en"}]
    assert len(made.all("h1")) == 1
    assert len(made.all("main")) == 1


@pytest.mark.parametrize("path", ["/dash", f"/dash/service/{WEB}", "/dash/events", f"/public/{WEB}"])
async def test_nothing_is_inline_and_nothing_comes_from_elsewhere(control, path):
    made = await page(control, path)
    assert made.all("style") == []
    for tag, attrs in made.elements:
        assert not [name for name in attrs if name == "style" or name.startswith("on")], (tag, attrs)
        for name in ("src", "href", "action"):
            assert attrs.get(name, "/").startswith(("/", "#")), (tag, attrs)
            assert not attrs.get(name, "/").startswith("//")
    assert all("src" in script for script in made.all("script"))


@pytest.mark.parametrize("path", ["/dash", f"/dash/service/{WEB}", "/dash/events"])
async def test_ids_are_unique_and_labels_lead_to_them(control, path):
    made = await page(control, path)
    ids = [attrs["id"] for _, attrs in made.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    for _, attrs in made.elements:
        for name in ("for", "aria-labelledby", "aria-describedby"):
            assert attrs.get(name, ids[0]) in ids
        if attrs.get("href", "").startswith("#"):
            assert attrs["href"][1:] in ids


@pytest.mark.parametrize("path", ["/dash", f"/dash/service/{WEB}", f"/public/{WEB}"])
async def test_every_drawing_is_well_formed_and_named_or_hidden(control, path):
    drawings = re.findall(r"<svg.*?</svg>", await html(control, path), re.DOTALL)
    assert drawings
    for drawing in drawings:
        found = ET.fromstring(drawing)  # noqa: S314 -- our own
        assert found.get("aria-hidden") == "true" or found.get("aria-label")
        for path_ in found.iter("path"):
            assert re.fullmatch(r"[MmLlHhVvAaZzCc\d .-]+", path_.get("d")), path_.get("d")


async def test_the_overview_says_all_without_a_script(control):
    made = await page(control)
    for said in (
        f"1 of 3 services is degraded: {WEB} .",
        NODES[0],
        "3 of 3 nodes count, 2 are a quorum",
        "down: 2 of 3 nodes report connection refused; 10.0.0.3:3333 reports up",
        "Safe to stop at 14:13:40",
        "not in DNS",
        "maintenance until 15:13 UTC by alice: new switch",
        "kernel update",
        "12.4 ms",
        "99.87 %",
        "nodes disagree about 1 endpoint",
        "alice drained 198.51.100.2: kernel update",
        "heard just now",
        "tier 10",
        "certificate 61 days",
    ):
        assert said in made.text, said
    assert ("form", "get") in [(tag, attrs.get("method")) for tag, attrs in made.elements]


async def test_buttons_are_only_for_scripts(control):
    """What does nothing without a script must not be seen without one; the filter's button works."""
    made = await page(control)
    for attrs in made.all("button"):
        in_dialog = attrs.get("id") in {"use-token", "forget", "cancel", "confirm"}
        assert in_dialog or "needs-js" in attrs.get("class", "") or attrs["type"] == "submit"


async def test_what_dns_serves_is_set_against_what_it_should(control):
    wrong = served(["192.0.2.9", "192.0.2.2", "192.0.2.99"], right=False, foreign=["192.0.2.99"])
    ends = [endpoint("192.0.2.1"), endpoint("192.0.2.9"), down("192.0.2.2")]
    control.services = [service(WEB, ends, served=wrong)]
    text = await html(control, "/dash")
    assert "DNS differs on 2 of 2 servers" in text
    assert "<del>192.0.2.1 <small>missing</small></del>" in text
    assert "<ins>192.0.2.2 <small>too much</small></ins>" in text
    assert '<span class="foreign">192.0.2.99 <small>foreign</small></span>' in text
    assert "<details open>" in text


async def test_a_server_that_cannot_be_read_says_why(control):
    control.services = [
        service(WEB, [endpoint("192.0.2.1")], served=served([], right=False, error="refused: no such key"))
    ]
    assert '<span class="bad">refused: no such key</span>' in await html(control, "/dash")


@pytest.mark.parametrize(
    "path", ["/dash", "/dash/service/hostile.example.org", "/dash/events", "/dash?q=" + "%3Cscript%3E%22"]
)
async def test_hostile_texts_stay_texts(control, path):
    bad = replace(
        endpoint("192.0.2.1"), label=HOSTILE, reason=HOSTILE, probe=HOSTILE,
        drain=DrainReport(control.now, None, safe=False, waiting_for=HOSTILE),
        votes=[replace(vote, reason=HOSTILE) for vote in down("192.0.2.2").votes],
    )  # fmt: skip
    ill = served(["192.0.2.1"], right=False, error=HOSTILE)
    control.services = [
        service("hostile.example.org", [bad], reason=HOSTILE, held=HOSTILE, maintenance=HOSTILE, fail_open=HOSTILE,
                healthcheck=HOSTILE, zone=HOSTILE, provider=HOSTILE, served=ill, state="degraded"),
    ]  # fmt: skip
    control.standing = [replace(order, why=HOSTILE, who=HOSTILE) for order in control.standing]
    control.paused = HOSTILE
    control.log = [EventReport(1, control.now, HOSTILE, "", HOSTILE, NODES[0], HOSTILE)]
    made = await page(control, path)
    assert len(made.all("script")) == 2
    assert made.all("img") == []
    assert "{{7*7}}" in made.text or "<script>" in path or "q=" in path
    assert " 49 " not in made.text


async def test_the_filter_finds_by_name_address_label_and_state(control):
    for query, found in (
        ("q=API", {API}),
        ("q=2001:db8", {WEB}),
        ("q=berlin", {WEB}),
        ("state=maintenance", {MAIL}),
        ("state=drained", {API}),
        ("state=trouble", {WEB, API}),
        ("q=nothing-like-it", set()),
    ):
        made = await page(control, f"/dash?{query}")
        assert {attrs["id"][2:] for attrs in made.all("article")} == found, query


async def test_the_services_in_trouble_come_first(control):
    control.services.reverse()
    made = await page(control)
    assert [attrs["id"][2:] for attrs in made.all("article")] == [WEB, API, MAIL]


async def test_no_service_matches(control):
    made = await page(control, "/dash?q=nothing-like-it")
    assert "No service matches." in made.text


@pytest.mark.parametrize("span", ["24h", "7d", "30d", "nonsense"])
async def test_a_service_has_its_history_and_its_reasons(control, span):
    made = await page(control, f"/dash/service/{WEB}?span={span}")
    for said in ("Why DNS is as it is", "down after 2 failures", "NOERROR", "99.87 %", "connection refused"):
        assert said in made.text


async def test_a_service_that_does_not_exist(control):
    answer = await get(dashboard(control), "/dash/service/<b>x")
    assert answer.status == 404
    assert b"&lt;b&gt;x" in answer.body


async def test_events_have_pages_and_a_filter(control):
    for number in range(150):
        control.happen("transition", f"number {number}", WEB)
    made = await page(control, "/dash/events?kind=transition")
    assert "number 149" in made.text
    assert "number 49" not in made.text
    (older,) = [attrs["href"] for attrs in made.all("a") if attrs.get("rel") == "next"]
    assert "number 49" in (await page(control, older)).text
    assert "No event matches." in (await page(control, "/dash/events?kind=nonsense")).text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"paused": "by alice: new zone"}, "Paused by alice: new zone"),
        ({"mode": "shadow"}, "Shadow this node writes nothing to DNS"),
        ({"warnings": ["the disk is full"]}, "Warning the disk is full"),
    ],
)
async def test_banners(control, change, said):
    usual = control.status
    control.status = lambda service=None: replace(usual(service), **change)
    assert said in (await page(control)).text


async def test_no_service_at_all(control):
    control.services, control.standing, control.log = [], [], []
    made = await page(control)
    assert "No service is watched." in made.text


async def test_a_broken_history_leaves_the_rest(control):
    async def broken(*_args, **_more):
        raise RrdnsdError("the file cannot be read")

    control.history = control.events = broken
    for path in ("/dash", f"/dash/service/{WEB}", "/dash/events", f"/public/{WEB}"):
        assert WEB in await html(control, path)


async def test_files_have_their_digest_in_the_name_and_stay_for_ever(control):
    app = dashboard(control)
    made = Page((await get(app, "/dash")).body.decode())
    names = [attrs["href"] for attrs in made.all("link")] + [attrs["src"] for attrs in made.all("script")]
    assert len(names) == 4
    for name in names:
        answer = await get(app, name)
        assert answer.status == 200
        assert "immutable" in answer.headers["cache-control"]
        assert re.search(r"\.[0-9a-f]{10}\.", name)
    assert (await get(app, "/dash/static/dash.css")).status == 404
    assert (await get(app, "/dash/static/..%2f..%2froutes.py")).status == 404


async def test_a_strict_policy_of_content(control):
    answer = await get(dashboard(control), "/dash")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (CheckReport("https://x/", "up", ""), "As a client sees it: well"),
        (CheckReport("https://x/", "down", HOSTILE), f"As a client sees it: {' '.join(HOSTILE.split())}"),
    ],
)
async def test_what_a_client_sees_stands_in_the_head_of_a_service(check, words):
    control = BoardControl()
    control.services = [service(WEB, [endpoint("192.0.2.1")], check=check)]
    for path in ("/dash", f"/dash/service/{WEB}"):
        assert words in (await page(control, path)).text
