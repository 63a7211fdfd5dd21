import ssl

import pytest

from support.endpoints import HOST, answering, ask, endpoint, over_tls, probe


def asking(served, certificates, days=0, **settings):
    given = {"ca_file": certificates.ca_file, "options": {"min_cert_days": days}, **settings}
    return probe(f"tls://{{}}:{served.port}", **given)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_healthy_endpoint_tells_how_long_its_certificate_lasts(certificates, version):
    with endpoint(over_tls(answering(), certificates.good, version)) as served:
        result = await ask(asking(served, certificates, days=30))
    assert (result.ok, result.reason, result.cert_days) == (True, "", 30)
    assert result.timings.connect + result.timings.tls <= result.timings.total


@pytest.mark.parametrize(
    ("which", "reason"),
    [
        ("expired", "certificate expired 2024-11-01"),
        ("other_name", f"certificate is for other.example, not {HOST}"),
        ("unknown", "certificate is signed by an unknown authority"),
    ],
)
async def test_what_is_wrong_with_a_certificate(certificates, asker, which, reason):
    with endpoint(over_tls(answering(), getattr(certificates, which))) as served:
        asked = asking(served, certificates)
        for _ in range(2):
            assert (await asker.ask(asked)).reason == reason
        assert served.connections == 2 + (which != "unknown"), "a second look is taken once"
        assert (await asker.ask(asking(served, certificates, days=10, verify_tls=False))).ok


@pytest.mark.parametrize("scheme", ["tls", "https"])
async def test_a_certificate_must_last_for_as_long_as_is_wanted(certificates, scheme):
    with endpoint(over_tls(answering(), certificates.good)) as served:
        settings = {"ca_file": certificates.ca_file, "options": {"min_cert_days": 31}}
        result = await ask(probe(f"{scheme}://{{}}:{served.port}", **settings))
    assert result.reason == "certificate expires in 30 days, at least 31 are wanted"
    assert (result.ok, result.cert_days) == (False, 30)


async def test_a_server_that_speaks_only_what_is_too_old_is_told(certificates):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    certificates.good.configure_cert(context)

    def behave(connection, stopped):
        connection.recv(4096)
        connection.sendall(b"\x15\x03\x01\x00\x02\x02\x46")  # the alert "protocol version" (RFC 5246, 7.2)
        stopped.wait()

    with endpoint(behave) as served:
        result = await ask(asking(served, certificates))
    assert "protocol version" in result.reason
