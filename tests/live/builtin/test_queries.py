"""The real listeners, asked by dig and by dnspython, and treated badly."""

import asyncio
import logging
import socket
import struct

import dns.asyncquery
import dns.flags
import dns.message
import pytest

from rrdnsd.errors import ProviderError
from rrdnsd.providers.base import Resolver
from rrdnsd.providers.builtin import server
from support.builtin import ZONE, ask, eventually, key, plan, rrset
from support.dns_servers import Key
from support.ports import loopbacks

WWW = key("www")
MANY = [f"2001:db8::{number:x}" for number in range(1, 201)]
HOSTS = loopbacks()
BUG, FINE = b"bug".rjust(16), b"fine".rjust(16)


@pytest.fixture
async def published(serve):
    """Publish www with two addresses, and many with 200."""

    async def start(**options):
        provider = await serve(**options)
        await provider.apply(
            plan((WWW, None, rrset("192.0.2.1", "192.0.2.2")), (key("many", "AAAA"), None, rrset(*MANY)))
        )
        return provider

    return start


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
async def test_dig_gets_the_addresses(published, dig, host, transport):
    await published()
    assert sorted((await dig("+short", transport, "www.example.test", at=host)).split()) == [
        "192.0.2.1",
        "192.0.2.2",
    ]
    answer = await dig(transport, "nope.example.test", "AAAA", at=host)
    assert "status: NXDOMAIN" in answer
    assert "flags: qr aa rd;" in answer
    assert ";; WARNING: Message" not in answer
    assert "status: REFUSED" in await dig(transport, "version.bind", "TXT", "CH", at=host)
    assert "status: REFUSED" in await dig(transport, "example.org", at=host)
    assert "status: NOTIMP" in await dig(transport, "+opcode=status", "example.test", at=host)


async def test_the_order_of_addresses_turns_from_query_to_query(published, dig):
    await published()
    first, second, third = [(await dig("+short", "www.example.test")).split() for _ in range(3)]
    assert first == second[::-1] == third


async def test_before_anything_is_published_the_answer_is_servfail_with_its_reason(serve, dig):
    await serve(names=(WWW.name,))
    answer = await dig("www.example.test")
    assert "status: SERVFAIL" in answer
    assert "EDE: 14 (Not Ready): (no verdict on this name yet)" in answer


@pytest.mark.parametrize("host", HOSTS)
async def test_two_hundred_addresses_come_over_tcp(published, dig, host, port):
    await published()
    answer = await dig("many.example.test", "AAAA", at=host)
    assert "Truncated, retrying in TCP mode" in answer
    assert "ANSWER: 200," in answer
    for payload, edns in ((512, {}), (1232, {"use_edns": 0, "payload": 65000})):
        query = ask("many.example.test", "AAAA", **edns)
        short = await dns.asyncquery.udp(query, host, timeout=20, port=port)
        assert short.flags & dns.flags.TC
        assert len(short.to_wire()) <= payload
        whole, tcp = await dns.asyncquery.udp_with_fallback(query, host, timeout=20, port=port)
        assert (tcp, {record.address for record in whole.answer[0]}) == (True, set(MANY))


async def test_dig_transfers_the_zone_from_an_allowed_address_only(published, dig):
    await published(allow_transfer=["127.0.0.1"], ns=["ns1.example.net", "ns2.example.net"])
    transfer = await dig("+onesoa", "+noall", "+answer", ZONE, "AXFR")
    lines = [line.split() for line in transfer.splitlines() if line and not line.startswith(";")]
    assert len(lines) == 1 + 2 + 2 + 200
    assert lines[0][3:6] == ["SOA", "ns1.example.net.", "hostmaster.example.test."]
    assert ["ns2.example.net."] in [line[4:] for line in lines if line[3] == "NS"]
    elsewhere = await dig("-b", "127.0.0.2", ZONE, "AXFR")
    assert "Transfer failed" in elsewhere
    assert "SOA" not in elsewhere


async def test_a_transfer_with_tsig_needs_the_right_key(published, dig, caplog):
    right, wrong = Key(), Key()
    await published(tsig=right.credentials)
    good = await dig("-y", right.credentials, ZONE, "AXFR")
    assert f"XFR size: {205 + len(HOSTS)} records" in good
    assert "verify failure" not in good
    for words in ([], ["-y", wrong.credentials], ["-y", Key("other").credentials]):
        refused = await dig(*words, ZONE, "AXFR")
        assert "Transfer failed" in refused
        assert "192.0.2.1" not in refused
    assert "BADSIG" in await dig("-y", wrong.credentials, "+tcp", "www.example.test")
    assert "BADKEY" in await dig("-y", Key("other").credentials, "www.example.test")
    assert (await dig("+short", "www.example.test")).split()[0].startswith("192.0.2.")
    assert right.secret not in caplog.text


async def test_a_wildcard_listener_answers_from_the_address_it_was_asked_at(published, dig, port):
    await published(listen=[f"0.0.0.0:{port}", f"[::]:{port}"] if "::1" in HOSTS else [f"0.0.0.0:{port}"])
    for host in ("127.0.0.1", "127.9.8.7", *HOSTS):
        # dig and dnspython both take no answer from another address than they asked.
        answer = await dns.asyncquery.udp(ask("www.example.test"), host, timeout=20, port=port)
        assert len(answer.answer[0]) == 2
        assert "192.0.2.1" in await dig("www.example.test", at=host)


async def test_many_queries_on_one_connection_are_answered_in_their_order(published, connect):
    await published()
    reader, writer = await connect()
    for number in range(50):
        query = ask("www.example.test" if number % 2 else "nope.example.test")
        query.id = number
        wire = query.to_wire()
        writer.write(framed(wire))
    writer.write_eof()
    answers = [await read_message(reader) for _ in range(50)]
    assert [answer.id for answer in answers] == list(range(50))
    assert [len(answer.answer) for answer in answers] == [0, 1] * 25
    assert await reader.read() == b""


@pytest.mark.parametrize(
    "octets", [b"\x00\x00", b"\x00\x0b" + bytes(11), b"\xff\xff", struct.pack("!H", 4097)]
)
async def test_a_connection_that_sends_nonsense_is_closed_or_gets_no_answer(published, connect, octets):
    await published()
    reader, writer = await connect()
    writer.write(octets)
    writer.write_eof()
    async with asyncio.timeout(60):
        assert await reader.read() == b""


async def test_random_datagrams_do_no_harm(published, port, dig, caplog):
    await published()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for number in range(300):
            sock.sendto(bytes((number * 7 + at * at) % 256 for at in range(number % 60)), ("127.0.0.1", port))
            await asyncio.sleep(0)
    assert "192.0.2.1" in await dig("www.example.test")
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_bug_costs_one_answer_and_not_the_server(port, listen, connect, caplog):
    def respond(wire, host, *, tcp):
        if wire == BUG:
            raise RuntimeError("a bug")
        return [wire]

    await listen(respond)
    reader, writer = await connect()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.connect(("127.0.0.1", port))
        sock.send(BUG)
        sock.send(FINE)
        async with asyncio.timeout(60):
            assert await asyncio.get_running_loop().sock_recv(sock, 100) == FINE
    writer.write(framed(BUG) + framed(FINE))
    async with asyncio.timeout(60):
        assert await reader.readexactly(18) == framed(FINE)
    assert caplog.text.count("please report it with this query: " + BUG.hex()) == 2


async def test_idle_and_dripping_connections_are_closed(listen, connect):
    await listen(echo, idle_timeout=0.2)
    idle, _ = await connect()
    dripping, drops = await connect()
    ended = asyncio.create_task(dripping.read())
    async with asyncio.timeout(60):
        while not ended.done():  # one octet at a time does not keep it open
            drops.write(b"\x01")
            await asyncio.wait([ended], timeout=0.05)
        assert await idle.read() == b""
    assert isinstance(ended.exception(), ConnectionResetError | None)


async def test_when_there_are_too_many_connections_the_most_idle_one_goes(listen, connect, monkeypatch):
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 3)
    listeners = await listen(echo)
    connections = []
    for number in range(3):
        connections.append(await connect())
        await eventually(lambda wanted=number + 1: len(listeners._connections) == wanted)
    connections[0][1].write(framed(FINE))
    async with asyncio.timeout(60):
        assert await connections[0][0].readexactly(18) == framed(FINE)
        connections.append(await connect())
        assert await connections[1][0].read() == b""  # the first was used since, the second was not
    connections[3][1].write(framed(FINE))
    async with asyncio.timeout(60):
        assert await connections[3][0].readexactly(18) == framed(FINE)
    await eventually(lambda: len(listeners._connections) == 3)


async def test_a_client_that_does_not_read_its_transfer_is_cut_off(serve, connect, monkeypatch):
    monkeypatch.setattr(server, "WRITE_TIMEOUT", 0.2)
    provider = await serve()
    everything = rrset(*(f"2001:db8:1::{number:x}" for number in range(1, 6001)))
    await provider.apply(plan((key("huge", "AAAA"), None, everything)))
    _, writer = await connect()
    wire = ask(ZONE, "AXFR").to_wire()
    writer.write(framed(wire) * 100)
    await eventually(lambda: provider._listeners._connections)
    await eventually(lambda: not provider._listeners._connections, within=60)


async def test_a_taken_port_is_one_clear_sentence_and_everything_is_closed_again(serve, port):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        with pytest.raises(ProviderError) as caught:
            await serve(listen=[f"127.0.0.1:{port}"])
    assert str(caught.value) == (
        f"the built-in DNS server cannot listen on 127.0.0.1:{port}: another program listens there; "
        "stop it or choose another port in builtin.listen"
    )
    await serve(listen=[f"127.0.0.1:{port}"])


async def test_an_address_of_another_machine_is_one_clear_sentence(serve, port):
    with pytest.raises(
        ProviderError, match=r"cannot listen on 192\.0\.2\.1:.*: this machine has no such address"
    ):
        await serve(listen=[f"192.0.2.1:{port}"])


async def test_a_restart_serves_at_once_what_was_saved(published, serve, dig):
    first = await published()
    await first.close()
    assert "connection refused" in await dig("www.example.test")
    second = await serve()
    assert "192.0.2.1" in await dig("www.example.test")
    assert second.edition(ZONE) == first.edition(ZONE)


async def read_message(reader: asyncio.StreamReader) -> dns.message.Message:
    async with asyncio.timeout(60):
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        return dns.message.from_wire(await reader.readexactly(length))


def framed(wire: bytes) -> bytes:
    return struct.pack("!H", len(wire)) + wire


def echo(wire: bytes, _host: str, *, tcp: bool) -> list[bytes]:
    return [wire] if tcp else []


async def test_a_transfer_in_parts_is_not_held_back():
    accepted = asyncio.get_running_loop().create_future()
    sock = server._bound(Resolver("127.0.0.1", 0), socket.SOCK_STREAM)
    async with await asyncio.start_server(lambda _, writer: accepted.set_result(writer), sock=sock):
        _, caller = await asyncio.open_connection(*sock.getsockname())
        writer = await asyncio.wait_for(accepted, 60)
        assert writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        for end in (writer, caller):
            end.close()
            await end.wait_closed()
