import time

from rrdnsd.compose.metrics import seeing
from rrdnsd.core.effects import Transition
from rrdnsd.core.model import EndpointKey, ProbeResult, State, Timings
from rrdnsd.daemon.budget import Incident
from rrdnsd.daemon.reports import Failed, Noticed, Served, Wrote
from rrdnsd.metrics.names import PROBE_BOUNDS
from rrdnsd.metrics.tally import Distribution, Tally, merged

KEY = EndpointKey("www.example.test", "192.0.2.1")
OTHER = EndpointKey("api.example.test", "192.0.2.1")


def good(seconds):
    return ProbeResult(True, "", Timings(seconds))


BAD = ProbeResult(False, "connection refused", Timings(0.2))


def test_probes_are_counted_by_service_and_result():
    tally = Tally()
    tally.note([(KEY, good(0.003)), (KEY, BAD), (OTHER, good(0.2))])
    tally.note([(KEY, good(20.0))])
    www = tally.probed[KEY.service]
    assert (www.failures, sum(www.durations.counts)) == (1, 2)
    assert www.durations.counts[-1] == 1  # longer than every bound
    assert www.durations.total == 20.003
    assert (tally.successes, tally.failures) == (3, 1)


def test_a_value_on_a_bound_counts_as_not_more_than_it():
    distribution = Distribution((1.0, 2.0))
    for value in (1.0, 1.5, 2.0, 2.5):
        distribution.add(value)
    assert distribution.counts == [1, 2, 1]


def test_histograms_add_up():
    tally = Tally()
    tally.note([(KEY, good(0.003)), (OTHER, good(0.003)), (OTHER, good(0.2))])
    whole = merged((probed.durations for probed in tally.probed.values()), PROBE_BOUNDS)
    assert sum(whole.counts) == 3
    assert abs(whole.total - 0.206) < 1e-9


def test_services_that_are_gone_are_forgotten():
    tally = Tally()
    tally.note([(KEY, BAD), (OTHER, BAD)])
    tally.change(KEY.service, "down")
    tally.keep_only([OTHER.service])
    assert tally.probed.keys() == {OTHER.service}
    assert not tally.changes
    assert (tally.failures, tally.changed) == (2, 1)  # what has happened has happened


def test_what_is_decided_and_done_is_counted():
    tally = Tally()
    see = seeing(tally)
    see(Transition(KEY, State.UNKNOWN, State.UP, "", 0.0))  # a first verdict is no change
    see(Transition(KEY, State.UP, State.DOWN, "down: refused", 0.0))
    see(Wrote("s", "z", "n", "why", drift=False))
    see(Wrote("s", "z", "n", "why", drift=True))
    see(Failed("s", "z", "why", 1.0))
    see(Noticed("s", "z", "n", "foreign records"))
    see(Noticed("s", "z", "z", "refused to remove", alarm=True))
    see(Served("s", "z", "n", 0.02))
    assert tally.changes == {(KEY.service, State.DOWN): 1}
    assert tally.repairs == {("s", "z"): 1}
    assert tally.dns_failures == {("s", "z"): 1}
    assert tally.refused == {"z": 1}
    assert sum(tally.served["s"].counts) == 1


def test_the_steps_of_a_failover_are_told_from_the_first_failed_probe_on():
    tally = Tally()
    incident = Incident(KEY, State.DOWN, "", 10.0, None, 10.5, 11.0, {"a": 11.5, "b": 13.0})
    seeing(tally)(incident)
    assert {step: found.total for step, found in tally.steps.items()} == {"decided": 0.5, "written": 1.0}
    incident.complete = True
    seeing(tally)(incident)
    assert tally.steps["visible"].total == 3.0  # the last server counts


def test_counting_is_cheap():
    # About 0.3 microseconds on a slow machine; what would cost ten times as much is what this finds.
    tally = Tally()
    batch = [(EndpointKey(f"s{n % 100}.example.test", f"10.0.0.{n % 250}"), good(0.003)) for n in range(1000)]
    best = 1.0
    for _ in range(20):
        began = time.thread_time()
        tally.note(batch)
        best = min(best, time.thread_time() - began)
    assert best / 1000 < 4e-6
