"""What comes to the built-in DNS server: no answer, or one that is whole, fits, and is the same both ways."""

import ipaddress
from dataclasses import replace

import dns.exception
import dns.flags
import dns.message
import dns.opcode

from rrdnsd.providers.builtin.answer import answer
from rrdnsd.providers.builtin.quick import as_message, read_plain
from rrdnsd.providers.builtin.responder import Responder
from rrdnsd.providers.keys import TsigKey
from support.builtin import zone, zones

MANY = "many AAAA " + " ".join(f"2001:db8::{number:x}" for number in range(1, 201))
SERVED = zones(
    replace(
        zone(
            f"@ A 192.0.2.9\nwww A 192.0.2.1 192.0.2.2\na.b.deep AAAA 2001:db8::4\n{MANY}",
            names=("later.example.test",),
            addresses=("192.0.2.53",),
        ),
        complete=True,
    )
)
LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
KEY = TsigKey("rrkey", "hmac-sha256", b"secret secret secret")
UDP_MOST, TCP_MOST = 1232, 65535


def target(data: bytes) -> None:
    """The octets are one message, over UDP and TCP, with and without a key."""
    for key in (None, KEY):
        for tcp in (False, True):
            responder = Responder(SERVED, SERVED, LOOPBACK, key)
            for response in responder.respond(data, "127.0.0.1", tcp=tcp):
                _check(data, response, TCP_MOST if tcp else UDP_MOST)
    plain = read_plain(data)
    if plain is not None:
        (short,) = Responder(SERVED, SERVED, LOOPBACK, None).respond(data, "127.0.0.1", tcp=True)
        long = answer(as_message(data, plain), SERVED)
        assert dns.message.from_wire(short).rcode() == long.rcode()


def _check(data: bytes, response: bytes, most: int) -> None:
    assert len(data) >= 12
    assert not data[2] & 0x80, "a response was answered"
    assert len(response) <= most
    assert response[:2] == data[:2]
    assert response[2] & 0x80
    try:
        dns.message.from_wire(response, xfr=True, keyring=False)
    except dns.exception.DNSException as error:
        raise AssertionError(f"an answer that nobody can read: {error}") from error
