"""How Sphinx makes the site of these pages: `make site`. The pages are plain Markdown and read well without it."""  # noqa: INP001 - Sphinx runs it, nobody imports it

import re
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent

project = "rrdnsd"
copyright = "The rrdnsd developers, MIT licence"  # noqa: A001 - Sphinx calls it so
release = tomllib.loads((HERE.parent / "pyproject.toml").read_text())["project"]["version"]

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
nitpicky = True
highlight_language = "none"
myst_heading_anchors = 6  # the anchors that forges make of headings
myst_url_schemes = ["http", "https", "mailto"]

html_theme = "furo"
html_title = f"rrdnsd {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_use_index = False
pygments_style = "friendly"
pygments_dark_style = "github-dark"
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0b5cad", "color-brand-content": "#0b5cad"},
    "dark_css_variables": {"color-brand-primary": "#7ab8ff", "color-brand-content": "#7ab8ff"},
}


def _contents(_app: object, docname: str, source: list[str]) -> None:
    """Make the lists of links of an index its table of contents, so that it needs no second one that only Sphinx reads."""
    if Path(docname).name != "index":
        return
    for part in re.split(r"^## ", source[0], flags=re.MULTILINE)[1:]:
        heading, _, text = part.partition("\n")
        pages = re.findall(r"^- \[[^\]]+\]\(([\w/-]+)\.md\)", text, flags=re.MULTILINE)
        if pages:
            caption = "" if "/" in docname else f":caption: {heading}\n"
            source[0] += "\n\n".join(["", f"```{{toctree}}\n:hidden:\n{caption}", *pages, "```\n"])


def setup(app: Any) -> dict[str, bool]:  # noqa: ANN401 - Sphinx is not there where the types are checked
    """Tell Sphinx of it."""
    app.connect("source-read", _contents)
    return {"parallel_read_safe": True}
