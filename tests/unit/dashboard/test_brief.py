"""A service in brief says what a reader without scripts has to know, and what it says is text."""

import pytest

from rrdnsd.web.dashboard.brief import brief
from support.control import WEB, down, endpoint, service

HOSTILE = "<script>alert(1)</script>\"'><img src=x> &amp;"
ENDS = [endpoint("192.0.2.1", label="paris"), down("192.0.2.2", pending=True, forced="down")]


def test_states_and_reasons():
    html = brief(service(WEB, ENDS, state="degraded", reason="1 of 2 endpoints is down"))
    assert f'<a href="/dash/service/{WEB}">{WEB}</a></h3><span class="word degraded">degraded</span>' in html
    assert '<p class="why">1 of 2 endpoints is down</p>' in html
    assert (
        '<b class="mono">192.0.2.1</b> <span class="label">paris</span><span class="word">up</span>' in html
    )
    assert '<li class="tile down pending" data-at="192.0.2.2">' in html
    assert '<span class="word">down, forced, pending</span></div><p class="why">down: 2 of 3 nodes' in html


@pytest.mark.parametrize(("field", "word"), [("maintenance", "maintenance"), ("fail_open", "fail-open")])
def test_tags(field, word):
    assert f'<span class="tag">{word}</span>' in brief(service(WEB, ENDS, **{field: "it is so"}))
    assert "tag" not in brief(service(WEB, ENDS))


@pytest.mark.parametrize("quiet", ["up", ""])
def test_nothing_is_said_twice(quiet):
    assert "why" not in brief(service(WEB, [endpoint("192.0.2.1", reason=quiet)], reason=""))
    assert "why" not in brief(service(WEB, [down("192.0.2.1", reason="down")], reason=""))


def test_texts_stay_texts():
    ends = [down(HOSTILE, label=HOSTILE, reason=HOSTILE)]
    html = brief(service(HOSTILE, ends, reason=HOSTILE, maintenance=HOSTILE))
    assert "<script" not in html
    assert "<img" not in html
    assert html.count("&lt;script&gt;") == html.count("alert(1)") == html.count("&amp;amp;")
    assert "\"'" not in html
