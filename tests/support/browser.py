"""A real chromium for tests: one at a time, with all that it complains about, and pictures of what it shows."""

import asyncio
import contextlib
import fcntl
import os
import tempfile
from pathlib import Path

from playwright.async_api import async_playwright, expect

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARTIFACTS = Path(os.environ.get("RRDNSD_ARTIFACTS", Path(__file__).parents[2] / "artifacts"))
ACCESSIBLE = (Path(__file__).parent / "accessible.js").read_text()
PATIENCE_MS = 60_000
_ARGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip

expect.set_options(timeout=PATIENCE_MS)


class Browser:
    """Opens pages. `complaints` are errors on the console, uncaught exceptions and refused content."""

    def __init__(self, chromium):
        self._chromium = chromium
        self.complaints = []

    async def open(self, url, *, scheme="light", width=1440, height=1000, scripts=True, **more):
        """Open a page in a context of its own: nothing is kept between two."""
        context = await self._chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            java_script_enabled=scripts,
            **more,
        )
        context.set_default_timeout(PATIENCE_MS)
        page = await context.new_page()
        page.on(
            "console", lambda said: said.type in {"error", "warning"} and self.complaints.append(said.text)
        )
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        await page.goto(url)
        return page


@contextlib.asynccontextmanager
async def browser():
    """Start chromium; a second one waits until the first has ended, for the machine's sake."""
    with (Path(tempfile.gettempdir()) / "rrdnsd-browser.lock").open("w") as lock:
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        async with async_playwright() as playwright:
            chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGS)
            try:
                yield Browser(chromium)
            finally:
                await chromium.close()


async def picture(page, name, *, whole=False):
    """Keep a picture of the page in artifacts/."""
    await asyncio.to_thread(ARTIFACTS.mkdir, exist_ok=True)
    await page.screenshot(path=ARTIFACTS / f"{name}.png", full_page=whole)


async def mistakes(page):
    """Return what is not accessible, as sentences."""
    return await page.evaluate(ACCESSIBLE)


FOCUS = """() => {
  const node = document.activeElement;
  const style = getComputedStyle(node);
  return { node: node.outerHTML.slice(0, 120), body: node === document.body, style: style.outlineStyle, width: parseFloat(style.outlineWidth) };
}"""


async def unseen_focus(page, steps):
    """Go through the page with the tabulator; return the elements whose focus cannot be seen."""
    found = []
    for _ in range(steps):
        await page.keyboard.press("Tab")
        focus = await page.evaluate(FOCUS)
        if focus["body"]:
            break
        if focus["style"] == "none" or focus["width"] < 2:
            found.append(focus["node"])
    return found
