"""The comparison of `rrdnsd backtest`, as a table and as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean

from rich.console import Group, RenderableType
from rich.text import Text

from rrdnsd.cli.tables import show, table
from rrdnsd.cli.times import show_duration, show_moment
from rrdnsd.control.reports import RunsReport
from rrdnsd.core.backtest import Comparison, Outage, Pace, Stretch, compare
from rrdnsd.core.model import Thresholds

_MOST_LISTED = 5


@dataclass(frozen=True, slots=True)
class Backtest:
    """What present and proposed thresholds made of a service's record, by address."""

    service: str
    since: float
    until: float
    present: Thresholds
    proposed: Thresholds
    probes: Mapping[str, int]
    endpoints: Mapping[str, Comparison]


def compare_runs(runs: RunsReport, rise: int, fall: int) -> Backtest:
    """Replay the recorded runs of every endpoint."""
    stretches: dict[str, list[Stretch]] = {}
    for run in sorted(runs.runs, key=lambda run: run.started):
        stretches.setdefault(run.address, []).append(Stretch(run.started, run.last, run.ok, run.count))
    present, proposed = Thresholds(runs.rise, runs.fall), Thresholds(rise, fall)
    pace = Pace(runs.interval, runs.fast_interval)
    return Backtest(
        runs.service,
        min(run.started for run in runs.runs),
        max(run.last for run in runs.runs),
        present,
        proposed,
        {address: sum(one.probes for one in found) for address, found in stretches.items()},
        {address: compare(found, pace, present, proposed) for address, found in stretches.items()},
    )


def as_json(backtest: Backtest) -> dict[str, object]:
    """Return the comparison as JSON values."""
    return asdict(backtest)


def print_comparison(backtest: Backtest) -> None:
    """Print the comparison as a table."""
    show(comparison_view(backtest))


def comparison_view(backtest: Backtest) -> RenderableType:
    """Lay out a comparison: one row for each endpoint, then what would be missed or added."""
    old, new = backtest.present, backtest.proposed
    title = f"{backtest.service}, {show_moment(backtest.since)} to {show_moment(backtest.until)}"
    columns = ["address", "probes", "outages", "flips", "missed", "added", "down by", "up by"]
    rows = [_row(address, backtest) for address in sorted(backtest.endpoints)]
    return Group(
        Text(title, style="bold"),
        f"now rise {old.rise}, fall {old.fall}; proposed rise {new.rise}, fall {new.fall}",
        "",
        table(columns, rows, right=columns[1:]),
        "",
        "outages, flips: now > proposed. missed, added: outages that only the present or",
        "only the proposed thresholds find. down by, up by: how much later (+) or",
        "earlier (-) the others are decided, on average.",
        *_listed("missed", {a: found.missed for a, found in backtest.endpoints.items()}),
        *_listed("added", {a: found.added for a, found in backtest.endpoints.items()}),
    )


def _row(address: str, backtest: Backtest) -> list[str]:
    found = backtest.endpoints[address]
    return [
        address,
        str(backtest.probes[address]),
        f"{len(found.present.outages)}>{len(found.proposed.outages)}",
        f"{found.present.flips}>{found.proposed.flips}",
        str(len(found.missed)),
        str(len(found.added)),
        _delay(found.down_delays),
        _delay(found.up_delays),
    ]


def _delay(delays: Sequence[float]) -> str:
    return f"{fmean(delays):+.1f} s" if delays else "-"


def _listed(word: str, outages: Mapping[str, Sequence[Outage]]) -> list[str]:
    every = sorted((outage, address) for address, found in outages.items() for outage in found)
    lines = [
        f"{word}: {address} from {show_moment(outage.failed)} for {show_duration(outage.up - outage.failed)}"
        for outage, address in every[:_MOST_LISTED]
    ]
    more = len(every) - len(lines)
    return [*lines, f"{word}: {more} more"] if more > 0 else lines
