import pytest

from rrdnsd.core.model import EndpointKey, ProbeResult, RRset, RRsetKey, Timings, ZoneView
from rrdnsd.daemon.wholeservice import WholeService, WholeServices
from rrdnsd.errors import ProviderError

WWW = "www.example.test"


class Server:
    def __init__(self, label, *addresses):
        self.label, self.addresses = label, addresses

    async def fetch(self, zone, keys):
        assert (zone, {key.name for key in keys}) == ("example.test", {WWW})
        if self.addresses == ("broken",):
            raise ProviderError("it is on fire")
        rrset = RRset(60, frozenset(self.addresses))
        return ZoneView({RRsetKey(WWW, "A"): rrset} if self.addresses else {})


class Probe:
    def __init__(self, address):
        self.key, self.closed = EndpointKey(WWW, address), False

    def close(self):
        self.closed = True


class House:
    def __init__(self, *servers):
        self.asked, self.told, self.bad = [], [], set()
        self.services = [WholeService(WWW, "example.test", servers, Probe)]
        self.checks = WholeServices(
            lambda: self.services, self.ask, lambda _, said: self.told.append(said), 30.0
        )

    async def ask(self, probe):
        self.asked.append(probe.key.address)
        bad = probe.key.address in self.bad
        return ProbeResult(not bad, "connection refused" if bad else "", Timings(0.1))


async def test_every_address_of_every_server_gets_its_turn():
    house = House(Server("ns1", "192.0.2.1", "192.0.2.2"), Server("ns2", "192.0.2.3"))
    for _ in range(4):
        await house.checks.check_all()
    assert house.asked == ["192.0.2.1", "192.0.2.3", "192.0.2.2", "192.0.2.3"]
    assert house.told == []
    assert house.checks.found == {WWW: {}}


async def test_one_bad_address_among_good_ones_is_told_once_until_it_is_well_or_gone():
    server = Server("ns1", "192.0.2.1", "192.0.2.2")
    house = House(server)
    house.bad = {"192.0.2.1"}
    for _ in range(5):
        await house.checks.check_all()
    assert house.told == [f"{WWW} as a client sees it: 192.0.2.1: connection refused"]
    server.addresses = ("192.0.2.2",)
    await house.checks.check_all()
    assert house.told[1:] == [f"{WWW} as a client sees it: well"]


async def test_what_changes_is_told_once():
    house = House(Server("ns1", "192.0.2.1"))
    house.bad = {"192.0.2.1"}
    for _ in range(3):
        await house.checks.check_all()
    assert len(house.asked) == 6, "a failure is looked at twice"
    house.bad = set()
    for _ in range(3):
        await house.checks.check_all()
    assert house.told == [
        f"{WWW} as a client sees it: 192.0.2.1: connection refused",
        f"{WWW} as a client sees it: well",
    ]


@pytest.mark.parametrize(
    ("addresses", "trouble"),
    [((), "ns1 serves no address"), (("broken",), "the name cannot be looked up: it is on fire")],
)
async def test_a_name_without_an_address(addresses, trouble):
    house = House(Server("ns1", *addresses))
    await house.checks.check_all()
    assert house.told == [f"{WWW} as a client sees it: {trouble}"]
    assert house.asked == []


async def test_a_service_that_is_gone_is_forgotten():
    house = House(Server("ns1", "192.0.2.1"))
    await house.checks.check_all()
    house.services = []
    await house.checks.check_all()
    assert house.checks.found == {}


async def test_the_results_stay_in_one_place_and_follow_the_services():
    house = House(Server("ns1", "192.0.2.1", "192.0.2.2"))
    results = house.checks.results
    assert results == {}
    await house.checks.check_all()
    assert results == {WWW: ""}
    house.bad = {"192.0.2.1", "192.0.2.2"}
    for _ in range(2):
        await house.checks.check_all()
    assert results == {WWW: "192.0.2.2: connection refused; 192.0.2.1: connection refused"}
    house.services = []
    await house.checks.check_all()
    assert results == {}
