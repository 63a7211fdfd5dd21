"""A daemon whose every secret is used and meets trouble: none of them appears in its log or in any answer."""

import base64
import urllib.error
import urllib.request

import pytest

from support import operating
from support.daemon import Daemon, until
from support.endpoints import endpoint
from support.ports import free_port

ZONE = "example.test"
QUESTIONS = (
    "health", "metrics", "dash", "dash/events", "dash/service/www.example.test",
    "api/v1/status", "api/v1/events", "api/v1/audit", "api/v1/export", "api/v1/history?service=www.example.test",
    "api/v1/explain?service=www.example.test", "api/v1/explain?service=mail.example.test",
    "api/v1/explain?service=push.example.test", "api/v1/explain?service=late.example.test", "api/v1/openapi.json",
)  # fmt: skip


class Secrets:
    """Makes secrets of different names, and finds them again, also in the forms in which they travel."""

    def __init__(self):
        self.made = {}

    def __call__(self, name):
        self.made[name] = f"s3cret-{name}-0123456789"
        return self.made[name]

    def found_in(self, text):
        coded = {name: base64.b64encode(secret.encode()).decode() for name, secret in self.made.items()}
        return [name for name, secret in self.made.items() if secret in text or coded[name] in text]


def service(name, healthcheck, **keys):
    return {
        "fqdn": f"{name}.{ZONE}",
        "zone": ZONE,
        "healthcheck": healthcheck,
        "ipaddrs": ["127.0.0.2", "127.0.0.3"],
        **keys,
    }


def configuration(secret, mail):
    closed = free_port()
    tsig = base64.b64encode(secret("tsig").encode()).decode()
    return {
        "probe_interval_ms": 300,
        "loglevel": "trace",
        "cluster_secret": secret("cluster"),
        "_cluster_secret": secret("former cluster"),
        "update_method": "rfc2136",
        "update_credentials": f"hmac-sha256:key:{tsig}",
        "update_resolvers": [f"127.0.0.1:{closed}"],
        "providers": {
            "pdns": {
                "update_method": "powerdns",
                "update_credentials": secret("powerdns"),
                "options": {"url": f"http://127.0.0.1:{closed}"},
            }
        },
        "services": [
            service(
                "www",
                f"http://{{}}:{closed}/",
                headers={"Authorization": f"Bearer {secret('header')}"},
                service_check=f"http://www.{ZONE}:{closed}/",
            ),
            service(
                "mail",
                f"tcp://{{}}:{mail}",
                provider="pdns",
                query_response=[{"send": f"AUTH PLAIN {secret('send')}\r\n"}, {"expect": "^235"}],
            ),
            service("push", "heartbeat://{}", heartbeat_secret=secret("heartbeat"), heartbeat_within_ms=1000),
        ],
        "notifiers": [
            {
                "type": "webhook",
                "url": f"http://127.0.0.1:{closed}/{secret('path')}",
                "secret": secret("hook"),
                "headers": {"X-Channel": secret("channel")},
            },
            {"type": "apprise", "url": f"json://user:{secret('apprise')}@127.0.0.1:{closed}/"},
        ],
        "api": operating.API,
        "reconcile_interval_ms": 500,
    }  # fmt: skip


@pytest.fixture
def daemon(tmp_path):
    """A daemon that gets no answer from anything but the conversation, in which the secret comes back as an echo."""
    secret = Secrets()

    def echo(connection, _stopped):
        connection.sendall(connection.recv(1000))

    with endpoint(echo, address="127.0.0.2") as served:
        made = Daemon(
            tmp_path,
            {**configuration(secret, served.port), "state_dir": str(tmp_path / "state")},
            args=("--log-format", "text"),
        )
        made.secret = secret
        made.start()
        yield made
        made.stop()


def asked(daemon, path):
    headers = {"Authorization": f"Bearer {operating.TOKEN}"}
    request = urllib.request.Request(f"http://{daemon.node}/{path}", headers=headers)
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 -- it is the daemon's own address
        return answer.read().decode()


def refused(daemon, path, token):
    request = urllib.request.Request(
        f"http://{daemon.node}/{path}", b"", {"Authorization": f"Bearer {token}"}, method="POST"
    )
    with pytest.raises(urllib.error.HTTPError) as found:
        urllib.request.urlopen(request, timeout=20)  # noqa: S310 -- as above
    with found.value as answer:
        return answer.read().decode()


def test_no_secret_is_ever_repeated(daemon):
    secret = daemon.secret
    for trouble in (
        f"127.0.0.2 of www.{ZONE}: unknown -> down",
        f"127.0.0.2 of mail.{ZONE}: unknown -> down",
        f"127.0.0.2 of push.{ZONE}: unknown -> down",
        "[notify] webhook: ",
        "[notify] apprise: ",
        f"[probe] www.{ZONE} as a client sees it: ",
    ):
        daemon.logged(trouble)
    for provider in ("default", "pdns"):
        until(lambda provider=provider: failing(daemon, provider), lambda: daemon.log)

    said = [order(daemon, service("late", "heartbeat://{}", heartbeat_secret=secret("late heartbeat")))]
    said.append(order(daemon, service("api", "http://{}/", headers={"X-Api-Key": secret("late header")})))
    talk = [{"send": f"{secret('late send')}\r\n"}]
    said.append(order(daemon, service("talk", "tcp://{}:1", query_response=talk)))
    said.append(order(daemon, service("bad", "http://{}/", headers={"X-Key": f"{secret('bad header')}\n"})))
    said.append(order(daemon, service("bad", "heartbeat://{}", heartbeat_secret=[secret("bad secret")])))
    said.append(order(daemon, service("bad", "http://{}/", heartbeat_secret=secret("needless"))))
    said.append(refused(daemon, f"heartbeat/push.{ZONE}/127.0.0.2", secret("guess")))
    said += [asked(daemon, question) for question in QUESTIONS]
    said.append(daemon.log)

    assert [name for text in said for name in secret.found_in(text)] == []
    audit, export = asked(daemon, "api/v1/audit"), asked(daemon, "api/v1/export")
    assert '"heartbeat_secret":"(hidden)"' in audit
    assert "env:RRDNSD_SERVICES_LATE_EXAMPLE_TEST_HEARTBEAT_SECRET" in export
    daemon.stop()
    assert secret.found_in(daemon.log) == []


def order(daemon, config):
    """Add a service; returns what is said to that."""
    try:
        return str(operating.order(daemon, "service/add", config=config))
    except operating.RefusedError as error:
        return error.said


def failing(daemon, provider):
    report = daemon.health()
    return report and any(e["error"] for e in report["dns"] if e["server"].startswith(provider))
