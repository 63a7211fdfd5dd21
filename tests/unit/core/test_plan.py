from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from rrdnsd.core.model import NameChange, Plan, RRset, RRsetChange, RRsetKey, ZoneView
from rrdnsd.core.plan import Guarded, RemovalLimit, additions, foreign, guard, plan
from rrdnsd.core.publish import Publication

A, AAAA = RRsetKey("www.example.test", "A"), RRsetKey("www.example.test", "AAAA")


def publication(
    present, absent=(), *, key=A, drained=(), down=None, ttl=60, held="", name="www.example.test"
):
    key = RRsetKey(name, key.rtype)
    reasons = dict.fromkeys([*present, *absent], "up") | dict.fromkeys(absent, "down: refused")
    return Publication(
        name, "example.test", "default", ttl, {key: frozenset(present)}, {key: frozenset(absent)},
        drained=frozenset(drained), down=frozenset(absent if down is None else down), held=held, reasons=reasons,
    )  # fmt: skip


def served(*addresses, ttl=60, key=A):
    return ZoneView({key: RRset(ttl, frozenset(addresses))} if addresses else {})


def only_change(proposed):
    (change,) = proposed.changes
    (rrset,) = change.rrsets
    return change, rrset


def test_a_down_address_is_removed_and_a_missing_one_added():
    change, rrset = only_change(
        plan("example.test", [publication(["1.1.1.1"], ["2.2.2.2"])], served("2.2.2.2"))
    )
    assert rrset.after == RRset(60, frozenset({"1.1.1.1"}))
    assert rrset.before == RRset(60, frozenset({"2.2.2.2"}))
    assert change.reason == "add 1.1.1.1 (up); remove 2.2.2.2 (down: refused)"


def test_what_is_right_needs_no_change():
    assert plan("example.test", [publication(["1.1.1.1"], ["2.2.2.2"])], served("1.1.1.1")) == Plan(
        "example.test"
    )


def test_health_removes_nothing_below_the_fail_open_floor():
    """An endpoint without a quorum is out of DNS already: to take another one out would leave too few."""
    wanted = replace(publication(["1.1.1.1"], ["2.2.2.2"]), floor=2)
    assert not plan("example.test", [wanted], served("1.1.1.1", "2.2.2.2")).changes
    _, rrset = only_change(plan("example.test", [wanted], served("1.1.1.1", "2.2.2.2", "9.9.9.9", ttl=7)))
    assert rrset.removes == frozenset()
    _, rrset = only_change(plan("example.test", [replace(wanted, floor=1)], served("1.1.1.1", "2.2.2.2")))
    assert rrset.removes == {"2.2.2.2"}
    drained = replace(wanted, drained=frozenset({"2.2.2.2"}))
    _, rrset = only_change(plan("example.test", [drained], served("1.1.1.1", "2.2.2.2")))
    assert rrset.removes == {"2.2.2.2"}


def test_foreign_records_stay():
    wanted = publication(["1.1.1.1"], ["2.2.2.2"])
    view = served("1.1.1.1", "2.2.2.2", "9.9.9.9")
    _, rrset = only_change(plan("example.test", [wanted], view))
    assert rrset.after.addresses == {"1.1.1.1", "9.9.9.9"}
    assert foreign(wanted, view) == {"9.9.9.9"}


def test_a_held_publication_and_an_unmanageable_name_are_left_alone():
    view = served("2.2.2.2")
    assert not plan("example.test", [publication(["1.1.1.1"], held="no verdict yet")], view).changes
    broken = replace(view, problems={"www.example.test": "is a CNAME"})
    assert not plan("example.test", [publication(["1.1.1.1"])], broken).changes


def test_the_floor_refuses_to_empty_an_rrset_unless_all_of_it_is_drained():
    assert not plan("example.test", [publication([], ["1.1.1.1"])], served("1.1.1.1")).changes
    _, rrset = only_change(
        plan("example.test", [publication([], ["1.1.1.1"], drained=["1.1.1.1"])], served("1.1.1.1"))
    )
    assert rrset.after is None
    half = publication([], ["1.1.1.1", "2.2.2.2"], drained=["1.1.1.1"])
    assert not plan("example.test", [half], served("1.1.1.1", "2.2.2.2")).changes


def test_a_wrong_ttl_is_repaired_unless_it_is_tolerated():
    wanted = publication(["1.1.1.1"])
    change, rrset = only_change(plan("example.test", [wanted], served("1.1.1.1", ttl=300)))
    assert rrset.after.ttl == 60
    assert change.reason == "set the TTL of A to 60 (it was 300)"
    assert not plan("example.test", [wanted], served("1.1.1.1", ttl=300), {A: 300}).changes
    assert plan("example.test", [wanted], served("1.1.1.1", ttl=299), {A: 300}).changes


def test_the_ttl_of_an_rrset_with_only_foreign_records_is_not_ours():
    assert not plan("example.test", [publication([], ["1.1.1.1"])], served("9.9.9.9", ttl=5)).changes


def test_both_families_of_a_name_are_one_change():
    v4, v6 = publication(["1.1.1.1"]), publication(["2001:db8::1"], key=AAAA)
    both = replace(
        v4,
        present={**v4.present, **v6.present},
        absent={**v4.absent, **v6.absent},
        reasons={**v4.reasons, **v6.reasons},
    )
    (change,) = plan("example.test", [both], ZoneView({})).changes
    assert [rrset.key for rrset in change.rrsets] == [A, AAAA]


ADDRESS = st.sampled_from([f"10.0.0.{i}" for i in range(6)])


@given(st.sets(ADDRESS), st.sets(ADDRESS), st.sets(ADDRESS), st.sampled_from([5, 60]), st.sets(ADDRESS))
def test_planning_against_the_result_of_a_plan_gives_nothing(present, absent, found, ttl, drained):
    wanted = publication(present - absent, absent, drained=drained & absent)
    view = served(*found, ttl=ttl)
    first = plan("example.test", [wanted], view)
    after = dict(view.rrsets)
    for change in first.changes:
        for rrset in change.rrsets:
            after.pop(rrset.key, None)
            if rrset.after:
                after[rrset.key] = rrset.after
            assert rrset.adds <= wanted.present[A]
            assert rrset.removes <= wanted.absent[A]
            assert rrset.after or found <= drained
    assert not plan("example.test", [wanted], ZoneView(after)).changes


def zone_of(names, losing):
    """A zone of names with three addresses each; the first `losing` names lose one."""
    publications, rrsets = {}, {}
    for i in range(names):
        name = f"n{i}.example.test"
        down = ["10.0.0.3"] if i < losing else []
        up = ["10.0.0.1", "10.0.0.2", *([] if down else ["10.0.0.3"])]
        publications[name] = publication(up, down, name=name)
        rrsets[RRsetKey(name, "A")] = RRset(60, frozenset(["10.0.0.1", "10.0.0.2", "10.0.0.3"]))
    return publications, plan("example.test", publications.values(), ZoneView(rrsets))


def test_the_guard_passes_what_is_within_the_limit():
    publications, proposed = zone_of(6, 6)
    assert guard(proposed, publications, {}, RemovalLimit(share=0.34), 0.0) == Guarded(proposed)


def test_the_guard_refuses_removals_beyond_the_limit_and_lets_additions_pass():
    publications, proposed = zone_of(6, 4)
    extra = publication(["10.0.0.9"], name="new.example.test")
    publications["new.example.test"] = extra
    proposed = replace(
        proposed, changes=proposed.changes + plan("example.test", [extra], ZoneView({})).changes
    )
    guarded = guard(proposed, publications, {}, RemovalLimit(share=0.2), 0.0)
    assert [change.name for change in guarded.plan.changes] == ["new.example.test"]
    assert guarded.alarm == (
        "refused to remove 4 addresses from example.test: health would have taken away 4 of 19 within 60 s, "
        "more than max_removals allows (20%)"
    )


def test_recent_withdrawals_count_and_old_ones_do_not():
    publications, proposed = zone_of(6, 2)
    gone = {("n9.example.test", "10.0.0.1"): 100.0, ("n9.example.test", "10.0.0.2"): 100.0}
    limit = RemovalLimit(share=0.15, window=60)
    assert guard(proposed, publications, gone, limit, 130.0).alarm
    assert not guard(proposed, publications, gone, limit, 161.0).alarm


def test_the_guard_can_be_off_and_leaves_small_zones_and_drains_alone():
    publications, proposed = zone_of(6, 6)
    assert not guard(proposed, publications, {}, None, 0.0).alarm
    small, proposed_small = zone_of(3, 3)
    assert not guard(proposed_small, small, {}, RemovalLimit(share=0.01), 0.0).alarm
    drains = {name: replace(p, down=frozenset()) for name, p in publications.items()}
    assert not guard(proposed, drains, {}, RemovalLimit(share=0.01), 0.0).alarm


def test_additions_are_the_part_of_a_plan_that_takes_nothing_away():
    wanted = {
        name: publication(["1.1.1.1"], ["2.2.2.2"], name=name) for name in ("a.test", "b.test", "c.test")
    }
    view = ZoneView(
        {
            RRsetKey("a.test", "A"): RRset(60, frozenset({"2.2.2.2"})),
            RRsetKey("b.test", "A"): RRset(60, frozenset({"1.1.1.1", "2.2.2.2"})),
        }
    )
    proposed = plan("test", wanted.values(), view)
    first = additions(proposed, wanted)
    assert [(change.name, change.reason) for change in first.changes] == [
        ("a.test", "add 1.1.1.1 (up)"),
        ("c.test", "add 1.1.1.1 (up)"),
    ]
    assert first.changes[0].rrsets[0].after.addresses == {"1.1.1.1", "2.2.2.2"}
    assert not any(rrset.removes for change in first.changes for rrset in change.rrsets)


def test_a_failover_is_told_as_the_cause_of_what_it_takes_away():
    wanted = replace(publication(["1.1.1.1"], ["2.2.2.2"], down=()), failover="failover to 1.1.1.1 by ann")
    change, _ = only_change(plan("example.test", [wanted], served("1.1.1.1", "2.2.2.2")))
    assert change.reason == "remove 2.2.2.2 (failover to 1.1.1.1 by ann; it is down: refused)"


def test_strangers_keep_their_ttl_when_the_last_of_ours_goes():
    wanted = publication([], ["1.1.1.1"], drained=["1.1.1.1"])
    _, rrset = only_change(plan("example.test", [wanted], served("1.1.1.1", "9.9.9.9", ttl=777)))
    assert rrset.after == RRset(777, frozenset({"9.9.9.9"}))


def test_what_was_lost_and_then_ordered_out_is_no_loss_of_health():
    addresses = [f"10.0.0.{number}" for number in range(10)]
    wanted = publication(addresses[6:], addresses[:6], drained=addresses[:5], down=addresses[5:6])
    proposed = plan("example.test", [wanted], served(*addresses[5:]))
    lost_at = {(wanted.service, address): 9.0 for address in addresses[:5]}
    assert guard(proposed, {wanted.service: wanted}, lost_at, RemovalLimit(), 10.0) == Guarded(proposed)


def test_additions_keep_all_else_of_the_plan():
    wanted = publication(["1.1.1.1"], ["2.2.2.2"], ttl=30)
    proposed = plan("example.test", [wanted], served("2.2.2.2", "9.9.9.9"))
    before = RRset(60, frozenset({"2.2.2.2", "9.9.9.9"}))
    after = RRset(30, frozenset({"1.1.1.1", "2.2.2.2", "9.9.9.9"}))
    assert additions(proposed, {wanted.service: wanted}) == Plan(
        "example.test",
        (NameChange(wanted.service, (RRsetChange(A, before, after),), "add 1.1.1.1 (up)"),),
    )


TEN = [f"10.0.0.{number}" for number in range(10)]


def losing_one(*, withdrawn=(), of=TEN):
    """A zone of one name that loses the first of its addresses, and what was withdrawn from it."""
    wanted = publication(of[1:], of[:1])
    reasons = {**wanted.reasons, **dict.fromkeys(withdrawn, "removed by an operator")}
    wanted = replace(wanted, reasons=reasons, withdrawn=frozenset(withdrawn))
    return {wanted.service: wanted}, plan("example.test", [wanted], served(*of))


def test_the_guard_counts_from_ten_configured_addresses_on():
    publications, proposed = losing_one()
    refused = guard(proposed, publications, {}, RemovalLimit(share=0.09), 0.0)
    assert refused.plan == Plan("example.test")
    assert refused.alarm.startswith("refused to remove 1 addresses from example.test")
    publications, proposed = losing_one(of=TEN[1:], withdrawn=["10.0.1.1", "10.0.1.2"])
    assert guard(proposed, publications, {}, RemovalLimit(share=0.0), 0.0) == Guarded(proposed)


def test_exactly_the_share_may_go_and_a_loss_is_forgotten_when_the_window_ends():
    publications, proposed = losing_one()
    limit = RemovalLimit(share=0.1, window=60)
    lost = {("n9.example.test", "10.0.0.1"): 100.0}
    assert guard(proposed, publications, lost, limit, 160.0) == Guarded(proposed)
    assert guard(proposed, publications, lost, limit, 159.9).alarm
    assert guard(proposed, publications, lost, None, 159.9) == Guarded(proposed)


def test_a_held_service_holds_no_other_back():
    held, other = publication(["1.1.1.1"], held="paused"), publication(["1.1.1.1"], name="a.test")
    assert [change.name for change in plan("test", [held, other], ZoneView({})).changes] == ["a.test"]


def test_what_is_served_without_a_quorum_counts_for_the_floor():
    wanted = replace(publication(["1.1.1.1"], ["2.2.2.2"]), floor=2)
    pending = replace(wanted, reasons={**wanted.reasons, "3.3.3.3": "no quorum"})
    _, rrset = only_change(plan("example.test", [pending], served("1.1.1.1", "2.2.2.2", "3.3.3.3")))
    assert rrset.after.addresses == {"1.1.1.1", "3.3.3.3"}


def test_the_changes_of_both_families_are_told():
    v4, v6 = publication(["1.1.1.1"], ["2.2.2.2"]), publication(["2001:db8::1"], ["2001:db8::2"], key=AAAA)
    both = replace(
        v4, present=v4.present | v6.present, absent=v4.absent | v6.absent, reasons=v4.reasons | v6.reasons
    )
    view = ZoneView({**served("2.2.2.2").rrsets, **served("2001:db8::2", key=AAAA).rrsets})
    (change,) = plan("example.test", [both], view).changes
    assert change.reason == (
        "add 1.1.1.1 (up); remove 2.2.2.2 (down: refused); "
        "add 2001:db8::1 (up); remove 2001:db8::2 (down: refused)"
    )


def test_a_change_without_a_reason_is_told_all_the_same():
    wanted = replace(publication(["1.1.1.1"], ["2.2.2.2"]), reasons={})
    change, _ = only_change(plan("example.test", [wanted], served("2.2.2.2")))
    assert change.reason == "add 1.1.1.1 (); remove 2.2.2.2 ()"


def test_a_failover_is_not_told_as_the_cause_of_what_would_go_without_it():
    wanted = publication(["1.1.1.1"], ["2.2.2.2", "3.3.3.3"], down=["2.2.2.2"], drained=["3.3.3.3"])
    wanted = replace(wanted, failover="failover to 1.1.1.1 by ann")
    change, _ = only_change(plan("example.test", [wanted], served("1.1.1.1", "2.2.2.2", "3.3.3.3")))
    assert change.reason == "remove 2.2.2.2 (down: refused); remove 3.3.3.3 (down: refused)"
