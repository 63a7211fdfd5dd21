from datetime import UTC, datetime, timedelta

import pytest
import trustme

from support.dns_servers import Setup, start_named, zone
from support.endpoints import HOST, Asker


@pytest.fixture
async def asker():
    made = Asker()
    yield made
    await made.close()
    assert not made.bugs


class Certificates:
    """An authority, its file, and certificates good and bad."""

    def __init__(self, folder):
        authority, stranger = trustme.CA(), trustme.CA()
        now = datetime.now(UTC)
        self.ca_file = str(folder / "ca.pem")
        authority.cert_pem.write_to_path(self.ca_file)
        self.good = authority.issue_cert(HOST, not_after=now + timedelta(days=30, hours=12))
        self.expired = authority.issue_cert(HOST, not_after=datetime(2024, 11, 1, tzinfo=UTC))
        self.other_name = authority.issue_cert("other.example")
        self.many_names = authority.issue_cert("a.test", "b.test", "c.test", "d.test", "e.test")
        self.unknown = stranger.issue_cert(HOST)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def named(tmp_path_factory):
    """BIND with a zone for the probes."""
    many = [f"many IN TXT {number:0>200}" for number in range(20)]
    records = [
        "www IN A 192.0.2.1",
        "www IN A 192.0.2.2",
        "www IN AAAA 2001:db8::1",
        "alias IN CNAME www",
        *many,
    ]
    setup = Setup({"example.test": zone("example.test", *records)})
    server = start_named(tmp_path_factory.mktemp("named"), setup)
    yield server
    server.stop()
