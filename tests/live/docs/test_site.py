"""The site that `make site` builds: no warning, every page and anchor is there, and nothing comes from elsewhere."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from support.pages import read_page

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def pages(built):
    """Every page of the site, but for the one that only searches."""
    return {path: read_page(path) for path in sorted(built.rglob("*.html")) if path.name != "search.html"}


def targets(path, links):
    """The files and anchors that links of a page lead to; those that leave the site are left out."""
    for link in links:
        parts = urlsplit(link)
        if not parts.scheme and not parts.netloc:
            yield (
                (path.parent / unquote(parts.path)).resolve() if parts.path else path,
                unquote(parts.fragment),
            )


def test_every_page_of_docs_is_there(built, pages):
    written = {path.relative_to(DOCS).with_suffix(".html") for path in DOCS.rglob("*.md")}
    assert {path.relative_to(built) for path in pages} == written


def test_every_page_can_be_reached_from_the_first_by_the_links_in_the_text(built, pages):
    reached, todo = set(), [built / "index.html"]
    while todo:
        path = todo.pop()
        if path not in reached and path in pages:
            reached.add(path)
            todo += [target for target, _ in targets(path, pages[path].own_links)]
    assert reached == pages.keys()


def test_every_link_and_anchor_leads_somewhere(pages):
    broken = [
        (path.name, target.name, anchor)
        for path, page in pages.items()
        for target, anchor in targets(path, page.links | page.loads)
        if not target.is_file() or (anchor and target in pages and anchor not in pages[target].ids)
    ]
    assert broken == []


def test_links_that_leave_the_site_are_well_formed(pages):
    for page in pages.values():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                assert parts.scheme == "https"
                assert re.fullmatch(r"[\w-]+(\.[\w-]+)+", parts.netloc)
                assert not re.search(r"[\s<>\"]", link)


def test_nothing_is_loaded_from_elsewhere(built, pages):
    assert [
        (path.name, loaded)
        for path, page in pages.items()
        for loaded in page.loads
        if urlsplit(loaded).scheme not in {"", "data"} or urlsplit(loaded).netloc
    ] == []
    for sheet in built.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", sheet.read_text()), sheet


def test_files_of_the_repository_come_with_the_site(pages):
    loaded = {Path(link).name for page in pages.values() for link in page.links if "_downloads" in link}
    assert {"rrdnsd.json", "rrdnsd.toml", "prometheus-alerts.yml", "hosts_file.py"} <= loaded


@pytest.mark.parametrize("name", ["configuration.html", "operations.html", "clustering.html"])
def test_forges_and_the_site_have_the_same_anchors(built, pages, name):
    text = re.sub(r"```.*?```", "", (DOCS / name).with_suffix(".md").read_text(), flags=re.DOTALL)
    headings = re.findall(r"^##+ (.*)$", text, re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert slugs <= pages[built / name].ids
