import shutil
import ssl

import pytest

from support.endpoints import (
    HOST,
    OK,
    answering,
    answering_once,
    ask,
    closing_at_once,
    endpoint,
    over_tls,
    probe,
    silent,
)


def asking(served, certificates, **settings):
    return probe(f"https://{{}}:{served.port}/", **{"ca_file": certificates.ca_file, **settings})


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("verify", [True, False])
async def test_a_healthy_endpoint_tells_how_long_its_certificate_lasts(certificates, version, verify):
    with endpoint(over_tls(answering(), certificates.good, version)) as served:
        result = await ask(asking(served, certificates, verify_tls=verify))
    assert (result.ok, result.reason, result.cert_days) == (True, "", 30)
    assert result.timings.connect + result.timings.tls <= result.timings.first_byte <= result.timings.total


@pytest.mark.parametrize(
    ("which", "reason"),
    [
        ("expired", "certificate expired 2024-11-01"),
        ("other_name", f"certificate is for other.example, not {HOST}"),
        ("many_names", f"certificate is for a.test, b.test, c.test and 2 more, not {HOST}"),
        ("unknown", "certificate is signed by an unknown authority"),
    ],
)
async def test_what_is_wrong_with_a_certificate(certificates, asker, which, reason):
    with endpoint(over_tls(answering(), getattr(certificates, which))) as served:
        asked = asking(served, certificates)
        first, second = await asker.ask(asked), await asker.ask(asked)
        assert (first.ok, first.reason) == (False, reason)
        assert second.reason == reason
        assert second.cert_days == first.cert_days
        if which == "expired":
            assert first.cert_days < 0
        looks = 1 if which != "unknown" else 0
        assert served.connections == 2 + looks, "a second look is taken once, not with each probe"


async def test_a_bad_certificate_does_not_matter_unless_it_is_verified(certificates):
    for which in ("expired", "other_name", "unknown"):
        with endpoint(over_tls(answering(), getattr(certificates, which))) as served:
            assert (await ask(asking(served, certificates, verify_tls=False))).ok


async def test_an_unknown_authority_is_unknown_to_the_system_too(certificates):
    with endpoint(over_tls(answering(), certificates.good)) as served:
        result = await ask(asking(served, certificates, ca_file=None))
    assert result.reason == "certificate is signed by an unknown authority"


async def test_the_certificate_itself_may_be_what_is_trusted(certificates, tmp_path):
    pinned = tmp_path / "pinned.pem"
    certificates.unknown.cert_chain_pems[0].write_to_path(pinned)
    with endpoint(over_tls(answering(), certificates.unknown)) as served:
        assert (await ask(asking(served, certificates, ca_file=str(pinned)))).ok


async def test_the_name_that_is_asked_for_is_the_host(certificates):
    names = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificates.good.configure_cert(context)
    context.sni_callback = lambda _socket, name, _context: names.append(name)

    def behave(connection, stopped):
        with context.wrap_socket(connection, server_side=True) as secured:
            answering()(secured, stopped)

    with endpoint(behave) as served:
        assert (await ask(asking(served, certificates))).ok
    assert names == [HOST]


@pytest.mark.parametrize(
    ("behave", "reason"),
    [
        (lambda _connection, stopped: stopped.wait(), "timeout after 2 s in TLS handshake"),
        (lambda connection, _stopped: connection.recv(1000), "closed in TLS handshake"),
        (
            lambda connection, _stopped: connection.sendall(OK),
            "TLS failed: the server does not speak TLS on this port",
        ),
    ],
)
async def test_handshakes_that_come_to_nothing(certificates, behave, reason):
    with endpoint(behave) as served:
        result = await ask(asking(served, certificates, timeout=2.0))
    assert not result.ok
    assert result.reason in {reason, "connection reset"} if "closed" in reason else result.reason == reason


async def test_faults_after_the_handshake_are_told_as_without_tls(certificates):
    for behave, reason in (
        (silent, "timeout after 2 s waiting for the response"),
        (closing_at_once, "closed without an answer"),
    ):
        with endpoint(over_tls(behave, certificates.good)) as served:
            assert (await ask(asking(served, certificates, timeout=2.0))).reason == reason


async def test_no_common_version_is_told(certificates):
    with endpoint(over_tls(answering(), certificates.good, ssl.TLSVersion.TLSv1_3)) as served:
        asked = asking(served, certificates)
        context = asked._question.tls.ssl
        highest, context.maximum_version = context.maximum_version, ssl.TLSVersion.TLSv1_2
        try:
            result = await ask(asked)
        finally:
            context.maximum_version = highest
    assert result.reason.startswith("TLS failed: ")
    assert "protocol version" in result.reason


@pytest.mark.parametrize(("behave", "connections"), [(answering(), 1), (answering_once(), 3)])
async def test_connections_are_reused_and_replaced_when_the_server_closes_them(
    certificates, asker, behave, connections
):
    with endpoint(over_tls(behave, certificates.good)) as served:
        asked = asking(served, certificates, reuse_connections=True)
        for _ in range(3):
            result = await asker.ask(asked)
            assert (result.ok, result.reason, result.cert_days) == (True, "", 30)
        asked.close()
        assert served.connections == connections


async def test_contexts_are_shared_until_the_ca_file_changes(certificates, tmp_path):
    copy = tmp_path / "ca.pem"
    shutil.copy(certificates.ca_file, copy)
    first, second = (probe("https://{}/", a, ca_file=str(copy)) for a in ("192.0.2.1", "192.0.2.2"))
    assert first._question.tls is second._question.tls
    copy.write_bytes(copy.read_bytes() + b"\n")
    assert probe("https://{}/", ca_file=str(copy))._question.tls is not first._question.tls
