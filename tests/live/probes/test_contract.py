"""What every installed probe type keeps, whoever wrote it."""

import asyncio
import resource
import socket
from contextlib import suppress
from types import SimpleNamespace

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
    probe,
    resetting,
    silent,
)
from support.healthy import KINDS, template
from support.ports import free_port

SCHEMES = ProbeTypes().schemes
OVER_TCP = [scheme for scheme in SCHEMES if KINDS[scheme].over == "tcp"]
WITH_PORT = [scheme for scheme in SCHEMES if KINDS[scheme].over != "nothing"]
CONNECTING = [scheme for scheme in OVER_TCP if KINDS[scheme].connects]
WITH_DESCRIPTORS = [s for s in SCHEMES if KINDS[s].says_descriptors and s != "heartbeat"]
IN_TIME = 15.0
"""Seconds; the limit is half a second, and whoever keeps none waits for ever."""

BEHAVIOURS = {
    "silent": silent,
    "closing": closing_at_once,
    "resetting": resetting,
    "dripping": dripping(),
    "rubbish": answering(b"\x00\xff" * 500),
    "endless": endless(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n" * 1000),
}


@pytest.fixture
def around(certificates, named):
    return SimpleNamespace(certificates=certificates, named=named)


@pytest.fixture
def build(certificates):
    def build(scheme, port, address="127.0.0.1", **settings):
        given = {"timeout": 0.5, "ca_file": certificates.ca_file, **KINDS[scheme].settings(port), **settings}
        return probe(template(scheme, port), address, **given)

    return build


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_a_healthy_endpoint_is_fine_every_time(scheme, around, build, asker):
    with KINDS[scheme].well("127.0.0.1", around) as port:
        asking = build(scheme, port, timeout=20.0)
        for _ in range(3):
            result = await asker.ask(asking)
            assert (result.ok, result.reason) == (True, "")
            assert 0 < result.timings.total < 20
        asking.close()


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_ipv6_is_the_same(scheme, around, build, asker):
    with KINDS[scheme].well("::1", around) as port:
        result = await asker.ask(build(scheme, port, "::1", timeout=20.0))
        assert (result.ok, result.reason) == (True, "")


@pytest.mark.parametrize("scheme", WITH_PORT)
async def test_nobody_there_is_connection_refused(scheme, build, asker):
    result = await asker.ask(build(scheme, free_port(), timeout=20.0))
    assert (result.ok, result.reason) == (False, "connection refused")
    assert result.timings.connect is None


@pytest.mark.parametrize("scheme", OVER_TCP)
async def test_no_answer_at_all_ends_in_time(scheme, build, asker):
    with black_hole() as port:
        result = await asker.ask(build(scheme, port))
    assert not result.ok
    assert result.reason.startswith("timeout after 0.5 s")
    if scheme in CONNECTING:
        assert result.reason == "timeout after 0.5 s while connecting"
    assert 0.4 <= result.timings.total < IN_TIME


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
@pytest.mark.parametrize("scheme", OVER_TCP)
async def test_misbehaviour_is_a_result_in_time(scheme, behaviour, build, asker):
    with endpoint(BEHAVIOURS[behaviour]) as served:
        result = await asker.ask(build(scheme, served.port))
    assert isinstance(result, ProbeResult)
    assert result.timings.total < IN_TIME
    assert result.ok == (not result.reason)
    assert "\n" not in result.reason


@pytest.mark.parametrize("scheme", WITH_DESCRIPTORS)
async def test_a_node_without_free_descriptors_says_so(scheme, build, asker):
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


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_a_probe_abandoned_midway_leaves_nothing(scheme, build, asker):
    with black_hole() as port:
        asking = build(scheme, port)
        asker._runner.start([asking])
        await asyncio.sleep(0)
        await asker.close()
        asking.close()
