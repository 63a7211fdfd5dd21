"""What everybody may see: only of services that are public, and nothing that helps to attack them."""

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from rrdnsd.web.access import Access
from support.board import BoardControl, dashboard, get
from support.control import API, WEB


@pytest.fixture
def control():
    return BoardControl()


@pytest.mark.parametrize("path", ["/public/{}", "/public/{}/badge.svg"])
async def test_a_private_service_looks_like_none(control, path):
    app = dashboard(control)
    private = await get(app, path.format(API))
    unknown = await get(app, path.format("no.example.org"))
    assert private.status == unknown.status == 404
    assert private.body == unknown.body


@pytest.mark.parametrize("path", [f"/public/{WEB}", f"/public/{WEB}/badge.svg"])
async def test_nothing_inside_is_shown(control, path):
    control.services = [replace(s, held="held because", maintenance="") for s in control.services]
    body = (await get(dashboard(control), path)).body.decode()
    for inside in (
        "192.0.2.",
        "2001:db8",
        "paris",
        "10.0.0.",
        "refused",
        "held because",
        "3 endpoints",
        "alice",
    ):
        assert inside not in body


@pytest.mark.parametrize(
    ("state", "maintenance", "word"),
    [
        ("up", "", "up"),
        ("degraded", "", "degraded"),
        ("down", "", "down"),
        ("unknown", "", "unknown"),
        ("down", "until 15:13: secret work", "maintenance"),
    ],
)
async def test_the_badge(control, state, maintenance, word):
    control.services = [
        replace(s, state=state, maintenance=maintenance) if s.public else s for s in control.services
    ]
    answer = await get(dashboard(control), f"/public/{WEB}/badge.svg")
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    badge = ET.fromstring(answer.body.decode())  # noqa: S314 -- our own
    assert badge.get("aria-label") == f"{WEB}: {word}"
    assert "secret work" not in answer.body.decode()


async def test_the_page_says_the_state_and_the_uptime(control):
    body = (await get(dashboard(control), f"/public/{WEB}")).body.decode()
    assert "a part of it is not" in body
    assert body.count("99.87 %") >= 2


async def test_strangers_cannot_keep_the_disk_busy(control):
    app = dashboard(control)
    for _ in range(20):
        await get(app, f"/public/{WEB}")
    assert control.histories == 2


async def test_it_is_open_where_the_dashboard_is_not(control):
    app = dashboard(control, Access(anonymous_read=False))
    assert (await get(app, f"/public/{WEB}")).status == 200
    for path in (
        "/dash",
        "/dash/events",
        f"/dash/service/{WEB}",
        "/dash/versions",
        "/dash/parts?p=head",
        "/dash/stream",
    ):
        assert (await get(app, path)).status == 401
