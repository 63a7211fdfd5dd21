from socket import AF_INET, AF_INET6
from struct import pack

import pytest

from rrdnsd.probes.icmp import _all_but, _request, is_reply

UNIQUE = bytes(range(20))
REPLY = {AF_INET: pack("!BBH", 0, 0, 0) + UNIQUE, AF_INET6: pack("!BBH", 129, 0, 0) + UNIQUE}
IP = b"\x46" + b"\0" * 23  # a header of six words


@pytest.mark.parametrize("family", [AF_INET, AF_INET6])
def test_the_reply_to_our_request(family):
    assert is_reply(REPLY[family], family, raw=False, unique=UNIQUE)
    whole = IP + REPLY[family] if family == AF_INET else REPLY[family]
    assert is_reply(whole, family, raw=True, unique=UNIQUE)


@pytest.mark.parametrize("raw", [True, False])
@pytest.mark.parametrize("family", [AF_INET, AF_INET6])
def test_what_is_not_our_reply(family, raw):
    head = IP if raw and family == AF_INET else b""
    good = REPLY[family]
    others = [
        b"",
        b"\x45",
        good[:8],
        good + b"x",
        good[:-1] + b"\xff",
        good[:7] + b"\xff" + good[8:],
        b"\x03" + good[1:],
        good[:1] + b"\x01" + good[2:],
        _request(family, UNIQUE),
    ]
    if raw:
        others.append(good[:4] + b"\xff" + good[5:])
    assert not [
        other for other in others if is_reply(head + other if other else b"", family, raw=raw, unique=UNIQUE)
    ]


def test_the_checksum_of_a_request():
    packet = _request(AF_INET, UNIQUE)
    total = sum(int.from_bytes(packet[n : n + 2]) for n in range(0, len(packet), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    assert total == 0xFFFF


def test_a_filter_lets_one_type_through():
    assert _all_but(0, 1) == pack("=I", 0xFFFFFFFE)
    assert _all_but(129, 8) == pack("=8I", *[0xFFFFFFFF] * 4, 0xFFFFFFFD, *[0xFFFFFFFF] * 3)
