"""NOTIFY on real sockets, with secondaries that lose packets, refuse, or forge."""

import asyncio
import contextlib
from collections.abc import Callable

import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import pytest
import pytest_asyncio

from rrdnsd.providers.base import Resolver
from rrdnsd.providers.builtin.notify import Notifier
from rrdnsd.providers.keys import TsigKey
from support.builtin import eventually, zone
from support.ports import free_port

KEY = TsigKey("rrkey", "hmac-sha256", b"secret secret secret")
Answer = Callable[[dns.message.Message], list[bytes]]


class Secondary(asyncio.DatagramProtocol):
    """Keeps what it is told, and answers as it is told to."""

    def __init__(self, answers: Answer, key: TsigKey | None) -> None:
        self.answers = answers
        self.keyring = key.for_dnspython() if key else False
        self.heard: list[dns.message.Message] = []
        self.times: list[float] = []

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.heard.append(dns.message.from_wire(data, keyring=self.keyring))
        self.times.append(asyncio.get_running_loop().time())
        for answer in self.answers(self.heard[-1]):
            self.transport.sendto(answer, addr)

    @property
    def serials(self):
        return [message.answer[0][0].serial for message in self.heard]


def accept(message):
    return [dns.message.make_response(message).to_wire()]


@pytest_asyncio.fixture
async def tell():
    """Start a secondary and a notifier for it."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(answers: Answer, key=None, first_wait=0.1, knows=None):
            loop = asyncio.get_running_loop()
            transport, secondary = await loop.create_datagram_endpoint(
                lambda: Secondary(answers, knows or key), local_addr=("127.0.0.1", 0)
            )
            stack.callback(transport.close)
            where = Resolver("127.0.0.1", transport.get_extra_info("sockname")[1])
            notifier = Notifier([where], key, lambda _: None, first_wait=first_wait)
            stack.push_async_callback(notifier.close)
            return secondary, notifier

        yield start


def done(notifier):
    return all(task.done() for task in notifier._tasks.values())


@pytest.mark.parametrize("key", [None, KEY])
async def test_a_secondary_is_told_once_when_it_answers(tell, key):
    secondary, notifier = await tell(accept, key)
    notifier.announce(zone("www A 192.0.2.1", serial=42))
    await eventually(lambda: done(notifier))
    (message,) = secondary.heard
    assert (message.opcode(), message.flags & dns.flags.AA) == (dns.opcode.NOTIFY, dns.flags.AA)
    assert message.question[0].to_text() == "example.test. IN SOA"
    assert (secondary.serials, message.had_tsig) == ([42], bool(key))


async def test_a_lost_packet_is_sent_again_with_growing_pauses(tell):
    secondary, notifier = await tell(lambda message: accept(message) if len(secondary.heard) == 4 else [])
    notifier.announce(zone("www A 192.0.2.1"))
    await eventually(lambda: done(notifier))
    assert len(secondary.heard) == 4
    pauses = [later - sooner for sooner, later in zip(secondary.times, secondary.times[1:], strict=False)]
    assert pauses[0] >= 0.07
    assert pauses[2] >= 0.25


async def test_a_newer_change_is_told_at_once_and_the_older_one_no_more(tell):
    secondary, notifier = await tell(
        lambda message: accept(message) if secondary.serials[-1] == 3 else [], first_wait=60
    )
    for serial in (1, 2, 3):
        notifier.announce(zone("www A 192.0.2.1", serial=serial))
        await asyncio.sleep(0)
    await eventually(lambda: done(notifier))
    assert secondary.serials[-1] == 3
    assert len(notifier._tasks) == 1


async def test_an_answer_that_says_no_is_logged_and_not_repeated(tell, caplog):
    def refuse(message):
        answer = dns.message.make_response(message)
        answer.set_rcode(dns.rcode.NOTAUTH)
        answer.tsig = None
        return [answer.to_wire()]

    secondary, notifier = await tell(refuse, KEY)
    notifier.announce(zone("www A 192.0.2.1"))
    await eventually(lambda: done(notifier))
    assert len(secondary.heard) == 1
    assert "answers the NOTIFY for example.test with NOTAUTH: is it a secondary of this zone" in caplog.text


async def test_forged_answers_are_not_believed(tell):
    def forge(message):
        wrong_id = dns.message.make_response(message)
        wrong_id.id ^= 1
        unsigned = dns.message.make_response(message)
        unsigned.tsig = None
        no_answer = bytearray(unsigned.to_wire())
        no_answer[2] &= 0x7F
        return [b"", b"x", wrong_id.to_wire(), bytes(no_answer), unsigned.to_wire()]

    secondary, notifier = await tell(forge, KEY)
    notifier.announce(zone("www A 192.0.2.1"))
    await eventually(lambda: len(secondary.heard) >= 3)
    assert not done(notifier)


async def test_a_dead_secondary_is_tried_on_and_said_so_once(caplog):
    where = Resolver("127.0.0.1", free_port("127.0.0.1"))
    notifier = Notifier([where], None, lambda _: "127.0.0.1", first_wait=0.01)
    notifier.announce(zone("www A 192.0.2.1"))
    await eventually(lambda: "was told 5 times that example.test has changed" in caplog.text)
    assert "Connection refused" in caplog.text
    assert not done(notifier)
    await notifier.close()
