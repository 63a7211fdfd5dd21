"""What people are shown: it fits, it is complete, and nothing in it can steer a terminal."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from rrdnsd.cli.asking import outcome_lines
from rrdnsd.cli.backtesting import as_json, compare_runs, comparison_view
from rrdnsd.cli.decode import decode, printable
from rrdnsd.cli.exits import CommandError, Exit
from rrdnsd.cli.status_view import status_view
from rrdnsd.cli.waiting import progress_of
from rrdnsd.control.reports import (
    CheckReport,
    ClusterReport,
    DrainReport,
    Outcome,
    PeerReport,
    RunReport,
    RunsReport,
    ServedReport,
)
from support.control import NOW, WEB, SampleControl, endpoint, service

LONG = "2001:db8:1111:2222:3333:4444:5555:6666"


def shown(view, width=80):
    out = Console(width=width, markup=False, emoji=False, highlight=False)
    with out.capture() as captured:
        out.print(view)
    lines = captured.get().splitlines()
    assert max(map(len, lines)) <= width
    return " ".join(captured.get().split())


def status(*services, **changes):
    report = SampleControl().status()
    return replace(report, services=list(services) or report.services, **changes)


def test_everything_that_is_wrong_comes_first():
    cluster = ClusterReport(
        3,
        "no quorum: only 1 of 3 nodes heard",
        "its own link is down",
        [],
        ["10.0.0.2: differs"],
        {},
        1,
        False,
    )
    text = shown(
        status_view(
            status(paused="paused by alice", cluster=cluster, warnings=["the disk is full"], mode="shadow")
        )
    )
    before = text.partition(WEB)[0]
    for sentence in (
        "shadow mode: nothing is written", "nothing is written: paused by alice",
        "nothing is written: no quorum: only 1 of 3 nodes heard", "this node abstains: its own link is down",
        "not every node knows the same orders yet", "10.0.0.2: differs", "the disk is full",
    ):  # fmt: skip
        assert sentence in before


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"published": True, "served": True}, "yes"),
        ({"published": False, "served": False}, "no"),
        ({"published": True, "served": None}, "adding"),
        ({"published": False, "served": True}, "removing"),
        ({"published": None, "served": True}, "as found"),
        ({"forced": "up"}, "forced up"),
        ({"pending": True}, "no quorum for now"),
        ({"drain": DrainReport(NOW, None, safe=False, waiting_for="a server")}, "draining: a server"),
        ({"drain": DrainReport(NOW, NOW, safe=True, waiting_for="")}, "safe to stop"),
    ],
)
def test_endpoints(changes, words):
    assert words in shown(status_view(status(service(WEB, [endpoint("192.0.2.1", **changes)]))))


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (CheckReport("https://x/", "up", ""), "as a client sees it: well"),
        (CheckReport("https://x/", "down", "192.0.2.9: timeout"), "as a client sees it: 192.0.2.9: timeout"),
    ],
)
def test_what_a_client_sees(check, words):
    assert words in shown(status_view(status(service(WEB, [endpoint("192.0.2.1")], check=check))))


@pytest.mark.parametrize("check", [None, CheckReport("https://x/", "unknown", "")])
def test_nothing_is_said_before_a_client_has_looked(check):
    assert "client" not in shown(status_view(status(service(WEB, [endpoint("192.0.2.1")], check=check))))


def test_servers_that_do_not_serve_what_they_should():
    served = [
        ServedReport("192.0.2.53:53", "A", ["192.0.2.9"], 60, [], right=False, read_at=NOW, error=""),
        ServedReport("192.0.2.54:53", "A", [], None, [], right=False, read_at=None, error="it refuses"),
        ServedReport("192.0.2.55:53", "A", [], 60, ["192.0.2.99"], right=True, read_at=NOW, error=""),
    ]
    text = shown(status_view(status(service(WEB, [endpoint("192.0.2.1")], served=served))))
    assert "192.0.2.53:53, A: not as it should be, serves 192.0.2.9" in text
    assert "192.0.2.54:53, A: it refuses" in text
    assert "192.0.2.55:53, A: foreign 192.0.2.99" in text


def test_nodes_that_are_not_heard():
    peers = [PeerReport("10.0.0.2:3333", counted=False, heard_s=None, abstains="its link is down")]
    text = shown(status_view(status(cluster=ClusterReport(2, "", "", peers, [], {}))))
    assert "10.0.0.2:3333 does not count never abstains: its link is down" in text


def test_long_addresses_fit():
    shown(
        status_view(
            status(service(f"{'a' * 60}.example.org", [endpoint(LONG, reason="x" * 200, verdict="down")]))
        )
    )
    runs = RunsReport(WEB, 2, 2, 5.0, 0.5, [RunReport(LONG, NOW - 1e6, NOW, True, 10**7, "")])
    shown(comparison_view(compare_runs(runs, 2, 3)))


def test_the_outages_that_would_be_missed_are_listed():
    results = "+++" + "--+++" * 7
    runs = [
        RunReport("192.0.2.1", NOW + 5 * n, NOW + 5 * n, sign == "+", 1, "") for n, sign in enumerate(results)
    ]
    compared = compare_runs(RunsReport(WEB, 2, 2, 5.0, 5.0, runs), 2, 3)
    text = shown(comparison_view(compared))
    assert "7>0" in text
    assert text.count("missed: 192.0.2.1 from") == 5
    assert text.endswith("missed: 2 more")
    assert len(as_json(compared)["endpoints"]["192.0.2.1"]["missed"]) == 7


def test_outcomes():
    done = Outcome(True, ["removes 192.0.2.1 from www"], ["a"], ["b", "c"])
    assert outcome_lines(done) == [
        "removes 192.0.2.1 from www",
        "not confirmed yet by b, c; a node learns of it as soon as it is heard",
    ]
    assert outcome_lines(Outcome(False, ["x"], [], []))[1] == "(nothing had to be changed)"
    assert outcome_lines(Outcome(True, ["x"], [], [], dry_run=True))[1] == "(a dry run: nothing was changed)"


def drained(*drains):
    named = [
        service(f"s{n}.example.org", [endpoint("192.0.2.1", drain=drain)]) for n, drain in enumerate(drains)
    ]
    return status(*named)


def test_a_drain_of_several_services_is_safe_when_the_last_is():
    early, late = DrainReport(NOW, NOW + 5, False, ""), DrainReport(NOW, NOW + 55, False, "")
    progress = progress_of(drained(early, late), "192.0.2.1")
    assert progress.sentence.startswith(
        "192.0.2.1 is out of s0.example.org, s1.example.org; safe to stop at "
    )
    assert (progress.countdown, progress.safe) == (" (in 55 s)", False)
    over = replace(early, safe=True)
    assert not progress_of(drained(over, late), "192.0.2.1").safe
    assert progress_of(drained(over, over), "192.0.2.1").safe
    waiting = progress_of(drained(late, DrainReport(NOW, None, False, "no quorum")), "192.0.2.1")
    assert waiting.sentence == "waiting until 192.0.2.1 is out of s1.example.org: no quorum"
    many = progress_of(drained(*[late] * 5), "192.0.2.1")
    assert "s2.example.org and 2 more;" in many.sentence


def test_a_drain_that_is_gone():
    with pytest.raises(CommandError, match="is not drained any more") as caught:
        progress_of(drained(None), "192.0.2.1")
    assert caught.value.code is Exit.NOT_YET


WORDS = st.text("aé\u20ac \n\x1b\x00\x85\xa0\u202e\ud800\U000e0001\U0001f600", max_size=5)
LEAF = WORDS | st.integers() | st.none()
INNER = LEAF | st.lists(LEAF, max_size=3) | st.dictionaries(WORDS, LEAF, max_size=3)


@given(INNER | st.lists(INNER, max_size=3) | st.dictionaries(WORDS, INNER, max_size=3))
def test_nothing_that_is_not_printable_is_left(value):
    def texts(of):
        if isinstance(of, dict):
            return [text for pair in of.items() for one in pair for text in texts(one)]
        return (
            [text for one in of for text in texts(one)]
            if isinstance(of, list)
            else [of]
            if isinstance(of, str)
            else []
        )

    assert all(text.isprintable() for text in texts(printable(value)))


def test_answers_with_more_fields_are_understood():
    text = '{"changed": true, "effect": ["\\u001b[2J"], "known_by": [], "unknown_to": [], "news": 1}'
    assert decode(Outcome, text).effect == ["\\x1b[2J"]
    with pytest.raises(CommandError, match="another version"):
        decode(Outcome, '{"changed": true}')
