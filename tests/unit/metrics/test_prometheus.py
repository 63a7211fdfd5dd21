"""What Prometheus reads, made without a daemon."""

import asyncio
import itertools
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from rrdnsd.core import orders
from rrdnsd.core.events import Probed
from rrdnsd.core.model import EndpointKey, ProbeResult, Timings
from rrdnsd.daemon.measured.cluster import cluster_readings
from rrdnsd.daemon.measured.endpoints import endpoint_readings, probe_readings, service_readings
from rrdnsd.daemon.measured.reading import each, one
from rrdnsd.daemon.measured.servers import server_readings
from rrdnsd.metrics import names, prometheus
from rrdnsd.metrics.names import Metric
from rrdnsd.metrics.prometheus import Exposition, render
from rrdnsd.metrics.tally import Distribution, Tally
from rrdnsd.turns import Readers
from rrdnsd.web.access import Access
from rrdnsd.web.app import create_app
from rrdnsd.web.metrics import add_metrics
from support.asgi import ask
from support.idle import until_idle
from support.names import NAME, ZONE
from support.scenes import NODES, ONE, THREE, TWO, WALL, Keeper, Stage

GAUGE = Metric("rrdnsd_sample", "gauge", "A sample.", ("service",))


def samples(readings):
    """The values by metric and labels, as Prometheus itself would read them."""
    text = b"".join(render(readings)).decode()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def about(found, metric):
    return {key[1:]: value for key, value in found.items() if key[0] == metric.name}


def test_a_metric_in_many_pieces_is_described_once():
    text = b"".join(render(each(GAUGE, (((f"s{n}",), n) for n in range(250))))).decode()
    assert text.count("# TYPE rrdnsd_sample gauge\n") == 1
    assert text.count("\nrrdnsd_sample{") == 250
    assert text.endswith('rrdnsd_sample{service="s249"} 249.0\n')


def test_a_metric_without_values_is_described_all_the_same():
    assert (
        b"".join(render(each(GAUGE, []))) == b"# HELP rrdnsd_sample A sample.\n# TYPE rrdnsd_sample gauge\n"
    )


def test_a_label_may_hold_anything():
    found = samples(each(GAUGE, [(('back\\slash "quote"\nline',), 1)]))
    assert found == {("rrdnsd_sample", 'back\\slash "quote"\nline'): 1}


def test_histograms_are_cumulative():
    lag = Distribution(names.LAG_BOUNDS)
    for seconds in (0.0005, 0.003, 0.003, 9.0):
        lag.add(seconds)
    found = samples([one(names.LOOP_LAG, lag)])
    assert found["rrdnsd_event_loop_lag_seconds_bucket", "0.001"] == 1
    assert found["rrdnsd_event_loop_lag_seconds_bucket", "0.005"] == 3
    assert found["rrdnsd_event_loop_lag_seconds_bucket", "5.0"] == 3
    assert found["rrdnsd_event_loop_lag_seconds_bucket", "+Inf"] == 4
    assert found["rrdnsd_event_loop_lag_seconds_count",] == 4


def test_the_names_follow_the_conventions():
    found = [metric.name for metric in names.metrics()]
    assert len(set(found)) == len(found)
    for metric in names.metrics():
        assert metric.name.startswith("rrdnsd_")
        assert metric.name.endswith("_total") is (metric.kind == "counter")
        assert bool(metric.bounds) is (metric.kind == "histogram")


def test_endpoints(tmp_path):
    stage = Stage(tmp_path).probe(ONE)
    stage.later(3).probe(TWO, ok=False).later(2)
    stage.handle(Probed([(EndpointKey(NAME, THREE), ProbeResult(True, "", Timings(0.003), cert_days=30))]))
    found = samples(endpoint_readings(stage.scene(), 10))
    assert about(found, names.ENDPOINT_UP) == {(ONE, NAME): 1, (TWO, NAME): 0, (THREE, NAME): 1}
    assert about(found, names.ENDPOINT_PUBLISHED) == {(ONE, NAME): 1, (TWO, NAME): 0, (THREE, NAME): 1}
    assert about(found, names.ENDPOINT_VERDICT) == {
        (ONE, NAME): WALL,
        (TWO, NAME): WALL + 3,
        (THREE, NAME): WALL + 5,
    }
    assert about(found, names.ENDPOINT_CERTIFICATE) == {(THREE, NAME): 30 * 86400}
    assert about(found, names.ENDPOINT_VOTES) == {}
    assert about(found, names.ENDPOINTS_OMITTED) == {(): 0}


def test_an_endpoint_without_a_verdict_is_neither_up_nor_down(tmp_path):
    found = samples(endpoint_readings(Stage(tmp_path).probe(ONE).scene(), 10))
    assert about(found, names.ENDPOINT_UP) == {(ONE, NAME): 1}


def test_too_many_endpoints_are_left_out_and_counted(tmp_path):
    found = samples(endpoint_readings(Stage(tmp_path).all_up().scene(), 2))
    assert about(found, names.ENDPOINTS_OMITTED) == {(): 3}
    assert about(found, names.ENDPOINT_UP) == {}


def test_services_with_orders(tmp_path):
    stage = Stage(tmp_path).all_up().probe(TWO, ok=False)
    stage.order(orders.drain(NAME, THREE)).order(orders.maintenance(NAME, None))
    found = samples(service_readings(stage.scene()))
    assert about(found, names.SERVICE_ENDPOINTS) == {
        (NAME, "up"): 1,
        (NAME, "down"): 1,
        (NAME, "drained"): 1,
        (NAME, "unknown"): 0,
    }
    assert about(found, names.SERVICE_HELD) == about(found, names.SERVICE_MAINTENANCE) == {(NAME,): 1}
    assert about(found, names.SERVICE_FAIL_OPEN) == {(NAME,): 0}
    counted = about(samples(cluster_readings(stage.scene(), Tally())), names.ORDERS)
    assert counted[("drain",)] == counted[("maintenance",)] == 1
    assert counted[("forced_up",)] == counted[("pause",)] == 0


def test_fail_open_and_pending(tmp_path):
    stage = Stage(tmp_path).probe(ONE).probe(TWO, ok=False).probe(THREE, ok=False)
    found = samples(service_readings(stage.scene()))
    assert about(found, names.SERVICE_FAIL_OPEN) == {(NAME,): 1}
    assert about(found, names.SERVICE_PUBLISHED) == {(NAME,): 3}
    assert about(found, names.SERVICE_PENDING) == {(NAME,): 0}


def test_what_clients_see(tmp_path):
    stage = Stage(tmp_path).all_up()
    for checks, value in (({}, {}), ({NAME: ""}, {(NAME,): 1}), ({NAME: "connection refused"}, {(NAME,): 0})):
        found = samples(service_readings(stage.scene(checks=checks)))
        assert about(found, names.SERVICE_CHECK) == value


def test_the_cluster_and_its_votes(tmp_path):
    stage = Stage(tmp_path, nodes=NODES)
    stage.hear(NODES[1], NODES, n1="up", n2="down", n3="up").hear(NODES[2], NODES, n1="up", n2="down")
    stage.probe(ONE).probe(TWO, ok=False)
    scene, tally = stage.scene(refused={"wrong MAC": 2}), Tally()
    tally.message(NODES[1])
    found = samples(cluster_readings(scene, tally))
    assert found[names.NODES.name,] == found[names.NODES_HEARD.name,] == 3
    assert found[names.QUORUM_NODES.name,] == 2
    assert found[names.NO_QUORUM.name,] == found[names.ABSTAINING.name,] == 0
    assert about(found, names.PEER_COUNTED) == {(NODES[1],): 1, (NODES[2],): 1}
    assert about(found, names.PEER_HEARD) == {(NODES[1],): WALL, (NODES[2],): WALL}
    assert about(found, names.PEER_MESSAGES) == {(NODES[1],): 1, (NODES[2],): 0}
    assert about(found, names.MESSAGES_REFUSED) == {("wrong MAC",): 2}
    votes = about(found, names.VOTES)
    assert votes[NODES[2], "up"] == votes[NODES[2], "down"] == votes[NODES[2], "unknown"] == 1
    ballots = about(samples(endpoint_readings(scene, 10)), names.ENDPOINT_VOTES)
    assert ballots[TWO, NAME, "down"] == 3
    assert ballots[THREE, NAME, "up"] == 1


def test_without_a_quorum(tmp_path):
    stage = Stage(tmp_path, nodes=NODES).later(10)
    found = samples(cluster_readings(stage.scene(), Tally()))
    assert (found[names.NODES_HEARD.name,], found[names.NO_QUORUM.name,]) == (1, 1)
    assert about(found, names.PEER_HEARD) == {}


def test_servers(tmp_path):
    keeper = Keeper(ONE)
    keeper.status.reads, keeper.status.noops, keeper.status.error = 7, 5, "REFUSED"
    keeper.status.answers.update({"REFUSED": 2})
    tally = Tally()
    tally.dns_failures[keeper.server, ZONE] = 2
    tally.serve(keeper.server, 0.02)
    tally.step("decided", 0.3)
    found = samples(server_readings(Stage(tmp_path, keepers=[keeper]).scene(), tally))
    place = (keeper.server, ZONE)
    assert about(found, names.DNS_UP) == {place: 0}
    assert about(found, names.DNS_READS) == {place: 7}
    assert about(found, names.DNS_NOOPS) == {place: 5}
    writes = about(found, names.DNS_WRITES)
    assert set(writes.values()) == {0, 2}
    assert found[f"{names.FAILOVER.name}_count", "decided"] == 1
    assert found[f"{names.FAILOVER.name}_count", "visible"] == 0
    assert found[f"{names.DNS_SERVED.name}_count", keeper.server] == 1


@pytest.mark.parametrize(("most", "services"), [(2, {"a", "b"}), (1, {""})])
def test_beyond_a_bound_there_is_one_histogram_for_all_services(most, services):
    tally = Tally()
    result = ProbeResult(True, "", Timings(0.003))
    tally.note([(EndpointKey(service, ONE), result) for service in ("a", "b", "gone")])
    text = b"".join(render(probe_readings(tally, ["a", "b"], most))).decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    found = families[names.PROBE_DURATION.name].samples
    counts = {s.labels.get("service", ""): s.value for s in found if s.name.endswith("_count")}
    assert counts.keys() == services
    assert sum(counts.values()) == 2


async def test_everybody_who_asks_within_a_second_is_shown_the_same(monkeypatch):
    monkeypatch.setattr(prometheus, "FRESH", 0.05)
    made = []

    def read():
        made.append(1)
        return [one(names.WARNINGS, len(made))]

    exposition = Exposition(read, Readers())
    first = await asyncio.gather(*(exposition.text() for _ in range(5)))
    assert len(set(first)) == len(made) == 1
    async with asyncio.timeout(10):
        while len(made) == 1:
            await asyncio.sleep(0.01)
            await exposition.text()
    assert len(made) == 2


async def test_who_asks_again_does_not_wait_for_the_next(monkeypatch):
    monkeypatch.setattr(prometheus, "FRESH", 0.0)
    made, may = [], asyncio.Event()

    def read():
        made.append(1)
        return [one(names.WARNINGS, len(made))]

    exposition = Exposition(read, Readers())
    first = await exposition.text()
    monkeypatch.setattr("rrdnsd.turns.ReaderTurns.rest", lambda _: may.wait())
    assert await exposition.text() == await exposition.text() == first
    may.set()
    await until_idle()
    assert await exposition.text() != first


async def test_the_event_loop_goes_on_while_a_large_text_is_made(monkeypatch):
    monkeypatch.setattr("rrdnsd.turns.pace.monotonic", map((0.001).__mul__, itertools.count()).__next__)
    values = [((f"s{n}",), n) for n in range(20_000)]
    exposition = Exposition(lambda: each(GAUGE, values), Readers())
    await Exposition(list, Readers()).text()  # the library is loaded
    making = asyncio.create_task(exposition.text())
    turns, worst = 0, 0.0
    while not making.done():
        before = time.thread_time()  # its own: a busy machine holds it up as well
        await asyncio.sleep(0)
        turns, worst = turns + 1, max(worst, time.thread_time() - before)
    assert making.result().count(b"\nrrdnsd_sample{") == 20_000
    assert turns > 20
    assert worst < 0.1


@pytest.mark.parametrize(("anonymous", "status"), [(True, 200), (False, 401)])
async def test_reading_follows_the_rule_of_the_api(anonymous, status):
    app = create_app(Access(anonymous_read=anonymous))

    async def text():
        return b"# nothing\n"

    add_metrics(app, text)
    answer = await ask(app, "GET", "/metrics")
    assert answer.status == status
    if status == 200:
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert answer.body == b"# nothing\n"
