"""Replay safety: a message counts once, in order, and only in the session that this process has given."""

from hypothesis import given
from hypothesis import strategies as st

from rrdnsd.peers.sessions import Session


def begun():
    session = Session()
    offer = session.offer()
    assert session.admit(offer, 1) == ""
    return session, offer


def test_the_first_message_is_offered_a_session():
    session = Session()
    assert session.admit("", 1) == "session"
    assert session.admit("made up", 1) == "session"
    offer = session.offer()
    assert offer == session.offer()
    assert session.admit(offer, 2) == ""
    assert session.admit(offer, 3) == ""


def test_a_replay_is_refused():
    session, offer = begun()
    assert session.admit(offer, 5) == ""
    assert [session.admit(offer, seq) for seq in (5, 4, 1, 0)] == ["replay"] * 4
    assert session.admit(offer, 6) == ""


def test_a_replay_does_not_end_the_session_of_the_sender():
    session, offer = begun()
    assert session.admit(offer, 1) == "replay"
    session.offer()
    assert session.admit(offer, 2) == ""


def test_when_the_sender_begins_the_next_session_the_old_one_is_over():
    session, old = begun()
    new = session.offer()
    assert session.admit(new, 1) == ""
    assert session.admit(old, 100) == "session"


def test_an_offer_is_good_once():
    session, offer = begun()
    assert session.admit(offer, 1) == "replay"
    another = session.offer()
    assert another != offer
    assert session.admit(another, 9) == ""
    assert session.admit(another, 9) == "replay"


def test_after_a_restart_no_older_session_is_known():
    _, old = begun()
    assert Session().admit(old, 100) == "session"


def test_sessions_cannot_be_guessed():
    offers = {Session().offer() for _ in range(100)}
    assert len(offers) == 100
    assert {len(offer) for offer in offers} == {32}


class Dumb:
    """Remembers everything that it ever admitted."""

    def __init__(self):
        self.begun, self.admitted = [], []

    def admit(self, offered, session, seq):
        if session == offered and session not in self.begun:
            self.begun.append(session)
        if not self.begun or session != self.begun[-1]:
            return False
        if any(s == session and seq <= n for s, n in self.admitted):
            return False
        self.admitted.append((session, seq))
        return True


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5))))
def test_it_admits_what_a_dumb_second_one_admits(messages):
    session, dumb, known = Session(), Dumb(), [""]
    for which, seq in messages:
        if which == 0:
            known.append(session.offer())
        name = known[-which % len(known)]
        expected = bool(name) and dumb.admit(session.offered, name, seq)
        assert (session.admit(name, seq) == "") == expected
