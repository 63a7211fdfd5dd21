from threading import Event

import pytest

from support.endpoints import HOST, ask, probe
from support.grpc_health import NOT_SERVING, SERVING, health_server


def asking(port, service="", **settings):
    return probe(f"grpc://{{}}:{port}/{service}", timeout=settings.pop("timeout", 30.0), **settings)


@pytest.mark.parametrize(
    ("service", "answer", "reason"),
    [
        ("", SERVING, ""),
        ("my.Service", SERVING, ""),
        ("my.Service", NOT_SERVING, "the status is NOT_SERVING, not SERVING"),
        ("my.Service", b"", "the status is UNKNOWN, not SERVING"),
        ("my.Service", b"\x08\x07", "the status is 7, not SERVING"),
        ("my.Service", b"\xff\xff", "the answer is no gRPC health response"),
        ("another.Service", None, "the server does not know this service (NOT_FOUND)"),
        ("my.Service", b"\x08\x01" * 9000, "gRPC status RESOURCE_EXHAUSTED"),
    ],
)
async def test_what_the_health_service_says(service, answer, reason):
    with health_server({service: answer}) as (port, health):
        result = await ask(asking(port, service))
    assert result.ok == (not reason)
    assert result.reason.startswith(reason) if reason else result.reason == ""
    assert [name for name, _, _ in health.asked] == [service]


async def test_each_probe_comes_over_a_connection_of_its_own(asker):
    with health_server({"": SERVING}) as (port, health):
        asked = asking(port)
        for _ in range(3):
            assert (await asker.ask(asked)).ok
    assert len({peer for _, _, peer in health.asked}) == 3


async def test_a_server_without_the_health_service_is_told():
    with health_server({}) as (port, health):
        health.service = lambda _details: None
        result = await ask(asking(port))
    assert result.reason == "the server has no gRPC health service (UNIMPLEMENTED)"


async def test_a_slow_answer_is_a_timeout():
    done = Event()
    with health_server({"": lambda _context: done.wait(60) and SERVING}) as (port, _):
        result = await ask(asking(port, timeout=3.0))
        done.set()
    # Whether gRPC or the runner ends it first, where both are late, is not said.
    assert (result.ok, result.reason.removesuffix(" waiting for the answer")) == (False, "timeout after 3 s")


@pytest.mark.parametrize(
    ("which", "reason"),
    [
        ("good", ""),
        ("other_name", "the certificate is for another name"),
        ("unknown", "the certificate is not valid for this name, or not trusted"),
        ("expired", "the certificate is not valid for this name, or not trusted"),
    ],
)
async def test_certificates(certificates, which, reason):
    with health_server({"": SERVING}, certificate=getattr(certificates, which)) as (port, _):
        result = await ask(probe(f"grpcs://{{}}:{port}", ca_file=certificates.ca_file, timeout=30.0))
    assert (result.ok, result.reason) == (not reason, reason)


async def test_a_server_that_does_not_speak_tls(certificates):
    with health_server({"": SERVING}) as (port, _):
        result = await ask(probe(f"grpcs://{{}}:{port}", ca_file=certificates.ca_file, timeout=30.0))
    assert not result.ok
    assert "TLS" in result.reason
    assert HOST not in result.reason
