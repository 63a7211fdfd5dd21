"""What writes and messages came to, as it is counted."""

from types import SimpleNamespace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from rrdnsd.core.model import Applied
from rrdnsd.daemon.keeping import code_of, codes
from rrdnsd.daemon.measured.people import people_readings
from rrdnsd.metrics.prometheus import render
from rrdnsd.providers import rcodes


@pytest.mark.parametrize("code", ["REFUSED", "NOTAUTH", "SERVFAIL", "NOTZONE", "NOTIMP", "FORMERR"])
def test_the_sentence_of_a_refusal_tells_its_rcode(code):
    asked = rcodes.Asked("update", "192.0.2.53:53", "example.org")
    assert code_of(rcodes.explain(asked, code)) == code


def test_what_no_server_has_said_has_no_rcode():
    assert code_of(rcodes.explain_transport("192.0.2.53:53", ConnectionRefusedError(), 5.0)) == "none"
    assert code_of("api.example.com: 429 Too Many Requests") == "none"


def test_every_name_of_a_plan_is_counted_once():
    applied = Applied(frozenset({"a", "b"}), frozenset({"c"}), {"d": "it refuses the update (REFUSED): no"})
    assert sorted(codes(applied)) == ["NOERROR", "NOERROR", "REFUSED", "stale"]


def test_messages_to_people():
    tally = SimpleNamespace(sent=7, failures=3, given_up=1, failing="timeout")
    text = b"".join(render(people_readings({"pager": SimpleNamespace(tally=tally, queue=[b"one"])}))).decode()
    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found == {
        ("rrdnsd_notifications_total", "pager", "sent"): 7,
        ("rrdnsd_notifications_total", "failed", "pager"): 3,
        ("rrdnsd_notifications_total", "given_up", "pager"): 1,
        ("rrdnsd_notifier_waiting", "pager"): 1,
        ("rrdnsd_notifier_failing", "pager"): 1,
    }
