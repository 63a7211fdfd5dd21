"""More news than a message has room for: what a message states then was so when it says, and goes on counting."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from rrdnsd.core.votes import ServiceVotes
from rrdnsd.peers import wire
from support.channel import DOWN, UP, Link, content, in_step, services

NAMES = tuple(f"s{number}.example.test" for number in range(8))
ADDRESSES = ("192.0.2.1", "192.0.2.2")
OPERATIONS = ("send", "deliver", "reply", "exchange", "vote", "vote", "vote", "silent", "wait", "restart b")
STEPS = st.lists(st.tuples(st.sampled_from(OPERATIONS), st.integers(0, 30)), max_size=60)


class History:
    """When the sender held which votes on a service."""

    def __init__(self, link):
        self._link = link
        self._held = {name: [] for name in NAMES}

    def note(self):
        for name in NAMES:
            votes = self._link.speaker.words.table[name]
            if not self._held[name] or self._held[name][-1][1] != votes:
                self._held[name].append((self._link.now, votes))

    def held_since(self, name, votes, moment):
        """Whether the sender held these votes at that moment or after it."""
        ends = [began for began, _ in self._held[name][1:]] + [float("inf")]
        found = zip(self._held[name], ends, strict=True)
        return any(known == votes and end >= moment - 1e-3 for (_, known), end in found)


def backlogged(monkeypatch, page=3):
    """A link on which all is told, with room for one service of two endpoints in a message."""
    monkeypatch.setattr(wire, "PAGE", page)
    link = Link()
    for votes in services(*NAMES):
        link.speaker.put(votes)
    link.heal()
    return link


def perform(link, operation, number):
    name, address = NAMES[number % len(NAMES)], ADDRESSES[number % len(ADDRESSES)]
    doing = {
        "send": link.send,
        "deliver": lambda: link.deliver(number),
        "reply": lambda: link.reply(number),
        "exchange": lambda: link.exchange(number / 20),
        "vote": lambda: link.speaker.vote(name, address, DOWN if number % 3 else UP),
        "silent": lambda: link.speaker.words.table.put(ServiceVotes(name, "d", {})),
        "wait": lambda: link.wait(number / 10),
        "restart b": link.restart_receiver,
    }
    doing[operation]()


@settings(max_examples=60, deadline=None)
@given(STEPS)
@example([("vote", 1), ("vote", 2), ("wait", 5), ("exchange", 1)])
@example([("silent", 2), ("wait", 5), ("vote", 1), ("vote", 2), ("exchange", 1)])
def test_what_a_peer_counts_was_so_when_it_is_said_to_have_been(steps):
    page, wire.PAGE = wire.PAGE, 3
    try:
        link = Link()
        for votes in services(*NAMES):
            link.speaker.put(votes)
        link.heal()
        history = History(link)
        for operation, number in steps:
            history.note()
            perform(link, operation, number)
            history.note()
            peer = link.listener.peer
            if peer.in_step and peer.ever_heard:
                held = [peer.table[name] for name in peer.table.services()]
                assert all(history.held_since(votes.service, votes, peer.heard_at) for votes in held)
        link.give_up()
        link.heal()
        assert in_step(link)
    finally:
        wire.PAGE = page


def test_a_peer_goes_on_counting_while_news_wait(monkeypatch):
    link = backlogged(monkeypatch)
    for name in NAMES:
        link.speaker.vote(name, ADDRESSES[0], DOWN)
    told = []
    while link.exchange():
        assert link.listener.peer.in_step
        told.append(sum(link.listener.peer.table[name].ballots[ADDRESSES[0]] == DOWN for name in NAMES))
    assert told == [1, 2, 3, 4, 5, 6, 7]
    assert in_step(link)
    assert not any(wire.parse_request(message.body).span for message in link.seen[-8:])


def test_what_is_stated_is_as_old_as_the_oldest_news_left_out(monkeypatch):
    link = backlogged(monkeypatch)
    link.speaker.vote(NAMES[0], ADDRESSES[0], DOWN)
    link.wait(0.5)
    link.speaker.vote(NAMES[1], ADDRESSES[0], DOWN)
    since = link.now
    link.wait(0.7)
    link.exchange()
    assert since - 0.01 < link.listener.peer.heard_at <= since
    link.exchange()
    assert link.listener.peer.heard_at > link.now - 0.01


def test_what_waits_for_too_long_stops_counting_until_all_is_told(monkeypatch):
    link = backlogged(monkeypatch)
    for name in NAMES[:3]:
        link.speaker.vote(name, ADDRESSES[0], DOWN)
    link.wait(2.1)  # two heartbeats
    link.exchange()
    assert not link.listener.peer.in_step
    while link.exchange():
        pass
    assert in_step(link)
    assert wire.parse_request(link.seen[-1].body).span is None  # it asked for all in vain: nothing was lost


def test_after_a_loss_only_the_digest_of_all_is_stated(monkeypatch):
    link = backlogged(monkeypatch)
    before = content(link.listener.peer.table)
    for name in NAMES[:3]:
        link.speaker.vote(name, ADDRESSES[0], DOWN)
    link.send()
    link.give_up()
    link.exchange()
    assert not link.listener.peer.in_step
    assert content(link.listener.peer.table) != before
    while link.exchange():
        pass
    assert in_step(link)
