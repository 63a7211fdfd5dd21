"""Services of every other probe type in one running daemon, and what is theirs alone: heartbeats, certificates."""

import json
import re
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest
import trustme

from support.daemon import PROBING, Daemon, until
from support.endpoints import OK, answering, endpoint, over_tls, request
from support.grpc_health import SERVING, health_server
from support.ports import free_port

SECRET = "Yp3kq7Zr5vXw2nTb"


def service(name, healthcheck, **keys):
    return {
        "fqdn": f"{name}.example.test",
        "zone": "example.test",
        "healthcheck": healthcheck,
        "ipaddrs": ["127.0.0.1"],
        **keys,
    }


def configuration(*services, **keys):
    return {
        **PROBING,
        "services": list(services),
        "builtin": {"listen": [f"127.0.0.1:{free_port()}"]},
        **keys,
    }


@pytest.fixture
def run(tmp_path):
    started = []

    def run(config):
        daemon = Daemon(tmp_path, config).start()
        started.append(daemon)
        return daemon

    yield run
    for daemon in started:
        daemon.stop()


def call(daemon, name, query="", secret=SECRET):
    request = urllib.request.Request(
        f"http://{daemon.node}/heartbeat/{name}.example.test/127.0.0.1{query}",
        method="POST",
        headers={"Authorization": f"Bearer {secret}"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - it is the daemon's own address
        return answer.status


def test_every_type_finds_its_endpoint_up(run, tmp_path):
    check = tmp_path / "check"
    check.write_text("#!/bin/sh\necho fine\n")
    check.chmod(0o755)
    dns = free_port()
    with endpoint(answering()) as served, health_server({"": SERVING}) as (grpc, _):
        daemon = run(
            configuration(
                service("icmp", "icmp://{}"),
                service("script", f"script://{check}"),
                service("grpc", f"grpc://{{}}:{grpc}"),
                service(
                    "talk",
                    f"tcp://{{}}:{served.port}",
                    query_response=[{"send": "GET / HTTP/1.1\r\n\r\n"}, {"expect": "200 OK"}],
                ),
                service("dns", f"dns://{{}}:{dns}/icmp.example.test?expect=127.0.0.1"),
                builtin={"listen": [f"127.0.0.1:{dns}"]},
            )
        )
        for name in ("icmp", "script", "grpc", "talk", "dns"):
            # On a busy machine a first probe may come before its server is there, or not end in time.
            line = re.compile(rf"127\.0\.0\.1 of {name}\.example\.test: \w+ -> up")
            until(lambda line=line: line.search(daemon.log), lambda: daemon.log)
        served.close()
        daemon.logged("127.0.0.1 of talk.example.test: up -> down (down: connection refused)")


def test_an_endpoint_that_calls_is_up_and_one_that_ceases_to_is_down(run):
    push = service("push", "heartbeat://{}", heartbeat_secret=SECRET, heartbeat_within_ms=1500)
    # Without the API the route is there all the same.
    daemon = run(configuration(push, api={"enabled": False}))
    daemon.logged("[updater] started")
    until(lambda: reachable(daemon), "the port is open")
    assert call(daemon, "push") == 204
    daemon.logged(" -> up (up)")  # from unknown, or from down on a slow machine
    daemon.logged("push.example.test: up -> down (down: its last call was ")
    assert call(daemon, "push") == 204
    assert call(daemon, "push", "?status=down&text=disk%20full") == 204
    with pytest.raises(urllib.error.HTTPError, match="401"):
        call(daemon, "push", secret="wrong")
    assert SECRET not in daemon.log


def reachable(daemon):
    try:
        return call(daemon, "nobody")
    except urllib.error.HTTPError as error:
        return error.code == 401
    except OSError:
        return False


def test_one_that_never_calls_is_down_after_its_time(run):
    push = service("push", "heartbeat://{}", heartbeat_secret=SECRET, heartbeat_within_ms=1000)
    daemon = run(configuration(push))
    daemon.logged("push.example.test: unknown -> down (down: it has not called in 1 s)")


def test_what_it_says_of_itself_is_believed_at_once(run):
    push = service("push", "heartbeat://{}", heartbeat_secret=SECRET)
    daemon = run(configuration(push, probe_interval_ms=60_000))
    until(lambda: reachable(daemon), "the port is open")
    call(daemon, "push")
    daemon.logged("push.example.test: unknown -> up")
    call(daemon, "push", "?status=down&text=disk%20full")
    daemon.logged("push.example.test: up -> down (down: disk full)")


def asked_for(daemon, path):
    """What the API answers; `metrics` is text."""
    root = "" if path == "metrics" else "api/v1/"
    with urllib.request.urlopen(f"http://{daemon.node}/{root}{path}", timeout=60) as got:
        text = got.read().decode()
    return text if path == "metrics" else json.loads(text)


def test_a_service_is_looked_at_through_its_name(run):
    asked = []

    def behave(connection, _stopped):
        asked.append(request(connection))
        connection.sendall(OK)

    with endpoint(behave) as served:
        url = f"http://www.example.test:{served.port}/healthz"
        # The endpoint itself is found up by a check that asks for less.
        www = service("www", "icmp://{}", service_check=url)
        daemon = run(configuration(www, reconcile_interval_ms=300))
        until(lambda: len(asked) > 2, "the service is asked")
        assert b"GET /healthz HTTP/1.1\r\nHost: www.example.test" in asked[0]
        assert "as a client sees it" not in daemon.log
    trouble = "127.0.0.1: connection refused"
    daemon.logged(f"[probe] www.example.test as a client sees it: {trouble}")
    until(lambda: daemon.health()["status"] == "degraded", "it shows in /health")
    assert f"www.example.test as a client sees it: {trouble}" in daemon.health()["reasons"]
    (seen,) = asked_for(daemon, "status")["services"]
    assert seen["check"] == {"url": url, "state": "down", "reason": trouble}
    assert 'rrdnsd_service_check_up{service="www.example.test"} 0.0' in asked_for(daemon, "metrics")
    with endpoint(behave, port=served.port):
        daemon.logged("[probe] www.example.test as a client sees it: well")
        until(lambda: daemon.health()["status"] == "ok", lambda: daemon.log)
    assert "connection refused" in str(asked_for(daemon, "events?kind=service_check"))
    assert "up -> down" not in daemon.log


def test_a_certificate_about_to_expire_is_a_warning_once(run, tmp_path):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    soon = authority.issue_cert("tls.example.test", not_after=datetime.now(UTC) + timedelta(days=7, hours=1))
    with endpoint(over_tls(answering(), soon)) as served:
        watched = service("tls", f"tls://{{}}:{served.port}", ca_file=str(tmp_path / "ca.pem"))
        daemon = run(configuration(watched))
        said = "[probe] the certificate of 127.0.0.1 for tls.example.test expires in 7 days"
        daemon.logged(said)
        before = served.connections
        until(lambda: served.connections > before + 2, "more probes")
        with urllib.request.urlopen(
            f"http://{daemon.node}/api/v1/events?kind=certificate", timeout=60
        ) as got:
            assert b"expires in 7 days" in got.read()
    assert daemon.log.count(said) == 1
