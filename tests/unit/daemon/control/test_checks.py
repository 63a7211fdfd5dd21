"""What reports say of a service as a client sees it."""

import pytest

from rrdnsd.control.reports import CheckReport
from rrdnsd.core import orders
from rrdnsd.daemon.control.cluster import health_report
from rrdnsd.daemon.control.status import status_report
from support.names import NAME
from support.scenes import Stage

URL = f"https://{NAME}/healthz"
SENTENCE = f"{NAME} as a client sees it: 192.0.2.1: connection refused"


@pytest.fixture
def stage(tmp_path):
    return Stage(tmp_path, service={"service_check": URL}).all_up()


def check(stage, **checks):
    (service,) = status_report(stage.scene(**checks)).services
    return service.check


def test_what_a_client_sees(stage):
    assert check(stage) == CheckReport(URL, "unknown", "")
    assert check(stage, checks={NAME: ""}) == CheckReport(URL, "up", "")
    assert check(stage, checks={NAME: "bad"}) == CheckReport(URL, "down", "bad")


def test_a_service_without_a_check_has_none(tmp_path):
    assert check(Stage(tmp_path), checks={NAME: "it had one before"}) is None


def test_health_is_degraded_while_a_client_sees_trouble(stage):
    well = health_report(stage.scene(checks={NAME: ""}), [])
    assert (well.status, well.reasons) == ("ok", [])
    bad = health_report(stage.scene(checks={NAME: "192.0.2.1: connection refused"}), [])
    assert (bad.status, bad.reasons) == ("degraded", [SENTENCE])


def test_but_not_in_maintenance_nor_for_a_service_that_is_gone(stage):
    assert health_report(stage.scene(checks={"gone.example.test": "bad"}), []).status == "ok"
    stage.order(orders.maintenance(NAME, None))
    assert health_report(stage.scene(checks={NAME: "bad"}), []).status == "ok"
