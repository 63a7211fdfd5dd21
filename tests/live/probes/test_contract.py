"""What every installed probe type keeps, whoever wrote it."""

import asyncio
import resource
import socket
from contextlib import suppress

import pytest

from rrdnsd.core.model import ProbeResult
from rrdnsd.probes.registry import ProbeTypes
from support.endpoints import (
    answering,
    black_hole,
    closing_at_once,
    dripping,
    endless,
    endpoint,
    over_tls,
    probe,
    resetting,
    silent,
)
from support.ports import free_port

SCHEMES = ProbeTypes().schemes
BEHAVIOURS = {
    "silent": silent,
    "closing": closing_at_once,
    "resetting": resetting,
    "dripping": dripping(),
    "rubbish": answering(b"\x00\xff" * 500),
    "endless": endless(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n" * 1000),
}


@pytest.fixture(params=SCHEMES)
def scheme(request):
    return request.param


def build(scheme, port, address="127.0.0.1", **settings):
    return probe(f"{scheme}://{{}}:{port}", address, **{"timeout": 0.5, **settings})


@pytest.fixture
def healthy(scheme, certificates):
    """Makes the behaviour healthy for this type."""
    return over_tls(answering(), certificates.good) if scheme == "https" else answering()


async def test_a_healthy_endpoint_is_fine_every_time(scheme, healthy, asker):
    with endpoint(healthy) as served:
        asking = build(scheme, served.port, timeout=5.0, verify_tls=False)
        for _ in range(3):
            result = await asker.ask(asking)
            assert (result.ok, result.reason) == (True, "")
            assert 0 < result.timings.total < 5
        asking.close()


async def test_ipv6_is_the_same(scheme, healthy, asker):
    with endpoint(healthy, "::1") as served:
        assert (await asker.ask(build(scheme, served.port, "::1", timeout=5.0, verify_tls=False))).ok


async def test_nobody_there_is_connection_refused(scheme, asker):
    result = await asker.ask(build(scheme, free_port()))
    assert (result.ok, result.reason) == (False, "connection refused")
    assert result.timings.connect is None


async def test_no_answer_at_all_ends_in_time(scheme, asker):
    with black_hole() as port:
        result = await asker.ask(build(scheme, port))
    assert (result.ok, result.reason) == (False, "timeout after 0.5 s while connecting")
    assert 0.5 <= result.timings.total < 3


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
async def test_misbehaviour_is_a_result_in_time(scheme, behaviour, asker):
    with endpoint(BEHAVIOURS[behaviour]) as served:
        result = await asker.ask(build(scheme, served.port))
    assert isinstance(result, ProbeResult)
    assert result.timings.total < 3
    assert result.ok == (not result.reason)
    assert "\n" not in result.reason


async def test_a_node_without_free_descriptors_says_so(scheme, asker):
    asking = build(scheme, free_port())
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as highest:
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest.fileno() + 1, hard))
    taken = []
    try:
        with suppress(OSError):
            while True:
                taken.append(socket.socket())
        result = await asker.ask(asking)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for one in taken:
            one.close()
    assert (result.ok, result.reason) == (False, "too many open files on this node")


async def test_a_probe_abandoned_midway_leaves_nothing(scheme, asker):
    with black_hole() as port:
        asking = build(scheme, port)
        asker._runner.start([asking])
        await asyncio.sleep(0)
        await asker.close()
        asking.close()
