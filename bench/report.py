"""Writes a benchmark's results into docs/performance.md: each benchmark owns the section between its marks."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
TITLE = """# Performance

Every figure on this page was measured and written here by a program in `bench/`; nothing is edited by hand.
"""


def write_section(name: str, text: str, page: Path = PAGE) -> None:
    """Put the text in place of the section of this name, or at the end of the page."""
    start, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    section = f"{start}\n{text.strip()}\n{end}\n"
    content = page.read_text() if page.exists() else TITLE
    if start in content:
        before, _, rest = content.partition(start)
        content = before + section + rest.partition(f"{end}\n")[2]
    else:
        content = f"{content}\n{section}"
    page.parent.mkdir(exist_ok=True)
    page.write_text(content)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Lay out a Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join("---" for _ in head) + " |"]
    return "\n".join([*lines, *("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows)])


def machine_line(facts: Mapping[str, str]) -> str:
    return "Machine: " + "; ".join(f"{name} {value}" for name, value in facts.items()) + "."
