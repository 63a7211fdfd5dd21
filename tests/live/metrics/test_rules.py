"""The alert rules and the dashboard in examples/: promtool reads them, and each alert fires when it shall."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from rrdnsd.metrics import names

ROOT = Path(__file__).parents[3]
RULES = ROOT / "examples" / "prometheus-alerts.yml"
DASHBOARD = ROOT / "examples" / "grafana-dashboard.json"
ALERTS = {rule["alert"]: rule for rule in yaml.safe_load(RULES.read_text())["groups"][0]["rules"]}
NODE = 'instance="10.0.0.1:3333",job="rrdnsd"'
OTHER = 'instance="10.0.0.2:3333",job="rrdnsd"'
WEB = 'service="www.example.org"'
KEEPER = 'server="default 192.0.2.53:53",zone="example.org"'

BAD = {
    "RrdnsdNodeDown": ({f"up{{{NODE}}}": "0x20"}, "10m", "rrdnsd on 10.0.0.1:3333 does not answer"),
    "RrdnsdNoQuorum": (
        {f"rrdnsd_no_quorum{{{NODE}}}": "1x20"},
        "5m",
        "10.0.0.1:3333 hears too few nodes: it writes nothing",
    ),
    "RrdnsdAbstaining": (
        {f"rrdnsd_abstaining{{{NODE}}}": "1x20"},
        "10m",
        "10.0.0.1:3333 distrusts itself: its votes do not count",
    ),
    "RrdnsdPeerNotCounted": (
        {f'rrdnsd_peer_counted{{{NODE},node="10.0.0.2:3333"}}': "0x20"},
        "10m",
        "10.0.0.1:3333 does not count the votes of 10.0.0.2:3333",
    ),
    "RrdnsdConfigurationDiffers": (
        {f"rrdnsd_mismatches{{{NODE}}}": "2x40"},
        "20m",
        "10.0.0.1:3333 is configured differently from its peers",
    ),
    "RrdnsdReloadRefused": (
        {f"rrdnsd_config_last_reload_successful{{{NODE}}}": "0x20"},
        "10m",
        "10.0.0.1:3333 refused its configuration file and goes on with the one from before",
    ),
    "RrdnsdOrdersDisagree": (
        {f"rrdnsd_orders_agree{{{NODE}}}": "0x40"},
        "20m",
        "10.0.0.1:3333 and its peers do not know the same orders",
    ),
    "RrdnsdServiceDown": (
        {
            f'rrdnsd_service_endpoints{{{NODE},{WEB},state="up"}}': "0x20",
            f'rrdnsd_service_endpoints{{{NODE},{WEB},state="down"}}': "2x20",
            # Somebody drains all of a service on purpose.
            f'rrdnsd_service_endpoints{{{NODE},service="idle.example.org",state="up"}}': "0x20",
            f'rrdnsd_service_endpoints{{{NODE},service="idle.example.org",state="down"}}': "0x20",
        },
        "5m",
        "no endpoint of www.example.org is up",
    ),
    "RrdnsdEndpointDown": (
        {
            f'rrdnsd_endpoint_up{{{NODE},{WEB},address="192.0.2.1"}}': "0x20",
            f'rrdnsd_endpoint_up{{{OTHER},{WEB},address="192.0.2.1"}}': "0x20",
            f'rrdnsd_endpoint_up{{{OTHER},{WEB},address="192.0.2.2"}}': "1x20",
        },
        "10m",
        "192.0.2.1 of www.example.org is down",
    ),
    "RrdnsdFailOpen": (
        {f"rrdnsd_service_fail_open{{{NODE},{WEB}}}": "1x20"},
        "5m",
        "so much of www.example.org is down that all of it stays published",
    ),
    "RrdnsdServiceHeld": (
        {
            f"rrdnsd_service_held{{{NODE},{WEB}}}": "1x20",
            f"rrdnsd_service_maintenance{{{NODE},{WEB}}}": "0x20",
            f'rrdnsd_orders{{{NODE},kind="pause"}}': "0x20",
            f'rrdnsd_service_held{{{NODE},service="api.example.org"}}': "1x20",
            f'rrdnsd_service_maintenance{{{NODE},service="api.example.org"}}': "1x20",
        },
        "15m",
        "no node writes anything for www.example.org",
    ),
    "RrdnsdDnsServerFailing": (
        {f"rrdnsd_dns_up{{{NODE},{KEEPER}}}": "0x20"},
        "10m",
        "no node can keep example.org on default 192.0.2.53:53",
    ),
    "RrdnsdNodeCannotWrite": (
        {f"rrdnsd_dns_up{{{NODE},{KEEPER}}}": "0x40", f"rrdnsd_dns_up{{{OTHER},{KEEPER}}}": "1x40"},
        "20m",
        "10.0.0.1:3333 cannot keep example.org on default 192.0.2.53:53",
    ),
    "RrdnsdUpdatesRefused": (
        {
            f'rrdnsd_dns_writes_total{{{NODE},{KEEPER},rcode="REFUSED"}}': "0x5 1+1x20",
            f'rrdnsd_dns_writes_total{{{NODE},{KEEPER},rcode="NOERROR"}}': "0+1x30",
            f'rrdnsd_dns_writes_total{{{NODE},{KEEPER},rcode="stale"}}': "0+1x30",
        },
        "10m",
        "default 192.0.2.53:53 answers updates of example.org with REFUSED",
    ),
    "RrdnsdRemovalsRefused": (
        {f'rrdnsd_removals_refused_total{{{NODE},zone="example.org"}}': "0x5 1x20"},
        "10m",
        "health would have taken too much out of example.org: the guard stepped in",
    ),
    "RrdnsdDriftRepaired": (
        {f"rrdnsd_dns_drift_repairs_total{{{NODE},{KEEPER}}}": "0+1x60"},
        "60m",
        "somebody else changes records of example.org on default 192.0.2.53:53 again and again",
    ),
    "RrdnsdFailoverSlow": (
        {
            f'rrdnsd_failover_seconds_bucket{{{NODE},step="visible",le="30.0"}}': "0x60",
            f'rrdnsd_failover_seconds_bucket{{{NODE},step="visible",le="60.0"}}': "0+1x60",
            f'rrdnsd_failover_seconds_bucket{{{NODE},step="visible",le="+Inf"}}': "0+1x60",
        },
        "60m",
        "failovers take more than 30 s until they are visible in DNS",
    ),
    "RrdnsdProbesLate": (
        {f'rrdnsd_probe_start_lag_seconds{{{NODE},percentile="99"}}': "0.7x40"},
        "20m",
        "10.0.0.1:3333 cannot keep up with its probes",
    ),
    "RrdnsdLoopLate": (
        {
            f'rrdnsd_event_loop_lag_seconds_bucket{{{NODE},le="0.25"}}': "0x40",
            f'rrdnsd_event_loop_lag_seconds_bucket{{{NODE},le="0.5"}}': "0+240x40",
            f'rrdnsd_event_loop_lag_seconds_bucket{{{NODE},le="+Inf"}}': "0+240x40",
        },
        "20m",
        "10.0.0.1:3333 gets too little CPU",
    ),
    "RrdnsdStoreTrouble": (
        {f"rrdnsd_store_trouble{{{NODE}}}": "1x20"},
        "10m",
        "10.0.0.1:3333 cannot write its events and orders",
    ),
    "RrdnsdNotifierFailing": (
        {f'rrdnsd_notifier_failing{{{NODE},notifier="pager"}}': "1x20"},
        "10m",
        "10.0.0.1:3333 cannot tell people by pager",
    ),
    "RrdnsdCertificateExpires": (
        {
            f'rrdnsd_endpoint_certificate_remaining_seconds{{{NODE},{WEB},address="192.0.2.1"}}': "1123200x20",
            f'rrdnsd_endpoint_certificate_remaining_seconds{{{NODE},{WEB},address="192.0.2.2"}}': "7776000x20",
        },
        "5m",
        "the certificate of 192.0.2.1 of www.example.org expires in less than two weeks",
    ),
    "RrdnsdOrderForgotten": (
        {
            f'rrdnsd_orders{{{NODE},kind="forced_up"}}': "1x1600",
            f'rrdnsd_orders{{{NODE},kind="drain"}}': "1x1600",
        },
        "25h",
        "an order has stood for a day: forced_up",
    ),
}
"""For each alert: what lets it fire, when it has fired, and what it says then."""

LABELS = {
    "RrdnsdPeerNotCounted": {"instance", "job", "node"},
    "RrdnsdServiceDown": {"service"},
    "RrdnsdEndpointDown": {"service", "address"},
    "RrdnsdFailOpen": {"service"},
    "RrdnsdServiceHeld": {"service"},
    "RrdnsdDnsServerFailing": {"server", "zone"},
    "RrdnsdNodeCannotWrite": {"instance", "job", "server", "zone"},
    "RrdnsdUpdatesRefused": {"instance", "job", "server", "zone", "rcode"},
    "RrdnsdRemovalsRefused": {"instance", "job", "zone"},
    "RrdnsdDriftRepaired": {"server", "zone"},
    "RrdnsdFailoverSlow": set(),
    "RrdnsdNotifierFailing": {"instance", "job", "notifier"},
    "RrdnsdProbesLate": {"instance", "job", "percentile"},
    "RrdnsdLoopLate": {"instance"},
    "RrdnsdCertificateExpires": {"service", "address"},
    "RrdnsdOrderForgotten": {"kind"},
}
VALUES = {
    "instance": "10.0.0.1:3333",
    "job": "rrdnsd",
    "node": "10.0.0.2:3333",
    "service": "www.example.org",
    "address": "192.0.2.1",
    "server": "default 192.0.2.53:53",
    "zone": "example.org",
    "rcode": "REFUSED",
    "percentile": "99",
    "kind": "forced_up",
    "notifier": "pager",
}


def promtool(*words):
    return subprocess.run(
        ["promtool", *map(str, words)], capture_output=True, text=True, timeout=60, check=False
    )


def says_success(done):
    assert done.returncode == 0, done.stdout + done.stderr


def well(series):
    """The same series of a cluster in which all is well."""
    good = {
        "up": "1",
        "rrdnsd_peer_counted": "1",
        "rrdnsd_orders_agree": "1",
        "rrdnsd_config_last_reload_successful": "1",
        "rrdnsd_endpoint_up": "1",
        "rrdnsd_dns_up": "1",
        "rrdnsd_endpoint_certificate_remaining_seconds": "7776000",
    }
    name = series.partition("{")[0]
    healthy = "3" if 'state="up"' in series else good.get(name, "0")
    if name.endswith("_bucket"):
        return "0+240x1600"  # all of them below the first bound
    return f"{healthy}x1600"


def cases(alert):
    series, at, summary = BAD[alert]
    rule = ALERTS[alert]
    labels = {name: VALUES[name] for name in LABELS.get(alert, {"instance", "job"})}
    said = {"summary": summary, "runbook": rule["annotations"]["runbook"]}
    fired = {"exp_labels": {**labels, **rule["labels"]}, "exp_annotations": said}
    for values, expected in ((dict(series), [fired]), ({one: well(one) for one in series}, [])):
        yield {
            "interval": "1m",
            "input_series": [{"series": one, "values": value} for one, value in values.items()],
            "alert_rule_test": [{"eval_time": at, "alertname": alert, "exp_alerts": expected}],
        }


def test_promtool_takes_the_rules():
    says_success(promtool("check", "rules", RULES))


def test_every_alert_is_tried_out():
    assert BAD.keys() == ALERTS.keys()


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_fires_when_it_shall_and_only_then(alert, tmp_path):
    path = tmp_path / "test.yml"
    path.write_text(json.dumps({"rule_files": [str(RULES)], "tests": list(cases(alert))}))
    says_success(promtool("test", "rules", path))


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_has_its_place_in_the_runbook(alert):
    path, _, anchor = ALERTS[alert]["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^### (\w+)$", (ROOT / path).read_text(), re.MULTILINE)
    assert anchor == alert.lower()
    assert alert in headings


def known():
    found = set(names.PROCESS) | {"up"}
    for metric in names.metrics():
        suffixes = ("_bucket", "_sum", "_count") if metric.kind == "histogram" else ("",)
        found |= {metric.name + suffix for suffix in suffixes}
    return found


def used(expression):
    """The metrics of an expression, with the labels that it names for each."""
    for name, chosen in re.findall(r"\b((?:rrdnsd|process)_\w+)(?:\{([^}]*)\})?", expression):
        yield name, set(re.findall(r"(\w+)\s*[=!]", chosen))


LABELS_OF = {metric.name: set(metric.labels) for metric in names.metrics()}


def panels():
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", ()):
            yield pytest.param(target["expr"], id=f"{panel['id']}-{target['refId']}")


EXPRESSIONS = [*panels(), *(pytest.param(rule["expr"], id=name) for name, rule in ALERTS.items())]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_only_metrics_and_labels_that_exist_are_asked_for(expression):
    found = list(used(expression))
    assert found or expression.startswith("up{")
    for name, chosen in found:
        assert name in known()
        own = LABELS_OF.get(re.sub(r"_(bucket|sum|count)$", "", name), set()) | LABELS_OF.get(name, set())
        assert chosen <= own | {"instance", "job", "le"}


def test_promtool_understands_every_query_of_the_dashboard(tmp_path):
    rules = [
        {
            "record": f"panel:{number}",
            "expr": param.values[0].replace("$__rate_interval", "1m").replace("$", ""),
        }
        for number, param in enumerate(panels())
    ]
    path = tmp_path / "panels.yml"
    path.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    says_success(promtool("check", "rules", path))


def test_the_dashboard_can_be_imported():
    made = json.loads(DASHBOARD.read_text())
    ids = [panel["id"] for panel in made["panels"]]
    assert len(set(ids)) == len(ids)
    assert (made["uid"], made["title"]) == ("rrdnsd", "rrdnsd")
    variables = {variable["name"]: variable for variable in made["templating"]["list"]}
    assert variables.keys() == {"datasource", "service", "instance"}
    for variable in ("service", "instance"):
        metric, label = re.fullmatch(
            r"label_values\((\w+), (\w+)\)", variables[variable]["definition"]
        ).groups()
        assert metric in known()
        assert label in LABELS_OF[metric] | {"instance"}
    places = [panel["gridPos"] for panel in made["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    squares = [
        (x, y)
        for place in places
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(squares)) == len(squares)  # no panel covers another
