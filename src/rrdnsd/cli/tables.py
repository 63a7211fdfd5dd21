"""How tables and coloured words look; colours come out on a terminal only, and never with $NO_COLOR."""

from collections.abc import Sequence

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

_STYLES = {
    "up": "green",
    "down": "bold red",
    "degraded": "yellow",
    "unknown": "yellow",
    "drained": "cyan",
}


def console() -> Console:
    """Return what prints tables to stdout: as wide as the terminal, 80 columns where there is none."""
    return Console(highlight=False, soft_wrap=False, markup=False, emoji=False)


def state(word: str) -> Text:
    """Colour a state."""
    return Text(word, style=_STYLES.get(word, ""))


def show(view: RenderableType) -> None:
    """Print a table or several; in a pipe without the spaces that fill its lines up."""
    out = console()
    if out.is_terminal:
        out.print(view)
        return
    with out.capture() as captured:
        out.print(view)
    print("\n".join(line.rstrip() for line in captured.get().splitlines()), flush=True)


def table(columns: Sequence[str], rows: Sequence[Sequence[str | Text]], right: Sequence[str] = ()) -> Table:
    """Lay out rows under their heads; where they do not fit, the widest columns wrap, figures never."""
    made = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in columns:
        figures = column in right
        made.add_column(
            Text(column), justify="right" if figures else "left", overflow="fold", no_wrap=figures
        )
    for row in rows:
        made.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    return made


def milliseconds(value: float | None) -> str:
    """Write a latency."""
    if value is None:
        return "-"
    return f"{value:.1f} ms" if value < 100 else f"{value:.0f} ms"  # noqa: PLR2004 - three figures are enough


def percent(share: float | None) -> str:
    """Write a share (0 to 1)."""
    if share is None:
        return "-"
    return "100 %" if share == 1 else f"{min(share * 100, 99.99):.2f} %"
