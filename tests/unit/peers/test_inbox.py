"""What comes in: everything that is not a fresh message of a peer is refused, counted and told."""

import json
import logging

import pytest

from rrdnsd.core.votes import electorate_digest
from rrdnsd.peers import wire
from rrdnsd.peers.base import Receipt
from rrdnsd.peers.inbox import BAD_REQUEST, CONFLICT, FORBIDDEN, OK, UNAUTHORIZED, Inbox
from support.channel import NODES, SECRET, A, B, Link

EMPTY = "0" * 32
FINE = Receipt(in_step=True, ledger=EMPTY)


@pytest.fixture
def inbox():
    return Inbox(B, NODES, SECRET, lambda _statement: FINE, lambda: 5000.0)


def message(secret=SECRET, **fields):
    head = {"v": 1, "sender": A, "receiver": B, "session": "", "seq": 1}
    body = json.dumps({**head, "electorate": electorate_digest(NODES), "digest": "", **fields}).encode()
    return body, wire.request_mac(secret, body)


REFUSED = {
    "wrong key": (message(b"another secret, long enough"), UNAUTHORIZED),
    "malformed": (message(seq="first"), BAD_REQUEST),
    "unknown node": (message(sender="10.0.0.9:3333"), FORBIDDEN),
    "wrong receiver": (message(receiver="10.0.0.3:3333"), FORBIDDEN),
}
LOGGED = {
    "wrong key": "its signature is not made with this cluster_secret",
    "malformed": "seq: Input should be a valid integer",
    "unknown node": "its sender '10.0.0.9:3333' is not among the nodes configured here",
    "wrong receiver": "10.0.0.1:3333 sent it to '10.0.0.3:3333', which is not this node",
}


@pytest.mark.parametrize("cause", REFUSED)
def test_what_is_refused_is_counted_and_logged(cause, inbox, caplog):
    (body, mac), status = REFUSED[cause]
    answer = inbox.receive(body, mac, origin="192.0.2.7")
    assert (answer.status, answer.body, answer.mac) == (status, b"", "")
    assert inbox.refusals.counts == {cause: 1}
    assert caplog.messages == [
        f"[quorum] refused a message from 192.0.2.7: {LOGGED[cause]} (1 so far for this cause)"
    ]


def test_a_node_does_not_take_messages_of_its_own_name(inbox):
    body, mac = message(sender=B)
    assert inbox.receive(body, mac).status == FORBIDDEN


@pytest.mark.parametrize("mac", ["", "0" * 64, "ä"])
def test_without_its_mac_a_message_is_not_even_parsed(mac, inbox):
    assert inbox.receive(b"{", mac).status == UNAUTHORIZED


def test_the_certificate_must_be_the_senders(inbox):
    body, mac = message()
    assert inbox.receive(body, mac, lambda node: node != A).status == FORBIDDEN
    assert inbox.refusals.counts == {"certificate": 1}
    assert inbox.receive(body, mac, lambda node: node == A).status == CONFLICT


def test_a_refusal_is_logged_once_a_minute_for_each_cause_and_counted_each_time(caplog):
    now = [0.0]
    inbox = Inbox(B, NODES, b"", lambda _statement: FINE, lambda: now[0])
    for number in range(200):
        now[0] = number
        inbox.receive(*message(b"", sender=f"10.1.0.{number}:1"))
        inbox.receive(b"{", "")
    assert inbox.refusals.counts == {"unknown node": 200, "malformed": 200}
    assert sum("not among the nodes" in text for text in caplog.messages) == 4
    assert sum("Invalid JSON" in text for text in caplog.messages) == 4
    assert caplog.messages[2].endswith(
        "'10.1.0.60:1' is not among the nodes configured here (61 so far for this cause)"
    )
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_recorded_messages_do_nothing_however_often_they_come():
    link = Link()
    link.heal(3)
    heard = len(link.listener.statements)
    for recorded in [*link.seen]:
        answer = link.listener.inbox.receive(recorded.body, recorded.mac)
        assert answer.status == CONFLICT
        assert not wire.parse_reply(answer.body).accepted
    assert len(link.listener.statements) == heard
    assert link.listener.inbox.refusals.counts["replay"] > 0
    link.exchange()
    assert len(link.listener.statements) == heard + 1


def test_recorded_messages_do_nothing_after_a_restart_of_the_receiver():
    link = Link()
    link.heal(3)
    link.listener.restart()
    for recorded in [*link.seen]:
        assert link.listener.inbox.receive(recorded.body, recorded.mac).status == CONFLICT
    assert link.listener.statements == []


def test_a_stolen_session_is_worth_nothing_without_the_key():
    link = Link()
    link.heal(1)
    stolen = wire.parse_request(link.seen[-1].body)
    forged = wire.encode(stolen.model_copy(update={"seq": stolen.seq + 1, "abstains": "I do not"}))
    assert link.listener.inbox.receive(forged, wire.request_mac(b"guessed", forged)).status == UNAUTHORIZED
    assert link.listener.inbox.receive(forged, link.seen[-1].mac).status == UNAUTHORIZED


def test_an_answer_must_be_signed_for_this_very_message():
    link = Link()
    link.exchange()
    link.send()
    old = link.deliver()
    link.reply()
    link.send()
    link.replies = [old]
    with pytest.raises(wire.WireError, match="not signed with this cluster_secret"):
        link.reply()


def test_an_answer_of_another_node_is_no_answer():
    link = Link()
    link.send()
    answer = link.deliver()
    body = answer.body.replace(B.encode(), b"10.0.0.8:3333")
    with pytest.raises(wire.WireError, match=r"the answer is from '10\.0\.0\.8:3333'"):
        link.speaker.outbox.confirmed(link.sent, body, wire.reply_mac(SECRET, link.sent.mac, body))


def test_the_answer_asks_for_everything_only_while_the_tables_differ():
    wanted = [False, True]
    inbox = Inbox(B, NODES, SECRET, lambda _statement: Receipt(wanted.pop(0), EMPTY), lambda: 5000.0)
    offered = wire.parse_reply(inbox.receive(*message()).body)
    assert (offered.accepted, offered.error, offered.stamp) == (False, "session", 5_000_000)
    replies = [inbox.receive(*message(session=offered.session, seq=seq)) for seq in (2, 3)]
    assert [answer.status for answer in replies] == [OK, OK]
    assert [wire.parse_reply(answer.body).want for answer in replies] == ["full", ""]
