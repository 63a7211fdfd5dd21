import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rrdnsd.core.model import Endpoint, RRsetKey, Service, State
from rrdnsd.core.override import Effective, Kind, Override
from rrdnsd.core.publish import publish

UP, DOWN, UNKNOWN = State.UP, State.DOWN, State.UNKNOWN
A, AAAA = RRsetKey("www.example.test", "A"), RRsetKey("www.example.test", "AAAA")


def service(*endpoints, threshold=0.5, min_up=1, withdrawn=()):
    made = tuple(e if isinstance(e, Endpoint) else Endpoint(e) for e in endpoints)
    return Service(
        "www.example.test", "example.test", "default", 60, made,
        fail_open_threshold=threshold, min_up=min_up, withdrawn=frozenset(withdrawn),
    )  # fmt: skip


def states(found, **more):
    return {address: s if isinstance(s, Effective) else Effective(s, str(s)) for address, s in found.items()}


def drained(state):
    return Effective(state, str(state), drained="drained")


def forced(state):
    return Effective(state, f"forced {state} by ann: work", forced=state)


def failover(*to):
    return Override(Kind.FAILOVER, "www.example.test", who="ann", why="work", to=frozenset(to))


def pending(state):
    return Effective(state, str(state), pending=True)


def published(svc, found):
    publication = publish(svc, states(found))
    return {a for addresses in publication.present.values() for a in addresses}


def test_healthy_endpoints_are_present_and_the_down_one_is_absent():
    result = publish(service("10.0.0.1", "10.0.0.2"), states({"10.0.0.1": UP, "10.0.0.2": DOWN}))
    assert result.present == {A: {"10.0.0.1"}}
    assert result.absent == {A: {"10.0.0.2"}}
    assert (result.held, result.fail_open, result.down) == ("", "", {"10.0.0.2"})


def test_nothing_is_written_before_every_endpoint_has_a_verdict():
    result = publish(service("10.0.0.1", "10.0.0.2"), states({"10.0.0.1": UP, "10.0.0.2": UNKNOWN}))
    assert result.held == "no verdict yet on 10.0.0.2"


def test_maintenance_holds_everything():
    result = publish(service("10.0.0.1"), states({"10.0.0.1": UP}), "maintenance: new disks")
    assert result.held == "maintenance: new disks"


def test_more_than_half_down_publishes_all_but_the_drained():
    svc = service("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4")
    found = {"10.0.0.1": UP, "10.0.0.2": DOWN, "10.0.0.3": DOWN, "10.0.0.4": drained(UP)}
    result = publish(svc, states(found))
    assert result.present[A] == {"10.0.0.1", "10.0.0.2", "10.0.0.3"}
    assert result.absent[A] == {"10.0.0.4"}
    assert result.fail_open == "2 of 3 endpoints are down, more than 50%: all stay published"


def test_exactly_half_down_is_not_more_than_half():
    assert published(service("10.0.0.1", "10.0.0.2"), {"10.0.0.1": UP, "10.0.0.2": DOWN}) == {"10.0.0.1"}


def test_fail_open_counts_both_families_together():
    svc = service("10.0.0.1", "10.0.0.2", "2001:db8::1", "2001:db8::2")
    found = {"10.0.0.1": DOWN, "10.0.0.2": DOWN, "2001:db8::1": DOWN, "2001:db8::2": UP}
    assert published(svc, found) == set(found)


def test_a_family_is_never_emptied_by_health_alone():
    svc = service("10.0.0.1", "2001:db8::1", "2001:db8::2")
    assert published(svc, {"10.0.0.1": DOWN, "2001:db8::1": UP, "2001:db8::2": UP}) == set(svc_addresses(svc))


def svc_addresses(svc):
    return [e.address for e in svc.endpoints]


def test_without_fail_open_the_floor_still_holds():
    svc = service("10.0.0.1", "10.0.0.2", threshold=None)
    assert published(svc, {"10.0.0.1": DOWN, "10.0.0.2": DOWN}) == {"10.0.0.1", "10.0.0.2"}


def test_a_drain_may_empty_an_rrset():
    result = publish(service("10.0.0.1"), states({"10.0.0.1": drained(UP)}))
    assert (result.present[A], result.absent[A]) == (set(), {"10.0.0.1"})


def test_a_pending_endpoint_is_left_as_it_is_found():
    result = publish(service("10.0.0.1", "10.0.0.2"), states({"10.0.0.1": UP, "10.0.0.2": pending(DOWN)}))
    assert (result.present[A], result.absent[A]) == ({"10.0.0.1"}, set())


def test_a_pending_endpoint_counts_as_neither_up_nor_down():
    svc = service("10.0.0.1", "10.0.0.2", "10.0.0.3")
    for remembered in (UP, DOWN):
        found = {"10.0.0.1": UP, "10.0.0.2": pending(remembered), "10.0.0.3": DOWN}
        result = publish(svc, states(found))
        assert (result.present[A], result.absent[A]) == ({"10.0.0.1"}, {"10.0.0.3"})
        assert not result.fail_open


def test_a_standby_is_left_as_it_is_found_while_the_preferred_tier_is_in_doubt():
    svc = service(Endpoint("10.0.0.1", 1), Endpoint("10.0.0.2", 2))
    for remembered in (UP, DOWN):
        result = publish(svc, states({"10.0.0.1": pending(remembered), "10.0.0.2": UP}))
        assert (result.present[A], result.absent[A]) == (set(), set())


def test_a_divided_quorum_does_not_hold_back_what_is_decided():
    divided = Effective(UNKNOWN, "", pending=True, divided=True)
    result = publish(service("10.0.0.1", "10.0.0.2"), states({"10.0.0.1": UP, "10.0.0.2": divided}))
    assert result.held == ""
    assert (result.present[A], result.absent[A]) == ({"10.0.0.1"}, set())


def active_standby(min_up=1):
    return service(
        Endpoint("10.0.0.1", 1),
        Endpoint("10.0.0.2", 1),
        Endpoint("10.0.1.1", 2),
        Endpoint("10.0.1.2", 2),
        min_up=min_up,
    )


def test_the_preferred_tier_is_published_alone():
    found = dict.fromkeys(["10.0.0.1", "10.0.0.2", "10.0.1.1", "10.0.1.2"], UP)
    assert published(active_standby(), found) == {"10.0.0.1", "10.0.0.2"}


def test_the_standby_tier_takes_over_below_min_up():
    found = {"10.0.0.1": DOWN, "10.0.0.2": UP, "10.0.1.1": UP, "10.0.1.2": UP}
    assert published(active_standby(), found) == {"10.0.0.2"}
    assert published(active_standby(min_up=2), found) == {"10.0.1.1", "10.0.1.2"}


def test_a_healthy_standby_wins_over_fail_open():
    found = {"10.0.0.1": DOWN, "10.0.0.2": DOWN, "10.0.1.1": DOWN, "10.0.1.2": UP}
    assert published(active_standby(), found) == {"10.0.1.2"}


def test_all_tiers_down_publishes_the_preferred_one():
    found = dict.fromkeys(["10.0.0.1", "10.0.0.2", "10.0.1.1", "10.0.1.2"], DOWN)
    assert published(active_standby(), found) == {"10.0.0.1", "10.0.0.2"}


def test_families_fail_over_by_themselves():
    svc = service(
        Endpoint("10.0.0.1", 1),
        Endpoint("2001:db8::1", 1),
        Endpoint("10.0.1.1", 2),
        Endpoint("2001:db8:1::1", 2),
    )
    found = {"10.0.0.1": DOWN, "2001:db8::1": UP, "10.0.1.1": UP, "2001:db8:1::1": UP}
    assert published(svc, found) == {"10.0.1.1", "2001:db8::1"}


def test_forced_down_endpoints_really_leave():
    svc = service("10.0.0.1", "10.0.0.2", "10.0.0.3")
    found = {"10.0.0.1": forced(DOWN), "10.0.0.2": forced(DOWN), "10.0.0.3": UP}
    result = publish(svc, states(found))
    assert (result.present[A], result.absent[A]) == ({"10.0.0.3"}, {"10.0.0.1", "10.0.0.2"})
    assert (result.fail_open, result.down, result.drained) == ("", set(), {"10.0.0.1", "10.0.0.2"})
    assert result.reasons["10.0.0.1"] == "forced down by ann: work"
    assert result.floor == 1


def test_what_an_operator_keeps_out_needs_no_verdict():
    svc = service("10.0.0.1", "10.0.0.2")
    result = publish(svc, states({"10.0.0.1": UP, "10.0.0.2": drained(UNKNOWN)}))
    assert (result.held, result.present[A], result.absent[A]) == ("", {"10.0.0.1"}, {"10.0.0.2"})


def test_a_failover_prefers_what_it_names_with_one_tier_or_several():
    found = dict.fromkeys(["10.0.0.1", "10.0.0.2", "10.0.1.1", "10.0.1.2"], UP)
    for svc in (active_standby(), active_standby(min_up=2), service(*found)):
        result = publish(svc, states(found), "", failover("10.0.1.1", "10.0.0.2"))
        assert (result.present[A], result.absent[A]) == ({"10.0.1.1", "10.0.0.2"}, {"10.0.0.1", "10.0.1.2"})
        assert result.failover == "failover to 10.0.0.2, 10.0.1.1 by ann: work"
        assert result.floor == 0


def test_a_failover_waits_while_too_few_of_it_are_up():
    svc = active_standby(min_up=2)
    found = {"10.0.0.1": UP, "10.0.0.2": UP, "10.0.1.1": DOWN, "10.0.1.2": UP}
    usual = publish(svc, states(found))
    for order in (failover("10.0.1.1", "10.0.1.2"), failover("10.0.1.1"), failover("10.9.9.9")):
        assert publish(svc, states(found), "", order) == usual
    single = publish(svc, states(found), "", failover("10.0.1.2"))
    assert single.present[A] == {"10.0.1.2"}


def test_a_failover_wins_over_fail_open_and_decides_only_families_it_names():
    svc = service("10.0.0.1", "10.0.0.2", "10.0.0.3", "2001:db8::1", "2001:db8::2", "2001:db8::3")
    found = dict.fromkeys(svc_addresses(svc), DOWN) | {"10.0.0.2": UP}
    result = publish(svc, states(found), "", failover("10.0.0.2"))
    assert result.present == {A: {"10.0.0.2"}, AAAA: {"2001:db8::1", "2001:db8::2", "2001:db8::3"}}


def test_withdrawn_addresses_go_and_are_nothing_else():
    svc = service("10.0.0.1", withdrawn=["10.0.0.9", "2001:db8::9"])
    result = publish(svc, states({"10.0.0.1": DOWN}))
    assert (result.present[A], result.absent[A]) == ({"10.0.0.1"}, {"10.0.0.9"})
    assert (result.present[AAAA], result.absent[AAAA]) == (set(), {"2001:db8::9"})
    assert result.reasons["10.0.0.9"] == "removed by an operator"
    assert result.drained == {"10.0.0.9", "2001:db8::9"}


def test_of_a_removed_service_everything_goes_without_a_verdict():
    result = publish(service(withdrawn=["10.0.0.9"]), {})
    assert (result.held, result.present[A], result.absent[A]) == ("", set(), {"10.0.0.9"})
    assert publish(service(withdrawn=["10.0.0.9"]), {}, "paused").held == "paused"


ADDRESSES = [f"10.0.0.{i}" for i in range(1, 5)] + [f"2001:db8::{i}" for i in range(1, 4)]
EFFECTIVE = st.sampled_from(
    [
        forced(UP),
        forced(DOWN),
        *(
            Effective(state, "", drained=drained, pending=pending)
            for state in (UP, DOWN)
            for drained in ("", "drained")
            for pending in (False, True)
        ),
    ]
)


@st.composite
def situations(draw):
    chosen = draw(st.lists(st.sampled_from(ADDRESSES), unique=True, min_size=1))
    svc = service(
        *[Endpoint(a, draw(st.integers(0, 2))) for a in chosen],
        threshold=draw(st.none() | st.floats(0, 1)),
        min_up=draw(st.integers(1, 3)),
        withdrawn=draw(st.sets(st.sampled_from(sorted({*ADDRESSES} - {*chosen}) or ["10.9.9.9"]))),
    )
    return svc, {a: draw(EFFECTIVE) for a in chosen}


@given(situations())
def test_invariants_of_every_publication(situation):
    svc, found = situation
    result = publish(svc, found)
    for key in result.keys:
        family = {e.address for e in svc.endpoints if e.rtype == key.rtype}
        gone = {a for a in svc.withdrawn if (":" in a) == (key.rtype == "AAAA")}
        present, absent = result.present[key], result.absent[key]
        assert not present & absent
        assert present | absent <= family | gone
        candidates = {a for a in family if not found[a].out}
        assert not present - candidates
        assert {a for a in family if found[a].out} | gone <= absent
        left = {a for a in candidates if found[a].pending}
        assert not (present | absent) & left
        if candidates and not left:
            assert present, "health emptied an RRset"
        healthy = {a for a in candidates if found[a].state is UP and not found[a].pending}
        one_tier = len({e.priority for e in svc.endpoints}) == 1
        if one_tier:
            assert healthy <= present
            assert present in (healthy, candidates - left)


@given(situations(), st.sets(st.sampled_from(ADDRESSES), min_size=1))
def test_a_failover_decides_each_family_as_a_plain_rule_says(situation, to):
    """With enough of the named ones surely up, they alone are published; with too few at best, nothing changes."""
    svc, found = situation
    usual, result = publish(svc, found), publish(svc, found, "", failover(*to))
    in_force = False
    for key in result.keys:
        named = {e.address for e in svc.endpoints if e.rtype == key.rtype and e.address in to}
        enough = svc.min_up if len(named) >= svc.min_up else 1
        able = {a for a in named if not found[a].out and (found[a].state is UP or found[a].pending)}
        up = {a for a in able if not found[a].pending}
        if len(up) >= enough:
            in_force = True
            assert result.present[key] == up
            everybody = {e.address for e in svc.endpoints if e.rtype == key.rtype}
            left = {a for a in everybody if found[a].pending and not found[a].out}
            assert everybody - up - left <= result.absent[key]
        elif len(able) < enough:
            assert (result.present[key], result.absent[key]) == (usual.present[key], usual.absent[key])
        else:  # it may come into force: nobody else is put in, and what the usual rule publishes is not taken away
            assert result.present[key] <= up
            assert result.absent[key].isdisjoint(usual.present[key])
    assert bool(result.failover) == in_force
    assert (result.fail_open, result.drained, result.down) == (usual.fail_open, usual.drained, usual.down)


@settings(max_examples=200)
@given(situations(), st.sets(st.sampled_from(ADDRESSES)))
def test_in_doubt_only_that_is_done_which_is_right_either_way(situation, to):
    """Let all pending endpoints turn out up, or all down: what is put in stays in, and nobody healthy comes back."""
    svc, found = situation
    order = failover(*to) if to else None
    result = publish(svc, found, "", order)
    healthy = {a for a, effective in found.items() if effective.state is UP and not effective.pending}
    for outcome in (UP, DOWN):
        decided = {
            address: dataclasses.replace(effective, state=outcome, pending=False)
            if effective.pending
            else effective
            for address, effective in found.items()
        }
        settled = publish(svc, decided, "", order)
        for key in result.keys:
            if bool(settled.fail_open) == bool(result.fail_open):
                assert result.present[key] <= settled.present[key]
            assert not result.absent[key] & settled.present[key] & healthy


@given(situations())
def test_fail_open_matches_a_plain_count(situation):
    svc, found = situation
    judged = [state for state in found.values() if not state.out]
    down = [state for state in judged if state.state is DOWN and not state.pending]
    threshold = svc.fail_open_threshold
    expected = threshold is not None and bool(judged) and len(down) > threshold * len(judged)
    assert bool(publish(svc, found).fail_open) == expected


def test_other_reasons_ask_for_the_same_and_anything_else_does_not():
    result = publish(service("10.0.0.1"), states({"10.0.0.1": UP}))
    assert result.asks_for_the_same(dataclasses.replace(result, reasons={}))
    assert not result.asks_for_the_same(dataclasses.replace(result, reasons={}, ttl=30))


def test_a_publication_says_where_it_belongs_and_what_was_withdrawn():
    result = publish(service("10.0.0.1", withdrawn=["10.0.0.9"]), states({"10.0.0.1": UP}))
    assert (result.service, result.zone, result.provider, result.ttl, result.withdrawn) == (
        "www.example.test",
        "example.test",
        "default",
        60,
        {"10.0.0.9"},
    )


@pytest.mark.parametrize(
    ("threshold", "floor"), [(0.5, 2), (0.25, 3), (0.3, 3), (0.0, 4), (1.0, 0), (None, 0)]
)
def test_the_floor_is_what_fail_open_leaves_of_a_single_tier(threshold, floor):
    addresses = [f"10.0.0.{number}" for number in range(1, 5)]
    found = states(dict.fromkeys(addresses, UP))
    assert publish(service(*addresses, threshold=threshold), found).floor == floor
    tiers = [Endpoint(address, number % 2) for number, address in enumerate(addresses)]
    assert publish(service(*tiers, threshold=threshold), found).floor == 0


def test_where_no_tier_has_enough_all_that_is_up_is_published():
    found = {"10.0.0.1": UP, "10.0.0.2": DOWN, "10.0.1.1": UP, "10.0.1.2": DOWN}
    assert published(active_standby(min_up=2), found) == {"10.0.0.1", "10.0.1.1"}
