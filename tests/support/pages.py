"""The HTML pages of a built site, as a reader's browser takes them: anchors, links, and what is loaded."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

_VOID = {"img", "link", "meta", "br", "hr", "input", "source"}


@dataclass
class Page:
    """What a page has: `ids`, what it `loads`, all its `links`, and those of its own text."""

    ids: set[str] = field(default_factory=set)
    loads: set[str] = field(default_factory=set)
    links: set[str] = field(default_factory=set)
    own_links: set[str] = field(default_factory=set)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self._depth_of_article = 0

    def handle_starttag(self, tag, attrs):
        given = {name: value or "" for name, value in attrs}
        if tag == "article" or (self._depth_of_article and tag not in _VOID):
            self._depth_of_article += 1
        self.page.ids |= {given[name] for name in ("id", "name") if name in given and tag != "meta"}
        loaded = given.get("src", "") or (given.get("href", "") if tag == "link" else "")
        if loaded:
            self.page.loads.add(loaded)
        elif tag == "a" and "href" in given:
            self.page.links.add(given["href"])
            if self._depth_of_article:
                self.page.own_links.add(given["href"])

    def handle_endtag(self, tag):
        if self._depth_of_article and tag not in _VOID:
            self._depth_of_article -= 1


def read_page(path: Path) -> Page:
    """Read one page."""
    reader = _Reader()
    reader.feed(path.read_text())
    return reader.page
