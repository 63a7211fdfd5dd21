"""The dashboard with sample reports in a real browser: accessible, narrow, fast, and usable without a script."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rrdnsd.config.schema import TokenConfig
from rrdnsd.config.tokens import new_token
from rrdnsd.web.access import Access
from support.board import BoardControl, dashboard, served
from support.browser import expect, mistakes, picture, unseen_focus
from support.control import WEB, endpoint, service, troubled

PAGES = {
    "overview": "/dash",
    "service": f"/dash/service/{WEB}",
    "events": "/dash/events",
    "public": f"/public/{WEB}",
    "missing": "/dash/service/no.example.org",
}
WIDE, PHONE = (1440, 1000), (360, 780)

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
async def control():
    return BoardControl()


@pytest.fixture
def token():
    return new_token()


@pytest.fixture
async def url(control, token):
    access = Access(tokens=(TokenConfig(name="robot", scope="write", hash=token[1]),))
    async with served(dashboard(control, access)) as found:
        yield found


@pytest.fixture
def site(url):
    return url


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
async def test_accessible(browser, url, scheme, size):
    found = {}
    for name, path in PAGES.items():
        page = await browser.open(url + path, scheme=scheme, width=size[0], height=size[1])
        await page.evaluate("document.querySelectorAll('details').forEach((node) => { node.open = true; })")
        found[name] = await mistakes(page)
        await picture(page, f"{name}-{scheme}-{size[0]}", whole=True)
        await page.context.close()
    browser.complaints[:] = [said for said in browser.complaints if "404" not in said]
    assert found == {name: [] for name in PAGES}


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_focus_is_seen_everywhere(browser, url, scheme):
    page = await browser.open(f"{url}/dash", scheme=scheme)
    await expect(page.locator("#contact")).to_have_attribute("data-state", "live")
    assert await unseen_focus(page, 60) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_confirmation_is_accessible_and_needs_no_mouse(browser, url, control, token, scheme):
    page = await browser.open(f"{url}/dash", scheme=scheme)
    button = page.get_by_role("button", name=f"Orders for 192.0.2.1 of {WEB}")
    await button.focus()
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Orders for 192.0.2.1")
    await expect(dialog.locator("#effect")).to_contain_text("A token is needed")
    assert await mistakes(page) == []
    await dialog.get_by_label("Token with write scope").focus()
    await page.keyboard.type(token[0])
    await page.keyboard.press("Enter")
    await expect(dialog.locator("#effect")).to_contain_text("This would happen:")
    assert control.ordered == []
    assert await mistakes(page) == []
    await picture(page, f"confirmation-{scheme}")
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(button).to_be_focused()


async def test_an_order_is_given_once_and_told(browser, url, control, token):
    page = await browser.open(f"{url}/dash")
    await page.get_by_role("button", name=f"Orders for 192.0.2.1 of {WEB}").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Token with write scope").fill(token[0])
    await dialog.get_by_role("button", name="Use it").click()
    await dialog.get_by_label("Reason").fill("new disk")
    await dialog.get_by_role("button", name="Drain 192.0.2.1").click()
    await expect(dialog.locator("#effect")).to_contain_text("Done.")
    ((order, by),) = control.ordered
    assert (order.path, order.address, order.service, order.why, by) == (
        "drain",
        "192.0.2.1",
        WEB,
        "new disk",
        "robot",
    )
    await dialog.get_by_role("button", name="Close").click()
    tile = page.locator(".tile", has_text="192.0.2.1")
    await expect(tile).to_contain_text("Safe to stop at")
    await expect(page.locator(".orders")).to_contain_text("“new disk”")


async def test_nothing_that_was_asked_before_the_order_covers_its_result(browser, url, token):
    page = await browser.open(f"{url}/dash")
    await page.clock.install()
    await page.clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))
    posted = []
    page.on("request", lambda request: request.method == "POST" and posted.append(request.post_data_json))
    await page.get_by_role("button", name=f"Orders for 192.0.2.1 of {WEB}").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Token with write scope").fill(token[0])
    await dialog.get_by_role("button", name="Use it").click()
    await dialog.get_by_role("button", name="Drain 192.0.2.1").click()
    await expect(dialog.locator("#effect")).to_contain_text("Done.")
    await expect(dialog.get_by_label("Reason")).to_be_disabled()
    await page.clock.run_for(5_000)
    assert [body.get("dry_run", False) for body in posted] == [True, False]
    await expect(dialog.locator("#effect")).to_contain_text("Done.")


async def test_a_late_answer_does_not_come_into_the_next_dialog(browser, url, token):
    page = await browser.open(f"{url}/dash")
    asked, late = asyncio.Event(), asyncio.Event()

    async def hold(route):
        if "dry_run" not in route.request.post_data_json:
            asked.set()
            await late.wait()
        await route.continue_()

    await page.route("**/api/v1/drain", hold)
    await page.get_by_role("button", name=f"Orders for 192.0.2.1 of {WEB}").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Token with write scope").fill(token[0])
    await dialog.get_by_role("button", name="Use it").click()
    await dialog.get_by_role("button", name="Drain 192.0.2.1").click()
    await asyncio.wait_for(asked.wait(), 60)
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name=f"Orders for {WEB}", exact=True).click()
    await expect(dialog.locator("#effect")).to_contain_text("This would happen:")
    async with page.expect_response("**/api/v1/drain"):
        late.set()
    await expect(page.locator(".orders")).to_contain_text("192.0.2.1")
    await expect(dialog.locator("#effect")).to_contain_text("This would happen:")
    await expect(dialog.locator("#confirm")).to_be_enabled()


async def test_an_error_is_shown_as_the_daemon_says_it(browser, url, control, token):
    page = await browser.open(f"{url}/dash")
    await page.evaluate("(token) => sessionStorage.setItem('rrdnsd-token', token)", token[0])
    with troubled(control, "conflict", "a maintenance is in the way"):
        await page.get_by_role("button", name=f"Orders for 192.0.2.1 of {WEB}").click()
        await expect(page.locator("#effect")).to_contain_text("A maintenance is in the way")
    await expect(page.locator("#confirm")).to_be_disabled()
    browser.complaints[:] = [said for said in browser.complaints if "409" not in said]


async def test_without_a_script(browser, url):
    page = await browser.open(f"{url}/dash", scripts=False)
    await expect(page.locator("button:visible")).to_have_count(1)
    await page.get_by_label("Name or address").fill("berlin")
    await page.get_by_role("button", name="Show").click()
    await expect(page.locator("article")).to_have_count(1)
    await page.locator("summary").click()
    await page.get_by_role("link", name=WEB).last.click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(WEB)
    await page.get_by_role("link", name="7 days").click()
    await expect(page.get_by_text("In steps of 6 h")).to_be_visible()


async def test_nothing_moves_where_motion_is_unwanted(browser, url, control):
    page = await browser.open(f"{url}/dash", reduced_motion="reduce")
    await expect(page.locator("#contact")).to_have_attribute("data-state", "live")
    control.happen("order", "something new")
    await expect(page.locator(".events")).to_contain_text("something new")
    assert await page.evaluate("document.getAnimations().length") == 0


async def test_an_open_detail_and_the_focus_survive_a_change(browser, url, control):
    page = await browser.open(f"{url}/dash")
    await expect(page.locator("#contact")).to_have_attribute("data-state", "live")
    card = page.locator("article", has_text="mail.example.net").last
    await card.locator("summary").focus()
    await card.locator("summary").click()
    mail = control.services[2]
    changed = replace(mail.endpoints[0], reason="up: a new reason")
    control.services[2] = replace(mail, endpoints=[changed, *mail.endpoints[1:]])
    control.touch()
    await expect(card).to_contain_text("a new reason")
    await expect(card.locator("details")).to_have_attribute("open", "")
    await expect(card.locator("summary")).to_be_focused()


async def test_a_part_that_could_not_be_fetched_is_fetched_again(browser, url, control):
    page = await browser.open(f"{url}/dash")
    await expect(page.locator("#contact")).to_have_attribute("data-state", "live")
    tries = []

    async def fail_once(route):
        tries.append(route.request.url)
        if len(tries) > 1:
            await route.continue_()
        else:
            await route.fulfill(status=503)

    await page.route("**/dash/parts?*", fail_once)
    control.happen("order", "something new")
    await expect(page.locator(".events")).to_contain_text("something new")
    assert len(tries) > 1
    browser.complaints[:] = [said for said in browser.complaints if "503" not in said]


async def test_a_service_that_goes_while_it_is_fetched_does_not_come_back(browser, url, control):
    page = await browser.open(f"{url}/dash")
    await expect(page.locator("#contact")).to_have_attribute("data-state", "live")
    held, gone = asyncio.Event(), asyncio.Event()

    async def hold(route):
        answer = await route.fetch()
        if "s%3Anew.example.org" in route.request.url:
            held.set()
            await gone.wait()
        await route.fulfill(response=answer)

    await page.route("**/dash/parts?*", hold)
    usual = control.services
    control.services = [*usual, service("new.example.org", [endpoint("192.0.2.200")])]
    control.touch()
    async with asyncio.timeout(60):
        await held.wait()
    first, *others = usual
    # The figure comes with the news that it is gone.
    control.services = [
        replace(first, endpoints=[replace(first.endpoints[0], latency_ms=321.0), *first.endpoints[1:]]),
        *others,
    ]
    control.touch()
    await expect(page.get_by_text("321 ms")).to_be_visible()
    gone.set()
    control.happen("order", "something new")
    await expect(page.locator(".events")).to_contain_text("something new")
    await expect(page.locator("article")).to_have_count(len(usual))


async def test_a_thousand_endpoints(browser):
    """Little enough work for the browser: in under a second on the screen of a quiet machine, and no long freeze."""
    async with served(dashboard(BoardControl(services=334))) as url:
        page = await browser.open(f"{url}/dash")
        session = await page.context.new_cdp_session(page)
        # The CPU time of its main thread: what others take meanwhile does not count.
        await session.send("Performance.enable", {"timeDomain": "threadTicks"})

        async def worked():
            found = (await session.send("Performance.getMetrics"))["metrics"]
            return next(one["value"] for one in found if one["name"] == "TaskDuration")

        before = await worked()
        await page.goto(f"{url}/dash")
        loaded = await worked()
        await page.evaluate(FRAMES)
        scrolled = await worked()
        await picture(page, "thousand")
        assert await page.locator(".tile").count() > 990
        assert await mistakes(page) == []
    assert loaded - before < 3  # 0.3 s, and 2 s for what follows
    assert scrolled - loaded < 6


FRAMES = """() => new Promise((done) => {
  let frames = 0;
  const frame = () => {
    scrollBy(0, 400);
    if (++frames < 60) requestAnimationFrame(frame); else done();
  };
  requestAnimationFrame(frame);
})"""
