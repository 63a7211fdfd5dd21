import itertools
import os
import select
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from rrdnsd.core.model import EndpointKey
from rrdnsd.errors import StartupError
from rrdnsd.probes import icmp
from rrdnsd.probes.base import CheckSpec
from support.endpoints import ask, probe
from support.netns import Network, obstacle

NUMBERS = itertools.count(20)
KINDS = {"unprivileged": socket.SOCK_DGRAM, "raw": socket.SOCK_RAW}


@pytest.fixture(scope="module")
def network():
    if why := obstacle():
        pytest.skip(why)
    with Network() as made:
        yield made


@pytest.fixture
def host(network):
    number = next(NUMBERS)
    made = network.host(f"h{number}", number)
    made.call(os.system, "ip link set lo up")
    return made


def allow(group):
    Path("/proc/sys/net/ipv4/ping_group_range").write_text(group)


def echo(host, address, kind, timeout=20.0):
    """Probe from inside a namespace, without an event loop."""

    def run():
        steps = icmp.IcmpProbe(EndpointKey("x.test", address), timeout, kind).run()
        try:
            sock, want = next(steps)
            while True:
                poll = select.poll()
                poll.register(sock, want)
                found = poll.poll(timeout * 1000)
                sock, want = steps.send(found[0][1]) if found else steps.throw(icmp.DeadlineExceeded())
        except StopIteration as end:
            return end.value

    return host.call(run)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_both_kinds_of_socket_get_a_reply(host, kind, address):
    host.call(allow, "0 2147483647")
    result = echo(host, address, KINDS[kind])
    assert (result.ok, result.reason) == (True, "")


def test_a_reply_comes_over_a_network(host, network):
    other = network.host("other", 5)
    for kind in KINDS.values():
        host.call(allow, "0 2147483647")
        assert echo(host, other.addresses[0], kind).ok


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_there_is_told(host, kind):
    host.call(allow, "0 2147483647")
    result = echo(host, "10.77.0.250", KINDS[kind])
    assert (result.ok, result.reason) == (False, "no route to host")


@pytest.mark.parametrize("kind", KINDS)
def test_a_host_that_is_silent_is_a_timeout(host, network, kind):
    quiet = network.host(f"quiet{kind}", 6 + len(kind))
    quiet.call(
        os.system,
        "nft add table ip f && nft add chain ip f i '{ type filter hook input priority 0; policy drop; }'",
    )
    host.call(allow, "0 2147483647")
    result = echo(host, quiet.addresses[0], KINDS[kind], timeout=0.3)
    assert result.reason == "timeout after 0.3 s waiting for the echo reply"


def test_an_unprivileged_socket_is_preferred_and_a_raw_one_is_the_next_choice(host):
    kind = icmp._kind.__wrapped__
    host.call(allow, "0 2147483647")
    assert host.call(kind, socket.AF_INET) == host.call(kind, socket.AF_INET6) == socket.SOCK_DGRAM
    host.call(allow, "1 0")
    assert host.call(kind, socket.AF_INET) == host.call(kind, socket.AF_INET6) == socket.SOCK_RAW


def test_where_neither_is_allowed_one_sentence_says_what_to_do(monkeypatch):
    monkeypatch.setattr(icmp, "_kind", lambda _family: None)
    with pytest.raises(StartupError) as caught:
        icmp.build(CheckSpec("icmp://{}", "x.test", 1.0), EndpointKey("x.test", "127.0.0.1"))
    sentence = str(caught.value)
    assert "net.ipv4.ping_group_range" in sentence
    assert "CAP_NET_RAW" in sentence


async def test_many_at_once_each_get_their_own(asker):
    asked = [probe("icmp://{}", f"127.0.{n // 250}.{1 + n % 250}") for n in range(500)]
    assert all(result.ok for result in await asker.ask_all(*asked))


async def test_what_others_ping_does_not_count():
    """Floods of foreign replies arrive while a probe waits for one that never comes."""
    stop, ping = threading.Event(), ["ping", "-c", "20", "-i", "0.002", "-q", "127.0.0.9"]

    def flood():
        while not stop.is_set():
            subprocess.run(ping, stdout=subprocess.DEVNULL, check=False)

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        for _ in range(20):
            assert (await ask(probe("icmp://{}", "127.0.0.9"))).ok
    finally:
        stop.set()
        thread.join(60)
