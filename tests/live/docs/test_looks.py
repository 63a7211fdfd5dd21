"""The site in a real browser, from the disk and without a network: wide and narrow, light and dark, and its search."""

import re

import pytest

from support.browser import browser as chromium
from support.browser import expect, picture

PAGES = ("index", "clustering", "recipes/nsd")
WIDE, PHONE = (1440, 1000), (360, 780)
TOO_WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
BACKGROUND = "() => getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
async def browser():
    async with chromium() as opened:
        yield opened
        assert opened.complaints == []


@pytest.mark.parametrize(
    ("scheme", "size"), [("light", WIDE), ("dark", WIDE), ("light", PHONE), ("dark", PHONE)]
)
async def test_it_fits_and_follows_the_reader_s_colours(browser, built, scheme, size):
    for name in PAGES:
        page = await browser.open(
            f"file://{built}/{name}.html", scheme=scheme, width=size[0], height=size[1], offline=True
        )
        assert await page.evaluate(TOO_WIDE) <= 0, name
        dark = sum(await page.evaluate(BACKGROUND)) < 3 * 128
        assert dark == (scheme == "dark"), name
        await picture(page, f"site-{name.replace('/', '-')}-{scheme}-{size[0]}")
        await page.context.close()


async def test_search_finds_what_the_pages_say(browser, built):
    page = await browser.open(f"file://{built}/index.html", offline=True)
    await page.get_by_role("textbox", name="Search").fill("prerequisites")
    await page.keyboard.press("Enter")
    await expect(page.locator("#search-results li a").first).to_be_visible()
    found = await page.locator("#search-results li > a").all_inner_texts()
    assert "Clustering: several nodes that act as one" in found
    await page.context.close()
    # From the disk a browser gives a script no other page to quote from: the titles are there, the excerpts are not.
    usual = re.compile("file:|ERR_FAILED|Failed to fetch")
    browser.complaints[:] = [said for said in browser.complaints if not usual.search(said)]
