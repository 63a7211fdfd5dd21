"""Draws what happened: a storm or two from near, with all that stood and all that was served; and the whole run's growth.

The pictures have no background and middle tones, so that they can be read on light and on dark pages.
"""

from itertools import pairwise

from soak.kinds import NODES, SERVICES, Fault, killed_endpoints

INK = "#808080"
SERVED, DEAD, FAULT, CALM = "#2e8b57", "#d9534f", "#c98a1b", "#808080"
COLOURS = dict(zip(NODES, ("#3a86c8", "#c98a1b", "#9b59b6"), strict=True))
NEAR = 120.0
"""Seconds that the near view shows."""
GAP = 0.5
HIGH = 0.85
"""Of a lane's height, so much is used."""
OF_A_NODE = {
    "node killed": "killed",
    "node frozen": "frozen",
    "node alone": "alone",
    "uplink cut": "no uplink",
    "link to named cut": "no DNS",
    "disk full": "disk full",
    "clock wrong": "clock +1 h",
}
OF_LINKS = {"link cut", "link one way", "links lossy"}


def timeline(outcome, path):
    """Draw the first storms: a lane for each address, each node, the links and named."""
    plt = _pyplot()
    cycles = [cycle for cycle in outcome.cycles if cycle.began - outcome.began < NEAR]
    faults = [stood for cycle in cycles for stood in cycle.faults if stood.fault.kind != "stall"]
    looks = [look for cycle in cycles for look in cycle.looks]
    start, end = outcome.began, looks[-1].at - outcome.began
    figure, axes = plt.subplots(figsize=(11, 6.4))
    names = _addresses(axes, looks, faults, start, end)
    for node in NODES:
        stood = [s for s in faults if s.fault.target == node and s.fault.kind in OF_A_NODE]
        _lane(axes, names, node, stood, start, end)
    _lane(axes, names, "links", [s for s in faults if s.fault.kind in OF_LINKS], start, end)
    _lane(axes, names, "named", [s for s in faults if s.fault.kind.startswith("named ")], start, end)
    for cycle in cycles:
        if cycle.right:
            axes.axvspan(cycle.right - start, cycle.still_until - start, color=CALM, alpha=0.15, linewidth=0)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlim(0, end)
    axes.set_xlabel("seconds")
    _save(plt, figure, [axes], path)


def growth(outcome, path):
    """Draw the memory and the file descriptors of each process over the whole run."""
    plt = _pyplot()
    figure, (upper, lower) = plt.subplots(2, 1, figsize=(11, 4.6), sharex=True)
    for (node, _), samples in _by_process(outcome.samples).items():
        thin = samples[:: max(1, len(samples) // 300)]
        times = [(sample.at - outcome.began) / 60 for sample in thin]
        upper.plot(times, [sample.rss_mb for sample in thin], color=COLOURS[node], linewidth=1)
        lower.plot(times, [sample.fds for sample in thin], color=COLOURS[node], linewidth=0.7)
    for node, colour in COLOURS.items():
        upper.plot([], [], color=colour, label=node)
    upper.legend(loc="lower right", frameon=False, labelcolor=INK, ncols=3)
    upper.set_ylabel("memory, MB")
    lower.set_ylabel("file descriptors")
    lower.set_xlabel("minutes")
    for axes in (upper, lower):
        axes.set_ylim(bottom=0)
        axes.set_xlim(0, max(0.1, (outcome.ended - outcome.began) / 60))
    _save(plt, figure, [upper, lower], path)


def _pyplot():
    import matplotlib as mpl  # noqa: PLC0415 - it takes a second, and only who draws needs it

    mpl.use("svg")
    import matplotlib.pyplot as plt  # noqa: PLC0415 - as above, after its backend is chosen

    plt.rcParams.update(
        {"svg.fonttype": "none", "svg.hashsalt": "soak", "font.size": 8, "font.family": "sans-serif"}
    )
    return plt


def _save(plt, figure, all_axes, path):
    for axes in all_axes:
        axes.set_facecolor("none")
        axes.tick_params(colors=INK, length=2)
        axes.xaxis.label.set_color(INK)
        axes.yaxis.label.set_color(INK)
        for spine in axes.spines.values():
            spine.set_color(INK)
            spine.set_linewidth(0.5)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, format="svg", transparent=True, metadata={"Date": None})
    plt.close(figure)


def _addresses(axes, looks, faults, start, end):
    """Draw a lane for each address: when it was dead, when it was served, and where somebody deleted it; returns their names."""
    names = []
    for service, addresses in SERVICES.items():
        for address in addresses:
            lane = len(names)
            names.append(f"{service} {address}")
            _bars(axes, lane + 0.17, 0.3, _spans(looks, service, address, start), SERVED)
            dead = [s for s in faults if address in killed_endpoints(s.fault)]
            _bars(axes, lane - 0.17, 0.3, _times(dead, start, end), DEAD)
            removed = [s.asked - start for s in faults if s.fault == Fault("record removed", address)]
            axes.plot(removed, [lane + 0.17] * len(removed), "x", color=DEAD)
    return names


def _lane(axes, names, name, stood, start, end):
    """Add a lane of bars, each with a word on it; those that stand together lie below each other."""
    lane = len(names)
    names.append(name)
    rows = _rows(stood)
    height = HIGH / max(1, len(rows))
    for number, row in enumerate(rows):
        middle = lane - HIGH / 2 + (number + 0.5) * height
        spans = _times(row, start, end)
        _bars(axes, middle, 0.9 * height, spans, FAULT)
        for one, (at, _) in zip(row, spans, strict=True):
            text = OF_A_NODE.get(one.fault.kind) or _short(one.fault)
            axes.text(at + 0.2, middle, text, fontsize=5.5, va="center", color="#101010", clip_on=True)


def _rows(stood):
    """Deal faults to rows in which nothing overlaps."""
    rows = []
    for one in sorted(stood, key=lambda stood: stood.asked):
        free = next((row for row in rows if row[-1].over < one.asked), None)
        if free is None:
            rows.append([one])
        else:
            free.append(one)
    return rows


def _short(fault):
    return str(fault).removeprefix("named ").removeprefix("links ").removeprefix("link ").replace("node", "")


def _bars(axes, middle, height, spans, colour):
    axes.broken_barh(spans, (middle - height / 2, height), facecolors=colour, linewidth=0)


def _times(stood, start, end):
    return [(one.asked - start, min(one.over, start + end) - one.asked) for one in stood]


def _spans(looks, service, address, start):
    """Return when an address was served, from look to look; a look without an answer tells nothing."""
    spans = []
    for look, after in pairwise(looks):
        if address not in (look.served[service] or ()):
            continue
        at, until = look.asked - start, min(after.asked, look.asked + GAP) - start
        if spans and at - sum(spans[-1]) < GAP / 10:
            spans[-1] = (spans[-1][0], until - spans[-1][0])
        else:
            spans.append((at, until - at))
    return spans


def _by_process(samples):
    found = {}
    for sample in samples:
        found.setdefault((sample.node, sample.pid), []).append(sample)
    return found
