"""The dashboard of the real daemon, in a real browser, through what it is for; DNS is a real server."""

import asyncio
import re

import pytest

from support.browser import expect, mistakes, picture
from support.cluster import ENDPOINTS
from support.daemon import until
from support.names import NAME
from support.operating import TOKEN

ILL = "127.0.0.3"
LEFT = {address for address in ENDPOINTS if address != ILL}

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def site(node):
    return node


@pytest.fixture
async def page(browser, node):
    page = await browser.open(f"http://{node.node}/dash")
    await expect(page.locator("#contact")).to_have_attribute("data-state", "live")
    # Would be gone after a reload: all that follows happens live.
    await page.evaluate("window.sameForever = true")
    yield page
    assert await page.evaluate("window.sameForever")


def tile(page, address=ILL):
    return page.locator(f".tile:has(b:text-is('{address}'))")


async def serves(server, addresses):
    await asyncio.to_thread(until, lambda: server.addresses(NAME) == addresses, f"{NAME} is {addresses}")


async def begin(page, button, choice):
    """Open the confirmation, show the token if it is asked for, and wait until the effect is told."""
    await page.get_by_role("button", name=button, exact=True).click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label(choice).check()
    if await dialog.get_by_label("Token with write scope").is_visible():
        await dialog.get_by_label("Token with write scope").fill(TOKEN)
        await dialog.get_by_role("button", name="Use it").click()
    await expect(dialog.locator("#effect")).to_contain_text("This would happen:")
    return dialog


async def confirm(dialog):
    await dialog.locator("#confirm").click()
    await expect(dialog.locator("#effect")).to_contain_text("Done.")
    await dialog.get_by_role("button", name="Close").click()


async def end(page, button):
    await page.get_by_role("button", name=button).click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.locator("#effect")).to_contain_text("This would happen:")
    await confirm(dialog)


async def test_a_failover_is_seen_as_it_happens(page, endpoints, server):
    await expect(page.locator("h1")).to_have_text("The service is up.")
    await expect(page.locator(".tile.up")).to_have_count(3)
    await picture(page, "failover-1-up")
    endpoints.stop(ILL)
    await expect(tile(page)).to_have_class(re.compile(r"\bdown\b"))
    await expect(tile(page)).to_contain_text("refused")
    await serves(server, LEFT)
    await expect(tile(page).locator(".dns")).to_contain_text("not in DNS")
    await expect(page.locator("h1")).to_have_text(f"The service is degraded: {NAME}.")
    await expect(page).to_have_title("The service is degraded · rrdnsd")
    await expect(page.locator(".events")).to_contain_text(ILL)
    await page.locator("article summary").click()
    await expect(page.locator(".truth td").nth(1)).not_to_contain_text(ILL)
    await picture(page, "failover-2-down")
    assert await mistakes(page) == []
    endpoints.start(ILL)
    await expect(tile(page)).to_have_class(re.compile(r"\bup\b"))
    await serves(server, set(ENDPOINTS))
    await expect(tile(page).locator(".dns")).to_have_text(re.compile("^in DNS"))
    await expect(page.locator("h1")).to_have_text("The service is up.")
    await picture(page, "failover-3-up-again")


async def test_a_drain_tells_its_effect_and_counts_down(page, server):
    dialog = await begin(page, f"Orders for {ILL} of {NAME}", "Drain")
    effect = dialog.locator("#effect")
    await expect(effect).to_contain_text(f"Removes {ILL} from {NAME}")
    await expect(effect).to_contain_text(re.compile(r"safe to stop at \d\d:\d\d:\d\d", re.IGNORECASE))
    await picture(page, "drain-1-confirmation")
    assert await mistakes(page) == []
    assert server.addresses(NAME) == set(ENDPOINTS)
    await dialog.get_by_label("Reason").fill("a new disk")
    await expect(dialog.locator("#confirm")).to_be_enabled()
    await confirm(dialog)
    await serves(server, LEFT)
    await expect(tile(page)).to_have_class(re.compile(r"\bdrained\b"))
    await expect(tile(page).locator(".drain")).to_contain_text(re.compile(r"Safe to stop at \d\d:\d\d:\d\d"))
    left = tile(page).locator("time[data-left]")
    first = await left.inner_text()
    await expect(left).not_to_have_text(first)
    await expect(page.locator(".orders")).to_contain_text("“a new disk”")
    await picture(page, "drain-2-counting")
    await expect(tile(page).locator(".drain")).to_contain_text("Safe to stop since", timeout=90_000)
    await picture(page, "drain-3-safe")
    await end(page, f"End drain of {ILL}")
    await serves(server, set(ENDPOINTS))
    await expect(tile(page)).to_have_class(re.compile(r"\bup\b"))
    await expect(page.locator(".orders")).to_contain_text("Health alone decides.")


async def test_a_maintenance_freezes_dns_and_counts_down(page, endpoints, server):
    dialog = await begin(page, f"Orders for {NAME}", "Maintenance")
    await dialog.get_by_label("How long").select_option("15 minutes")
    await dialog.get_by_label("Reason").fill("a new switch")
    await expect(dialog.locator("#confirm")).to_be_enabled()
    await picture(page, "maintenance-1-confirmation")
    await confirm(dialog)
    await expect(page.locator("article .tag")).to_have_text("maintenance")
    await expect(page.locator(".orders time[data-left]")).to_have_text(re.compile(r"^14:\d\d$"))
    endpoints.stop(ILL)
    await expect(tile(page)).to_have_class(re.compile(r"\bdown\b"))
    await picture(page, "maintenance-2-frozen")
    assert await mistakes(page) == []
    assert server.addresses(NAME) == set(ENDPOINTS)
    await end(page, f"End maintenance of {NAME}")
    await serves(server, LEFT)
    await expect(tile(page).locator(".dns")).to_contain_text("not in DNS")
    await expect(page.locator("article .tag")).to_have_count(0)


async def test_pause_and_resume(page):
    dialog = await begin(page, "Orders for all…", "Pause")
    await confirm(dialog)
    await expect(page.locator(".banner")).to_contain_text("Paused")
    dialog = await begin(page, "Orders for all…", "Resume")
    await confirm(dialog)
    await expect(page.locator(".banner")).to_have_count(0)


async def test_contact_is_lost_and_found_again(browser, node, endpoints):
    page = await browser.open(f"http://{node.node}/dash")
    contact = page.locator("#contact")
    await expect(contact).to_have_attribute("data-state", "live")
    await asyncio.to_thread(node.stop)
    await expect(contact).to_have_attribute("data-state", "lost")
    await expect(contact).to_contain_text(
        re.compile(r"No contact, last heard at \d\d:\d\d:\d\d; next try in \d+ s")
    )
    await picture(page, "contact-lost")
    endpoints.stop(ILL)
    node.start()
    await expect(contact).to_have_attribute("data-state", "live", timeout=90_000)
    await expect(tile(page)).to_have_class(re.compile(r"\bdown\b"))
    # A refused connection is what the browser complains about, and rightly.
    browser.complaints[:] = [said for said in browser.complaints if "net::ERR_" not in said]


async def test_every_page_of_the_real_daemon(browser, node):
    for path in ("/dash", f"/dash/service/{NAME}", "/dash/events", f"/public/{NAME}"):
        page = await browser.open(f"http://{node.node}{path}", scheme="dark")
        assert NAME in await page.content()
        assert await mistakes(page) == []
        await picture(page, f"real{path.replace('/', '-')}", whole=True)
        await page.context.close()
