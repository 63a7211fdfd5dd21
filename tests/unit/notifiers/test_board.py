"""What people are told, and when: no clock but the one that a test moves."""

import pytest

from rrdnsd.core.telling import Kind, Severity, Told
from rrdnsd.daemon.announcing.board import PATIENCE, Board, Rules
from rrdnsd.daemon.announcing.conditions import FINE, Conditions, Subject
from rrdnsd.daemon.announcing.wording import event

WWW = Subject(Kind.ENDPOINT, "www.example.com", "192.0.2.1")


class Desk:
    """A board with its conditions, on a clock."""

    def __init__(self, **rules):
        self.now = 1000.0
        self.conditions = Conditions(lambda: self.now, lambda: self.now + 1e9)
        self.board = Board("hook", Rules(**rules), self.conditions)

    def ready(self, place=0, quiet=lambda _: False):
        return self.board.ready(self.board.open, ["n"] * place, quiet)

    def tell(self, place=0):
        """Tell what is ready, as one that is delivered at once."""
        items = [self.board.take(condition) for condition in self.ready(place)]
        for item in items:
            self.board.hear(item.mark)
        return [(item.condition.subject.text, item.condition.state) for item in items]


def test_a_trouble_and_its_end_are_told_once_each():
    desk = Desk()
    desk.conditions.trouble(WWW, "connection refused")
    assert desk.tell() == [(WWW.text, "down")]
    assert desk.tell() == []
    desk.conditions.trouble(WWW, "another reason")
    assert desk.tell() == []
    desk.now += 60
    desk.conditions.fine(WWW)
    (up,) = desk.ready()
    assert up.at - up.began == 60
    assert desk.tell() == [(WWW.text, FINE)]
    assert desk.tell() == []


def test_what_came_and_went_before_anybody_was_told_is_not_told():
    desk = Desk()
    desk.conditions.trouble(WWW, "x")
    desk.conditions.fine(WWW)
    assert desk.ready() == []
    assert len(desk.conditions) == 0


def test_what_is_fine_from_the_start_is_neither_told_nor_kept():
    desk = Desk()
    for number in range(100):
        desk.conditions.fine(Subject(Kind.ENDPOINT, "www.example.com", f"192.0.2.{number}"))
    assert desk.ready() == []
    assert len(desk.conditions) == 0


def test_the_others_wait_for_their_turn_and_do_not_repeat_what_was_told():
    first, second = Desk(), Desk()
    for desk in (first, second):
        desk.conditions.trouble(WWW, "x")
    assert second.ready(place=1) == []
    (item,) = [first.board.take(condition) for condition in first.ready()]
    second.board.hear(item.mark)
    second.now += 10 * PATIENCE
    assert second.ready(place=0) == []


def test_the_next_one_tells_when_the_one_before_it_is_away_or_has_not_told_for_long():
    desk = Desk()
    desk.conditions.trouble(WWW, "x")
    assert desk.ready(place=1) == []
    assert desk.ready(place=0) != []
    desk.now += PATIENCE - 1
    assert desk.ready(place=1) == []
    desk.now += 2
    assert desk.ready(place=1) != []
    assert desk.ready(place=2) == []


def test_two_that_tell_the_same_give_it_the_same_id():
    first, second = Desk(), Desk()
    for desk in (first, second):
        desk.board.hear(Told("hook", WWW.text, FINE, 5))
        desk.conditions.trouble(WWW, "x")
    second.now += 40
    ids = {event(desk.board.take(desk.conditions.get(WWW.text))).id for desk in (first, second)}
    assert len(ids) == 1


def test_a_mark_that_comes_before_the_own_decision_counts():
    desk = Desk()
    desk.board.hear(Told("hook", WWW.text, "down", 7))
    desk.conditions.trouble(WWW, "x")
    assert desk.ready() == []
    desk.conditions.fine(WWW)
    assert desk.tell() == [(WWW.text, FINE)]


def test_older_marks_change_nothing():
    desk = Desk()
    assert desk.board.hear(Told("hook", WWW.text, "down", 7))
    assert not desk.board.hear(Told("hook", WWW.text, FINE, 6))
    assert not desk.board.hear(Told("hook", WWW.text, "down", 7))
    assert desk.board.marks() == [Told("hook", WWW.text, "down", 7)]


def test_one_that_sees_a_server_fail_and_one_that_does_not_do_not_answer_each_other_for_ever():
    dns = Subject(Kind.DNS, "", "192.0.2.53:53, zone example.com")
    sees, well = Desk(), Desk()
    told = 0
    sees.conditions.trouble(dns, "refused")
    for _ in range(200):
        for desk, other, place in ((well, sees, 0), (sees, well, 1)):
            desk.now += 10
            for condition in desk.ready(place):
                item = desk.board.take(condition)
                desk.board.hear(item.mark)
                other.board.hear(item.mark)
                told += 1
    assert told == 1


def test_drained_and_in_maintenance_are_told_when_that_is_over_if_they_still_hold():
    desk = Desk()
    desk.conditions.trouble(WWW, "x")
    assert desk.ready(quiet=lambda _: True) == []
    assert desk.ready() != []


def test_flapping_is_told_a_few_times_and_then_only_now_and_then():
    desk = Desk(flap_changes=4, flap_window=600.0)
    told = []
    for step in range(120):  # twenty minutes, another state every ten seconds
        (desk.conditions.trouble if step % 2 == 0 else desk.conditions.fine)(WWW, "x")
        told += desk.tell()
        desk.now += 10
    assert 4 <= len(told) <= 12
    told += [x for _ in range(700) if (x := desk.tell()) or setattr(desk, "now", desk.now + 1)]
    assert desk.board.open == ()  # in the end people know what holds


def test_no_damping_on_request():
    desk = Desk(flap_changes=0)
    for step in range(50):
        (desk.conditions.trouble if step % 2 == 0 else desk.conditions.fine)(WWW, "x")
        assert len(desk.tell()) == 1


def test_a_reminder_comes_from_one_node_and_stops_with_the_trouble():
    first, second = Desk(remind=3600.0), Desk(remind=3600.0)
    for desk in (first, second):
        desk.conditions.trouble(WWW, "x")
    (item,) = [first.board.take(condition) for condition in first.ready()]
    for desk in (first, second):
        desk.board.hear(item.mark)
        desk.now += 3601
    assert second.board.due_reminders(["n1"], lambda _: False) == []
    (due,) = first.board.due_reminders([], lambda _: False)
    again = first.board.take(due, reminder=True)
    for desk in (first, second):
        desk.board.hear(again.mark)
        desk.now += 100
        assert desk.board.due_reminders([], lambda _: False) == []
        desk.now += 3600
        desk.conditions.fine(WWW)
        assert desk.board.due_reminders([], lambda _: False) == []


@pytest.mark.parametrize(
    ("rules", "taken"),
    [
        ({}, True),
        ({"services": ("www.example.com",)}, True),
        ({"services": ("*.example.com",)}, True),
        ({"services": ("*.example.org", "mail.example.com")}, False),
        ({"kinds": frozenset({"endpoint"})}, True),
        ({"kinds": frozenset({"service"})}, False),
        ({"severity": Severity.WARNING}, True),
        ({"severity": Severity.CRITICAL}, False),
    ],
)
def test_filters(rules, taken):
    desk = Desk(**rules)
    desk.conditions.trouble(WWW, "x")
    assert bool(desk.tell()) is taken
    desk.conditions.fine(WWW)
    assert bool(desk.tell()) is taken


def test_filters_by_service_let_through_what_is_about_no_service():
    desk = Desk(services=("www.example.com",))
    desk.conditions.trouble(Subject(Kind.QUORUM, "", "n1"), "lost", own=True)
    desk.now += 10
    assert len(desk.tell()) == 1


def test_what_must_last_before_it_is_told():
    desk = Desk()
    desk.conditions.trouble(Subject(Kind.DNS, "", "s"), "refused")
    desk.now += 59
    assert desk.ready() == []
    desk.now += 2
    assert len(desk.ready()) == 1


def test_what_is_known_stays_bounded():
    desk = Desk()
    for number in range(60_000):
        desk.board.hear(Told("hook", f"endpoint|x|{number}", "down", 1))
    assert len(desk.board.marks()) == 50_000


def test_what_people_know_to_be_fine_is_forgotten_after_an_hour():
    desk = Desk()
    desk.board.hear(Told("hook", WWW.text, FINE, 5))
    desk.board.prune()
    assert not desk.board.hear(Told("hook", WWW.text, "down", 4))
    desk.now += 3601
    desk.board.prune()
    assert desk.board.hear(Told("hook", WWW.text, "down", 4))
