"""dns-lexicon's own modules for vendors that keep addresses as sets: one address is removed, and nothing else."""

import pytest

from rrdnsd.providers.lexicon import Session

ZONE = "example.test"
SETS = {
    ("www", "A"): ["192.0.2.1", "192.0.2.2"],
    ("www", "TXT"): ['"kept"'],
    ("api", "A"): ["192.0.2.3", "192.0.2.4"],
}


class Answer:
    def __init__(self, made):
        self._made = made

    def raise_for_status(self):
        pass

    def json(self):
        return self._made


@pytest.fixture
def gandi(monkeypatch):
    """Gandi's module, with a zone of its own instead of the network; gives what it wants to change."""
    from lexicon._private.providers import gandi  # noqa: PLC0415 - dns-lexicon is loaded where it is needed

    said = []

    def request(action, url, data=None, **_):
        if action != "GET":
            said.append((action, url.partition("/domains/")[2], data))
            return Answer({})
        wanted = url.partition("/records")[2].strip("/").split("/")
        return Answer(
            [
                {"rrset_name": name, "rrset_type": rtype, "rrset_ttl": 300, "rrset_values": values}
                for (name, rtype), values in SETS.items()
                if wanted == [""] or wanted[0] == name
            ]
            if len(wanted) < 2
            else {
                "rrset_name": wanted[0],
                "rrset_type": wanted[1],
                "rrset_ttl": 300,
                "rrset_values": SETS[wanted[0], wanted[1]],
            }
        )

    monkeypatch.setattr(gandi.requests, "request", request)
    session = Session(gandi.Provider, "gandi", {"auth_token": "t" * 40, "api_protocol": "rest"}, ZONE)
    return session, said


def test_one_address_is_removed_and_not_the_whole_name(gandi):
    session, said = gandi
    (record,) = [r for r in session.records([f"www.{ZONE}"]) if r.content == "192.0.2.2"]
    assert record.ident == ""
    assert session.remove(record)
    assert said == [("PUT", f"{ZONE}/records/www/A", '{"rrset_values": ["192.0.2.1"]}')]


@pytest.fixture
def route53(monkeypatch):
    """Route 53's module, with a client that remembers what it is told."""
    from lexicon._private.providers import route53  # noqa: PLC0415 - as above

    class Client:
        told = ()

        def get_hosted_zone(self, **_):
            pass

        def list_resource_record_sets(self, **_):
            values = [{"Value": value} for value in SETS["www", "A"]]
            return {
                "ResourceRecordSets": [
                    {"Name": f"www.{ZONE}.", "Type": "A", "TTL": 20, "ResourceRecords": values}
                ]
            }

        def change_resource_record_sets(self, **change):
            self.told = (*self.told, *change["ChangeBatch"]["Changes"])

    class Boto:
        made = Client()

        def client(self, *_, **__):
            return self.made

    monkeypatch.setattr(route53, "boto3", Boto(), raising=False)
    options = {"auth_access_key": "k", "auth_access_secret": "s", "zone_id": "Z1"}
    return Session(route53.Provider, "route53", options, ZONE), Boto.made


def test_the_right_address_is_removed_and_the_others_keep_their_ttl(route53):
    session, client = route53
    (record,) = [r for r in session.records([f"www.{ZONE}"]) if r.content == "192.0.2.2"]
    assert session.remove(record)
    ((action, told),) = [(each["Action"], each["ResourceRecordSet"]) for each in client.told]
    assert (action, told["TTL"], told["ResourceRecords"]) == ("UPSERT", 20, [{"Value": "192.0.2.1"}])
