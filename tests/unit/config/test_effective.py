"""Inheritance, the derived times, and the digest of what nodes are told to probe."""

import pytest

from rrdnsd.config import Config

SERVICE = {
    "fqdn": "www.example.test",
    "zone": "example.test",
    "healthcheck": "http://{}:8080/",
    "ipaddrs": ["192.0.2.1", "192.0.2.2"],
}


def effective(service=None, **top):
    config = Config.model_validate(
        {
            "local_node": "127.0.0.1:3333",
            "nodes": ["127.0.0.1:3333"],
            "services": [{**SERVICE, **(service or {})}],
            **top,
        }
    )
    return config.effective(config.services[0])


def test_defaults():
    service = effective()
    assert (service.probe_interval, service.probe_timeout, service.fast_interval) == (5.0, 2.0, 0.5)
    assert (service.rise, service.fall, service.min_up, service.fail_open_threshold) == (2, 2, 1, 0.5)
    assert (service.host, service.method, service.expect_status) == ("www.example.test", "GET", ((200, 399),))
    assert (service.verify_tls, service.reuse_connections, service.ca_file) == (True, False, None)
    assert (service.ttl, service.provider, service.scheme) == (60, "default", "http")


def test_a_service_overrides_and_inherits():
    service = effective(
        {"ttl": 5, "rise": 9, "verify_tls": False, "headers": {"B": "2"}},
        ttl=30, rise=3, fall=4, verify_tls=True, headers={"A": "1"}, reuse_connections=True,
    )  # fmt: skip
    assert (service.ttl, service.rise, service.fall) == (5, 9, 4)
    assert (service.verify_tls, service.reuse_connections) == (False, True)
    assert service.headers == (("B", "2"),)


@pytest.mark.parametrize(
    ("interval", "timeout", "fast"),
    [(50, 0.05, 0.05), (500, 0.5, 0.1), (1000, 1.0, 0.1), (5000, 2.0, 0.5), (60_000, 2.0, 2.0)],
)
def test_times_follow_the_interval(interval, timeout, fast):
    service = effective({"probe_interval_ms": interval})
    assert (service.probe_interval, service.probe_timeout, service.fast_interval) == (
        interval / 1000,
        timeout,
        fast,
    )


@pytest.mark.parametrize(
    ("top", "own", "threshold"),
    [(True, None, 0.5), (False, None, None), (True, False, None), (False, True, 0.5)],
)
def test_fail_open_can_be_switched_off(top, own, threshold):
    assert effective({"enable_fail_open": own}, enable_fail_open=top).fail_open_threshold == threshold


CHANGES = [
    {"healthcheck": "http://{}:8081/"},
    {"host": "other.example.test"},
    {"ipaddrs": ["192.0.2.1"]},
    {"rise": 3},
    {"fall": 3},
    {"probe_timeout_ms": 1000},
    {"expect_status": 200},
    {"expect_body": "ok"},
    {"method": "HEAD"},
    {"headers": {"A": "1"}},
    {"verify_tls": False},
    {"reuse_connections": True},
    {"voters": 3},
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_the_definition_changes_with_what_is_probed(change):
    assert effective(change).definition != effective().definition


@pytest.mark.parametrize(
    "change",
    [
        {"ttl": 5},
        {"provider": "other"},
        {"probe_interval_ms": 9000},
        {"min_up": 2},
        {"ipaddrs": ["192.0.2.2", {"address": "192.0.2.1", "priority": 3, "label": "x"}]},
        {"expect_status": "200-399", "rise": 2, "host": "WWW.example.test"},
    ],
)
def test_the_definition_ignores_the_rest(change):
    assert effective(change).definition == effective().definition


def test_other_voters_are_asked_the_same():
    assert effective({"voters": 3}).question == effective({"voters": 5}).question == effective().question
    assert effective({"voters": 3}).definition != effective({"voters": 5}).definition


def test_without_voters_the_definition_is_that_of_versions_before_there_were_any():
    assert effective().definition == "c97a67ecf70d9786"


def test_voters_are_inherited():
    assert effective().voters is None
    assert effective(voters=3).voters == 3
    assert effective({"voters": 5}, voters=3).voters == 5


def test_the_definition_is_sixteen_hexadecimal_digits():
    definition = effective().definition
    assert len(definition) == 16
    int(definition, 16)
