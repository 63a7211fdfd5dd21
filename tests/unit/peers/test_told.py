"""What people were told travels to each peer until it confirms it."""

from rrdnsd.core.telling import Told
from rrdnsd.peers import wire
from rrdnsd.peers.base import Receipt
from rrdnsd.peers.inbox import Inbox
from rrdnsd.peers.outbox import Outbox
from support.channel import NODES, SECRET, A, B, Words


def mark(number, state="down", seq=1):
    return Told("hook", f"endpoint|www.example.com|192.0.2.{number}", state, seq)


class Pair:
    def __init__(self):
        self.heard = []
        self.outbox = Outbox(A, B, SECRET, Words(), lambda: 0.0)
        self.inbox = Inbox(B, NODES, SECRET, self.listen, lambda: 0.0)

    def listen(self, statement):
        self.heard += statement.told
        return Receipt(True, statement.ledger)

    def exchange(self):
        sent = self.outbox.build()
        answer = self.inbox.receive(sent.body, sent.mac)
        return self.outbox.confirmed(sent, answer.body, answer.mac)


def test_marks_arrive_once_whatever_their_number():
    pair = Pair()
    pair.exchange()  # the first message only gets a session
    marks = [mark(number) for number in range(500)]
    pair.outbox.told(marks)
    rounds = 1
    while pair.exchange():
        rounds += 1
    assert pair.heard == marks
    assert rounds == -(-500 // wire.MAX_TOLD)
    pair.exchange()
    assert len(pair.heard) == 500


def test_a_lost_message_is_made_up_for_by_the_next_one():
    pair = Pair()
    pair.exchange()
    pair.outbox.told([mark(1)])
    pair.outbox.lost(pair.outbox.build())
    pair.exchange()
    assert pair.heard == [mark(1)]


def test_what_changed_while_the_message_was_under_way_goes_out_as_well():
    pair = Pair()
    pair.exchange()
    pair.outbox.told([mark(1)])
    sent = pair.outbox.build()
    pair.outbox.told([mark(1, "fine", 2)])
    answer = pair.inbox.receive(sent.body, sent.mac)
    assert pair.outbox.confirmed(sent, answer.body, answer.mac)
    pair.exchange()
    assert pair.heard == [mark(1), mark(1, "fine", 2)]
