"""Draws the curves of clusters.py as SVG, to be read on light and on dark pages."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "docs"
_GREY = "#808890"
_COLOURS = ("#2f81d6", "#d9822b", "#3fa66a", "#b05fc4", "#cf4f5f")


@dataclass(frozen=True)
class Line:
    """Points by number of nodes; `paper` is what the model says at the same places."""

    label: str
    points: Sequence[tuple[float, float]]
    paper: Sequence[tuple[float, float]] = ()


@dataclass(frozen=True)
class Panel:
    title: str
    lines: Sequence[Line]
    log: bool = False


def draw(name: str, panels: Iterable[Panel]) -> Path:
    """Write docs/NAME.svg: measured points joined by lines, the model dashed."""
    import matplotlib as mpl  # noqa: PLC0415 -- only who draws has it

    mpl.use("svg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    style = {
        "svg.fonttype": "none", "svg.hashsalt": "rrdnsd", "font.size": 9, "text.color": _GREY, "axes.edgecolor": _GREY,
        "axes.labelcolor": _GREY, "xtick.color": _GREY, "ytick.color": _GREY, "font.family": "sans-serif",
    }  # fmt: skip
    shown = list(panels)
    with plt.rc_context(style):
        figure, axes = plt.subplots((len(shown) + 1) // 2, 2, figsize=(8, 3 * ((len(shown) + 1) // 2)))
        for panel, axis in zip(shown, axes.flat, strict=True):
            _panel(panel, axis)
        figure.tight_layout()
        path = FOLDER / f"{name}.svg"
        figure.savefig(path, transparent=True, metadata={"Date": None, "Creator": None})
        plt.close(figure)
    path.write_text("\n".join(line.rstrip() for line in path.read_text().splitlines()) + "\n")
    return path


def _panel(panel: Panel, axis: Any) -> None:  # noqa: ANN401 -- matplotlib is not imported up here
    for line, colour in zip(panel.lines, _COLOURS, strict=False):
        axis.plot(*_xy(line.points), "o-", color=colour, markersize=3.5, linewidth=1.2, label=line.label)
        if line.paper:
            axis.plot(*_xy(line.paper), "--", color=colour, linewidth=1, alpha=0.8)
    axis.set_title(panel.title, fontsize=9)
    axis.set_xlabel("nodes")
    axis.set_xticks(range(3, 16, 2))
    if panel.log:
        axis.set_yscale("log")
    else:
        axis.set_ylim(bottom=0)
    axis.grid(color=_GREY, alpha=0.25, linewidth=0.5)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, fontsize=8)


def _xy(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]
