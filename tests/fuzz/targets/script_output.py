"""What a custom script writes: the answers to fetch and apply, a pause, and the output of a Nagios plugin."""

from rrdnsd.child import Ended
from rrdnsd.core.model import NameChange, Plan, RRset, RRsetChange, RRsetKey
from rrdnsd.errors import ProviderError
from rrdnsd.probes.script import judge
from rrdnsd.providers.script.protocol import read_applied, read_pause, read_view

KEY = RRsetKey("www.example.org", "A")
PLAN = Plan(
    "example.org",
    (NameChange("www.example.org", (RRsetChange(KEY, None, RRset(60, frozenset({"192.0.2.1"}))),), "is up"),),
)
MOST = 1000
"""Longer reasons flood the log."""


def target(data: bytes) -> None:
    """The octets are the whole of its standard output; the first is its exit code, too."""
    try:
        view = read_view(data, (KEY,))
        assert set(view.rrsets) <= {KEY}
        assert all(rrset.addresses for rrset in view.rrsets.values())
    except ProviderError as error:
        _said(str(error))
    try:
        applied = read_applied(data, PLAN)
        assert set(applied.refused) <= {change.name for change in PLAN.changes}
        for why in applied.refused.values():
            _said(why)
    except ProviderError as error:
        _said(str(error))
    pause = read_pause(data)
    assert pause is None or pause >= 0
    up, reason = judge(Ended(data[0] if data else 0, data[1:], b""))
    assert up or reason
    _said(reason or "-")


def _said(reason: str) -> None:
    assert reason.isprintable(), f"a sentence that would harm a terminal: {reason!r}"
    assert 0 < len(reason) < MOST
