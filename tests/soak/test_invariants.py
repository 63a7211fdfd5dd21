"""Each rule finds what breaks it in a record that was doctored, and nothing in one that was not."""

import pytest

from soak import bounds
from soak.invariants import check
from soak.kinds import NODES, SERVICES, Fault
from soak.record import Cycle, Look, Stood, Update

EVERY = 0.2
WWW, API = SERVICES["www"], SERVICES["api"]
DEAD = WWW[0]
LENGTH = 60.0


def stood(kind, target="", since=10.0, until=20.0):
    return Stood(Fault(kind, target), since, since, until, until)


def record(*faults, absent=(), right=50.0, updates=(), serial=None, www=None):
    """A cycle of a minute; `absent` holds (address, since, until) for what was not served meanwhile."""

    def look(at):
        gone = {address for address, since, until in absent if since <= at < until}
        served = {name: frozenset(addresses) - gone for name, addresses in SERVICES.items()}
        if www:
            served["www"] = www(at, served["www"])
        return Look(at, at + 0.01, served, serial(at) if serial else 7, foreign=True)

    looks = [look(number * EVERY) for number in range(int(LENGTH / EVERY))]
    return Cycle(0, 0.0, [*faults], looks, [*updates], right, 55.0, LENGTH)


def rules(cycle):
    return {violation.rule for violation in check(cycle)}


GOOD = record(stood("endpoint closed", DEAD), absent=[(DEAD, 11.0, 22.0)])


def test_a_good_record_breaks_nothing():
    assert rules(GOOD) == set()


def test_a_name_without_addresses():
    assert "never empty" in rules(record(www=lambda at, served: frozenset() if 30 < at < 30.5 else served))


def test_no_answer_is_no_empty_name():
    assert (
        rules(record(stood("named killed"), www=lambda at, served: None if 10 < at < 20 else served)) == set()
    )


def test_a_foreign_address_appears():
    assert rules(record(www=lambda at, served: served | {"192.0.2.66"} if at > 30 else served)) >= {
        "foreign records stay"
    }


def test_a_foreign_record_is_gone():
    made = record()
    made.looks[50] = Look(10.0, 10.01, made.looks[50].served, 7, foreign=False)
    assert rules(made) == {"foreign records stay"}


def test_a_removal_without_any_cause():
    assert "a removal has a cause" in rules(record(absent=[(DEAD, 30.0, 30.3)]))


@pytest.mark.parametrize("nodes", [NODES[:1], NODES[:2]])
def test_a_removal_because_of_nodes_without_uplink(nodes):
    made = record(*(stood("uplink cut", node) for node in nodes), absent=[(DEAD, 12.0, 21.0)])
    assert ("a removal has a cause" in rules(made)) == (len(nodes) == 1)


def test_a_removal_long_after_its_cause():
    late = 20.0 + bounds.OUTDATED + 1
    assert rules(record(stood("endpoint closed", DEAD), absent=[(DEAD, late, late + 0.5)])) == {
        "a removal has a cause"
    }


def test_a_dead_address_that_comes_back():
    dead, late = stood("endpoint closed", DEAD, 10, 30), 10 + bounds.OUTDATED + 1
    absent = [(DEAD, 12.0, late), (DEAD, late + 1, 32.0)]
    assert rules(record(dead, absent=absent)) == {"a return has a cause"}
    most = [stood("endpoint closed", address, 10, 30) for address in WWW[1:3]]
    assert "a return has a cause" not in rules(record(dead, *most, absent=absent))


def test_what_somebody_deleted_is_no_removal():
    assert rules(record(stood("record removed", DEAD, 10, 10), absent=[(DEAD, 10.0, 14.0)])) == set()


def test_fail_open_given_up():
    dead = [stood("endpoint closed", address) for address in WWW[:3]]
    assert rules(record(*dead, absent=[(address, 12.0, 21.0) for address in WWW[:3]])) == {
        "the floor is kept"
    }


def test_what_somebody_deleted_does_not_count_for_the_floor():
    faults = [
        stood("endpoint closed", WWW[1]),
        stood("endpoint closed", WWW[2]),
        stood("record removed", DEAD, 15, 15),
    ]
    absent = [(WWW[1], 12.0, 21.0), (WWW[2], 12.0, 21.0), (DEAD, 15.0, 18.0)]
    assert rules(record(*faults, absent=absent)) == set()
    again = stood("record removed", DEAD, 52, 52)
    assert rules(record(*faults, again, absent=[*absent, (DEAD, 52.0, 55.0)], right=56.0)) == set()


def test_a_dead_address_stays_served():
    assert rules(record(stood("endpoint closed", DEAD, 10, 48))) == {"DNS is right within the bound"}


def test_a_healthy_address_stays_away():
    assert rules(record(stood("endpoint closed", DEAD), absent=[(DEAD, 12.0, 45.0)])) == {
        "DNS is right within the bound"
    }


def test_one_node_that_is_frozen_is_no_excuse():
    made = record(
        stood("endpoint closed", DEAD), stood("node frozen", "node1", 10, 45), absent=[(DEAD, 12.0, 45.0)]
    )
    assert rules(made) == {"DNS is right within the bound"}


@pytest.mark.parametrize("kind", ["named killed", "links lossy", "stall"])
def test_what_stops_all_nodes_is_an_excuse(kind):
    made = record(stood("endpoint closed", DEAD), stood(kind, "", 18, 44), absent=[(DEAD, 12.0, 45.0)])
    assert rules(made) == set()


def test_a_full_disk_is_no_excuse():
    disks = [stood("disk full", node, 10, 45) for node in NODES]
    made = record(stood("endpoint closed", DEAD), *disks, absent=[(DEAD, 12.0, 45.0)])
    assert rules(made) == {"DNS is right within the bound"}


def test_all_stay_when_most_are_down():
    dead = [stood("endpoint closed", address, 10, 48) for address in API[:2]]
    assert rules(record(*dead)) == set()
    assert rules(record(*dead, absent=[(API[0], 12.0, 49.0)])) == {"DNS is right within the bound"}


def test_a_back_off_is_waited_for():
    named = stood("named killed", "", 10, 20)
    made = record(named, stood("endpoint closed", DEAD), absent=[(DEAD, 12.0, 20 + bounds.RIGHT + 10)])
    assert rules(made) == set()


def test_writing_in_a_calm():
    assert rules(record(serial=lambda at: 8 if at > 52 else 7)) == {"nothing is written in a calm"}


def test_a_calm_that_never_comes():
    made = record(right=None)
    made.complaints = ["node2 does not answer"]
    (violation,) = check(made)
    assert (violation.rule, violation.how) == ("calm is reached", "node2 does not answer")


def test_a_node_alone_that_writes():
    alone = stood("node alone", "node2", 10, 30)
    early, late = 10 + bounds.ALONE - 1, 10 + bounds.ALONE + 1
    assert rules(record(alone, updates=[Update(early, "node2"), Update(late, "node1")])) == set()
    assert rules(record(alone, updates=[Update(late, "node2")])) == {"a minority never writes"}


def test_a_node_whose_peers_are_dead_and_frozen_that_writes():
    faults = [stood("node killed", "node1", 10, 30), stood("node frozen", "node3", 10, 30)]
    assert rules(record(*faults, updates=[Update(25.0, "node2")])) == {"a minority never writes"}
    assert rules(record(*faults[:1], updates=[Update(25.0, "node2")])) == set()


def test_an_error_in_a_log():
    made = record()
    made.complaints = ["node1: Traceback"]
    assert rules(made) == {"the logs are clean"}


def test_a_change_by_hand_that_stays():
    cycle = record()
    cycle.unmended = "www has 10.77.1.2"
    assert rules(cycle) == {"a change by hand is mended"}


def test_a_change_by_hand_in_the_calm_is_no_part_of_the_storm():
    cycle = record(stood("endpoint closed", DEAD), stood("record removed", DEAD, 57.0, 57.0))
    assert cycle.ended == 20.0
    assert rules(cycle) == set()
