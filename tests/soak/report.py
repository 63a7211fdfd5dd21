"""What is said of a campaign: in a few lines at its end, in detail when a rule was broken, and as a section of the docs."""

from collections import Counter
from statistics import median

from soak import bounds
from soak.kinds import KINDS

BEFORE = 15.0
"""Seconds before a rule was broken that are told of."""


def summary(outcome):
    """Say what happened, in two lines."""
    facts = figures(outcome)
    return (
        f"seed {outcome.seed}: {facts['storms']} storms with {facts['faults']} faults of {facts['kinds']} kinds in "
        f"{facts['minutes']:.1f} minutes; {facts['looks']} looks from outside, {facts['updates']} updates by nodes\n"
        f"{facts['broken']} rules broken; all right {facts['median']:.1f} s after a storm (median), {facts['worst']:.1f} s at "
        f"the most; the machine kept a process waiting for {facts['stalled']:.0f} s"
    )


def figures(outcome):
    """Return what the sentences are made of."""
    faults = [stood for cycle in outcome.cycles for stood in cycle.faults]
    drawn = [stood for stood in faults if stood.fault.kind != "stall"]
    after = [cycle.right - cycle.ended for cycle in outcome.cycles if cycle.right]
    mended = [cycle.mended for cycle in outcome.cycles if cycle.mended is not None]
    return {
        "storms": len(outcome.cycles),
        "faults": len(drawn),
        "kinds": len({stood.fault.kind for stood in drawn}),
        "minutes": (outcome.ended - outcome.began) / 60,
        "looks": sum(len(cycle.looks) for cycle in outcome.cycles),
        "updates": sum(len(cycle.updates) for cycle in outcome.cycles),
        "broken": len(outcome.violations) + len(outcome.growths),
        "median": median(after) if after else 0.0,
        "worst": max(after, default=0.0),
        "mended": max(mended, default=0.0),
        "stalled": sum(stood.over - stood.asked for stood in faults if stood.fault.kind == "stall"),
    }


def failure(outcome, folder):
    """Tell of each rule that was broken: when, what was served, what stood; "" if none was."""
    told = [_violation(outcome, violation) for violation in outcome.violations]
    told += [f"BROKEN: no growth: {sentence}" for sentence in outcome.growths]
    if not told:
        return ""
    last = f"logs and pictures: {folder}; the same storms again: make soak SEED={outcome.seed}"
    return "\n".join([*told, last])


def _violation(outcome, violation):
    cycle = next(c for c in reversed(outcome.cycles) if c.began <= violation.at)
    since = violation.at - BEFORE
    when = f"{violation.at - outcome.began:.1f} s after the beginning, {violation.at - cycle.began:.1f} s into storm {cycle.number}"
    lines = [
        f"BROKEN: {violation.rule}: {violation.how}",
        f"  {when}; {BEFORE:g} s before and later stood, in seconds of that storm:",
    ]
    lines += [
        f"    {stood.asked - cycle.began:6.1f} - {stood.over - cycle.began:6.1f}  {stood.fault}"
        for stood in sorted(_drawn(cycle), key=lambda stood: stood.asked)
        if stood.may_touch(since, violation.at)
    ]
    lines.append("  and named served:")
    before = None
    for look in cycle.looks:
        if look.served != before and since <= look.at <= violation.at + 1:
            shown = "; ".join(f"{name} {_listed(served)}" for name, served in look.served.items())
            lines.append(f"    {look.at - cycle.began:6.1f}  {shown}")
        before = look.served
    return "\n".join(lines)


def section(outcome, machine, pictures):
    """Return the section of docs/reliability.md. `pictures` are the names of the timeline and of the growth."""
    facts = figures(outcome)
    timeline, grown = pictures
    shape = (
        f"{facts['storms']} storms with {facts['faults']} faults of {facts['kinds']} kinds in {facts['minutes']:.0f} minutes, seed "
        f"{outcome.seed} (`make soak MINUTES={round(facts['minutes'])} SEED={outcome.seed}`). The observer looked {facts['looks']:,} "
        f"times; the nodes wrote {facts['updates']:,} times. **{facts['broken']} rules were broken.** After a storm all was right "
        f"again within {facts['median']:.1f} s (median), {facts['worst']:.1f} s at the most; what somebody then deleted by hand was back "
        f"after {facts['mended']:.1f} s at the most. For {facts['stalled']:.0f} s in all this "
        "machine kept some process waiting for a processor, and that time is not counted against anybody."
    )
    return "\n\n".join(
        [
            "### What came of it",
            machine,
            shape,
            _faults_table(outcome),
            f"![The first storms: what was served, and what stood; grey: watched that nothing is written]({timeline})",
            _growth_text(outcome),
            f"![Memory and file descriptors of each process, over the whole run]({grown})",
        ]
    )


def _faults_table(outcome):
    drawn = Counter(stood.fault.kind for cycle in outcome.cycles for stood in _drawn(cycle))
    rows = [f"| {kind} | {made.what} | {drawn[kind]} |" for kind, made in KINDS.items()]
    return "\n".join(["| fault | what it is | times |", "| --- | --- | --- |", *rows])


def _growth_text(outcome):
    long = [one for one in outcome.processes if len(one.rss_mb) >= 3]
    if not long:
        return "No process lived through three calm phases after its warm-up: growth was not judged."
    rows = [
        f"| {one.node} | {one.lived / 60:.1f} min | {len(one.rss_mb)} | {one.rss_mb[0]:.1f} MB | {one.rss_mb[-1]:.1f} MB "
        f"| {one.rss_more:+.1f} MB | {max(one.fds[:3]):g} | {max(one.fds):g} |"
        for one in sorted(long, key=lambda one: (one.node, -one.lived))
    ]
    head = (
        "| node | lived | calm phases | memory, first | last | last third - first third | fds, first ones | most |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    )
    warm = f"Processes that lived through three calm phases or more after {bounds.WARM_UP:g} s of warm-up; medians of the calm phases:"
    return "\n".join([warm, "", *head, *rows])


def _drawn(cycle):
    return [stood for stood in cycle.faults if stood.fault.kind != "stall"]


def _listed(served):
    if served is None:
        return "no answer"
    return ",".join(sorted(address.removeprefix("10.77.1.") for address in served)) or "NOTHING"
