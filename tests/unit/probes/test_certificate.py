from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from rrdnsd.probes.certificate import parse

AUTHORITY = trustme.CA()


def der_of(leaf):
    return x509.load_pem_x509_certificate(leaf.cert_chain_pems[0].bytes()).public_bytes(Encoding.DER)


@pytest.mark.parametrize("expires", [datetime(2049, 12, 31, tzinfo=UTC), datetime(2051, 1, 1, tzinfo=UTC)])
def test_reads_what_another_implementation_wrote(expires):
    names = ("www.example.test", "*.example.test", "192.0.2.1", "2001:db8::1")
    der = der_of(AUTHORITY.issue_cert(*names, not_after=expires))
    known = x509.load_der_x509_certificate(der)
    seen = parse(der)
    assert seen.not_after == known.not_valid_after_utc.timestamp() == expires.timestamp()
    assert seen.not_before == known.not_valid_before_utc.timestamp()
    assert seen.names == names


def test_a_certificate_without_alternative_names_is_for_its_common_name():
    assert parse(COMMON_NAME_ONLY).names == ("old.example.test",)


def _common_name_only():
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "old.example.test")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


COMMON_NAME_ONLY = _common_name_only()


@given(st.integers(0, len(COMMON_NAME_ONLY) - 1), st.binary(max_size=4))
def test_damage_is_noticed_or_harmless(at, patch):
    damaged = COMMON_NAME_ONLY[:at] + patch + COMMON_NAME_ONLY[at + len(patch) + 1 :]
    with suppress(ValueError):
        parse(damaged)


@pytest.mark.parametrize("data", [b"", b"0", b"\x30\x82", b"\x30\x00"])
def test_what_is_no_certificate_is_a_value_error(data):
    with pytest.raises(ValueError, match="not a DER encoded certificate"):
        parse(data)
