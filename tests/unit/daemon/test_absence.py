"""Since when an address is gone from a server, and how long caches may still have it."""

from rrdnsd.core.model import RRset
from rrdnsd.daemon.absence import Absences, Gone

NAME, ONE, TWO = "www.example.test", "192.0.2.1", "192.0.2.2"


def look(absences, now, *served, ttl=60):
    rrset = RRset(ttl, frozenset(served)) if served else None
    absences.see(NAME, [ONE, TWO], [rrset, None], now)


def test_nothing_is_known_before_a_look_and_nothing_is_gone_while_it_is_served():
    absences = Absences()
    assert absences.gone(NAME, ONE, 300) is None
    look(absences, 1.0, ONE, TWO)
    assert absences.gone(NAME, ONE, 300) is None


def test_the_first_look_without_it_counts_and_the_ttl_it_was_served_with():
    absences = Absences()
    look(absences, 1.0, ONE, TWO, ttl=90)
    look(absences, 2.0, TWO)
    look(absences, 3.0, TWO)
    assert absences.gone(NAME, ONE, 300) == Gone(2.0, 90)
    look(absences, 4.0, ONE, TWO)
    assert absences.gone(NAME, ONE, 300) is None


def test_what_was_never_seen_may_have_been_served_before_with_the_configured_ttl():
    absences = Absences()
    look(absences, 5.0, TWO)
    assert absences.gone(NAME, ONE, 300) == Gone(5.0, 300)


def test_a_larger_ttl_of_before_counts_as_long_as_caches_may_have_it():
    absences = Absences()
    look(absences, 0.0, ONE, ttl=3600)
    look(absences, 10.0, ONE, ttl=60)
    look(absences, 20.0)
    assert absences.gone(NAME, ONE, 5) == Gone(20.0, 3600)
    absences = Absences()
    look(absences, 0.0, ONE, ttl=3600)
    look(absences, 3599.0, ONE, ttl=60)
    look(absences, 3600.0)
    assert absences.gone(NAME, ONE, 5) == Gone(3600.0, 60)


def test_what_is_being_added_is_not_gone_and_what_is_no_longer_asked_for_is_forgotten():
    absences = Absences()
    look(absences, 1.0)
    absences.write(NAME, [ONE])
    assert absences.gone(NAME, ONE, 5) is None
    assert absences.gone(NAME, TWO, 5) == Gone(1.0, 5)
    absences.keep(NAME, [ONE])
    assert absences.gone(NAME, TWO, 5) is None
