"""The test network itself does what the other tests rely on."""

import os
import socket
import subprocess
import sys
from contextlib import suppress

import pytest

from support import netns
from support.netns import cut, loss, shut


@pytest.fixture
def pair(network):
    """Two hosts; the second one counts the datagrams that arrive at it."""
    one, two = network.host("one", 1), network.host("two", 2)
    ear = two.call(socket.socket, socket.AF_INET, socket.SOCK_DGRAM)
    ear.bind((str(two), 9999))
    ear.settimeout(2)
    mouth = one.call(socket.socket, socket.AF_INET, socket.SOCK_DGRAM)
    with ear, mouth:
        yield network, one, two, mouth, ear


def arrived(mouth, ear, count):
    """Send so many datagrams and count those that arrive, until all have or none comes any more."""
    for _ in range(count):
        mouth.sendto(b"x", ear.getsockname())
    found = 0
    with suppress(TimeoutError):
        while found < count:
            ear.recv(10)
            found += 1
    return found


def test_a_cut_works_in_its_direction_and_ends(pair):
    network, one, two, mouth, ear = pair
    assert arrived(mouth, ear, 5) == 5
    network.fail(cut(two, one))
    assert arrived(mouth, ear, 5) == 5
    network.fail(cut(one, two))
    assert arrived(mouth, ear, 5) == 0
    network.heal(cut(one, two))
    assert arrived(mouth, ear, 5) == 5


def test_loss_loses_about_its_share(pair):
    network, one, two, mouth, ear = pair
    network.fail(loss([one, two], 20))
    assert 60 <= arrived(mouth, ear, 100) <= 95


def test_shut_stops_connections_to_one_port_only(network):
    one, two = network.host("one", 1), network.host("two", 2)

    def refused(port):
        with socket.socket() as sock:
            sock.settimeout(2)
            return sock.connect_ex((str(two), port))

    network.fail(shut(one, two, 81))
    assert one.call(refused, 80) == 111
    assert one.call(refused, 81) == 11


def test_hosts_are_not_reachable_from_outside(network):
    host = network.host("one", 1)
    assert host.call(socket.create_server, (str(host), 80)).close() is None
    before = {name for _, name in socket.if_nameindex()}
    network.host("two", 2)
    assert {name for _, name in socket.if_nameindex()} == before
    with socket.socket() as sock, pytest.raises(OSError, match="Cannot assign"):
        sock.bind((str(host), 0))


def test_close_ends_the_processes_and_removes_the_namespaces(namespaces):
    with netns.Network() as network:
        host = network.host("one", 1)
        child = subprocess.Popen(host.command("sleep", "1000"))
        assert host.namespace in netns.existing()
        namespace = host.namespace
        while not subprocess.run(["ip", "netns", "pids", namespace], capture_output=True, check=True).stdout:
            pass
    assert child.wait(20) == -9
    assert namespace not in netns.existing()


def test_what_a_killed_run_left_behind_is_removed(namespaces):
    code = (
        "import os; from support.netns import Network; network = Network(); network.host('left', 1); "
        "print(network._hosts[0].namespace, flush=True); os._exit(0)"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    left = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    ).stdout.strip()
    assert left in netns.existing()
    netns.sweep()
    assert left not in netns.existing()
