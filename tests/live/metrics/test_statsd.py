"""Real daemons tell a real StatsD server; and what happens where there is none."""

from rrdnsd.metrics import names
from support import cluster
from support.daemon import until
from support.ports import free_port


def quiet(config, **statsd):
    return {**config, "builtin": {"listen": [f"127.0.0.1:{free_port('127.0.0.1')}"]}, "statsd": statsd}


def test_a_real_server_gets_every_name_with_its_type(statsd, start, endpoints, scrape):
    nodes = cluster.names(2)
    address = f"localhost:{statsd.port}"
    made = [
        start(quiet(cluster.config(nodes, n, endpoints), address=address, prefix=f"dns.node{n}"))
        for n in range(2)
    ]
    first = made[0]
    until(lambda: first.health() and first.health()["endpoints"].get("up") == 3, lambda: first.log)
    endpoints.stop("127.0.0.3")

    def told(name):
        return f"dns.node0.{name}"

    until(lambda: statsd.counter(told("status_change.cnt")) == 1, lambda: statsd.ask("counters"))
    until(lambda: statsd.counter(told("probe.failure.cnt")), lambda: statsd.ask("counters"))
    until(lambda: statsd.timer(told("probe_time_msec")), lambda: statsd.ask("timers"))
    for stat in names.stats():
        look = getattr(statsd, stat.kind)
        assert look(told(stat.name)) is not None, stat.name
    assert 0 <= statsd.gauge(told("probe.load_factor")) <= 1
    assert 0 < statsd.timer(told("probe_time_msec")) < 60_000
    until(lambda: statsd.counter("dns.node1.received_update.cnt"), lambda: statsd.ask("counters"))
    assert not statsd.bad_lines

    # Both ways to count say the same, whichever is asked first.
    before = scrape(first).total("rrdnsd_probes_total", result="success")
    until(lambda: statsd.counter(told("probe.success.cnt")) >= before, lambda: statsd.ask("counters"))
    counted = statsd.counter(told("probe.success.cnt"))
    # A scrape may be up to a second old.
    until(lambda: scrape(first).total("rrdnsd_probes_total", result="success") >= counted, lambda: first.log)


def test_the_last_second_is_told_as_well(statsd, start, endpoints, scrape):
    config = cluster.config(cluster.names(1), 0, endpoints)
    node = start(quiet(config, address=f"127.0.0.1:{statsd.port}", prefix=""))
    until(lambda: statsd.counter("probe.success.cnt"), lambda: node.log)
    before = scrape(node).total("rrdnsd_probes_total", result="success")
    assert node.stop() == 0
    until(lambda: statsd.counter("probe.success.cnt") >= before, lambda: statsd.ask("counters"))


def test_a_server_that_is_gone_and_a_name_that_does_not_exist_delay_nothing(start, endpoints, undisturbed):
    addresses = (f"127.0.0.1:{free_port('127.0.0.1')}", "statsd.invalid")
    made = [start(quiet(cluster.config(cluster.names(1), 0, endpoints), address=a)) for a in addresses]
    for node in made:
        until(lambda n=node: (n.health() or {}).get("endpoints", {}).get("up") == 3, lambda n=node: n.log)
    for address, node in zip(addresses, made, strict=True):
        undisturbed(node, 5.0)
        if address == "statsd.invalid":
            assert node.logged("[statsd] statsd.invalid cannot be found: ")
            assert node.log.count("[statsd]") == 1
        assert node.stop() == 0


def test_without_the_key_nothing_is_sent(statsd, start, endpoints):
    config = quiet(cluster.config(cluster.names(1), 0, endpoints))
    del config["statsd"]
    node = start(config)
    until(lambda: (node.health() or {}).get("endpoints", {}).get("up") == 3, lambda: node.log)
    assert statsd.counter("statsd.packets_received") in (None, 0)
