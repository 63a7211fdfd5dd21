"""Who may speak: nothing starts without authentication unless that is asked for, and TLS shows who is who."""

import json
import subprocess
import sys
from http.client import HTTPSConnection

import pytest
import trustme

from rrdnsd.peers import wire
from support.cluster import ENDPOINTS, SECRET, Impostor, agree, config, names, serves, trusting
from support.daemon import until
from support.ports import free_port

SENTENCE = (
    "nodes: are not all on loopback and nothing authenticates them: set cluster_secret, or nodes_protocol "
    '"https" and tls with a ca_file, or insecure_cluster to true'
)


def command(path, *words):
    return subprocess.run(
        [sys.executable, "-m", "rrdnsd", *words],
        env={"CONF": str(path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def unsafe(tmp_path):
    """Two nodes of which one is not on loopback, and nothing that authenticates them."""
    me = f"127.0.0.1:{free_port()}"
    return tmp_path / "rrdnsd.json", {
        "local_node": me,
        "nodes": [me, "192.0.2.1:3333"],
        "builtin": {"listen": [f"127.0.0.1:{free_port()}"]},
        "services": [
            {"fqdn": "www.test", "zone": "test", "healthcheck": "tcp://{}:1", "ipaddrs": ["127.0.0.2"]}
        ],
    }


def test_it_does_not_start_without_authentication(unsafe):
    path, made = unsafe
    path.write_text(json.dumps(made))
    for words in (["check", str(path)], ["run"]):
        done = command(path, *words)
        assert done.returncode == 2
        assert SENTENCE in done.stdout + done.stderr


@pytest.mark.parametrize("more", [{"insecure_cluster": True}, {"cluster_secret": SECRET}])
def test_it_starts_with_it_or_when_it_is_told_to(unsafe, more, start):
    path, made = unsafe
    path.write_text(json.dumps({**made, **more}))
    assert command(path, "check", str(path)).returncode == 0
    node = start({**made, **more})
    until(lambda: node.cluster.get("nodes") == 2, lambda: node.log)


def test_without_a_secret_nodes_on_loopback_work(start, endpoints, server, key):
    nodes = names()
    made = [start(config(nodes, n, endpoints, server, key, cluster_secret="")) for n in range(3)]
    serves(server, *ENDPOINTS, nodes=made)
    agree(*made)
    stranger = Impostor("127.0.0.9:1", nodes[0], nodes, "")
    assert stranger.say() == 403


def test_nodes_with_another_secret_are_told_apart(three):
    first, second, other = three(each={2: {"cluster_secret": "another secret of the tests"}})
    until(lambda: first.counts(second) and second.counts(first), lambda: first.log)
    first.logged(
        f"[quorum] no contact with {other.node}: it answers HTTP status 401: it has another cluster_secret"
    )
    until(lambda: first.cluster["refused"].get("wrong key", 0) > 1, lambda: first.log)
    assert len(first.lines("refused a message from 127.0.0.1: its signature")) == 1
    assert other.counts()
    until(lambda: other.cluster["no_quorum"] == "no quorum: only 1 of 3 nodes heard", lambda: other.log)


class Authority:
    """Signs certificates into files."""

    def __init__(self, folder, name):
        self.folder, self.ca = folder / name, trustme.CA()
        self.folder.mkdir()
        self.file = str(self.folder / "ca.pem")
        self.ca.cert_pem.write_to_path(self.file)

    def issue(self, address):
        """The paths of a certificate for an address and of its key."""
        made, paths = (
            self.ca.issue_cert(address),
            [str(self.folder / f"{address}.{kind}") for kind in ("crt", "key")],
        )
        made.cert_chain_pems[0].write_to_path(paths[0])
        made.private_key_pem.write_to_path(paths[1])
        return paths

    def tls(self, address, *, ca_file=True):
        cert, key = self.issue(address)
        return {"cert_file": cert, "key_file": key} | ({"ca_file": self.file} if ca_file else {})


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path, "authority")


@pytest.fixture
def foreign(tmp_path):
    return Authority(tmp_path, "foreign")


@pytest.fixture
def secure(start, endpoints, server, key, authority):
    """Three nodes by HTTPS; `own` are the `tls` settings that differ."""

    def run(own=None, secret="", **more):
        nodes, made = names(), []
        for number, node in enumerate(nodes):
            tls = (own or {}).get(number) or authority.tls(node.split(":")[0])
            settings = {"nodes_protocol": "https", "tls": tls, "cluster_secret": secret}
            made.append(start(config(nodes, number, endpoints, server, key, **settings), **more))
            made[-1].tls = trusting(authority.file, [*authority.issue(f"127.0.0.{number + 1}")])
        return made

    return run


def test_mutual_tls_is_enough(secure, server, endpoints):
    nodes = secure()
    serves(server, *ENDPOINTS, nodes=nodes)
    agree(*nodes)
    endpoints.stop("127.0.0.3")
    serves(server, "127.0.0.2", "127.0.0.4", nodes=nodes)
    assert [node.cluster["refused"] for node in nodes] == [{}, {}, {}]


def test_a_node_with_the_certificate_of_another_is_refused(secure, authority):
    first, second, thief = secure({2: authority.tls("127.0.0.2")})
    until(lambda: first.counts(second), lambda: first.log)
    until(lambda: first.cluster["refused"].get("certificate", 0) > 1, lambda: first.log)
    first.logged(f"the connection has no certificate of its sender {thief.node}")
    assert len(first.lines("has no certificate of its sender")) == 1
    thief.logged(
        f"no contact with {first.node}: it answers HTTP status 403: it does not take this node for one of its peers"
    )
    first.logged(f"no contact with {thief.node}: ")  # nor is it believed to be 127.0.0.3 when it answers
    assert first.cluster["peers"][1]["heard_s"] is None


def test_a_node_with_a_certificate_of_a_foreign_authority_is_refused(secure, foreign):
    first, second, stranger = secure({2: foreign.tls("127.0.0.3")})
    until(lambda: first.counts(second), lambda: first.log)
    first.logged(f"no contact with {stranger.node}: ")
    until(lambda: stranger.lines(f"no contact with {first.node}: "), lambda: stranger.log)
    assert first.cluster["peers"][1]["heard_s"] is None
    assert "Traceback" not in first.log + stranger.log


def test_a_peer_without_a_certificate_is_refused(secure, authority):
    first, second, bare = secure()
    agree(first, second, bare)
    bare.stop()
    context, (host, port) = trusting(authority.file), first.node.split(":")
    message = Impostor(bare.node, first.node, [first.node, second.node, bare.node], "").outbox.build()
    assert _post(host, int(port), message, context) == 403
    certified = trusting(authority.file, authority.issue("127.0.0.3"))
    assert _post(host, int(port), message, certified) == 409
    assert first.cluster["refused"] == {"certificate": 1}


def test_https_and_a_secret(secure, server, authority):
    """Without a `ca_file` of its own a node trusts the system's authorities: here by OpenSSL's own variable."""
    own = {n: authority.tls(f"127.0.0.{n + 1}", ca_file=False) for n in range(3)}
    nodes = secure(own, SECRET, env={"SSL_CERT_FILE": authority.file})
    serves(server, *ENDPOINTS, nodes=nodes)
    agree(*nodes)
    context, (host, port) = trusting(authority.file), nodes[0].node.split(":")
    every = [node.node for node in nodes]
    for secret, status in (("a wrong one, but long enough", 401), (SECRET, 409)):
        message = Impostor(every[1], every[0], every, secret).outbox.build()
        assert _post(host, int(port), message, context) == status


def test_with_both_a_secret_alone_is_not_enough(secure, authority):
    nodes = secure(secret=SECRET)
    agree(*nodes)
    first, second, third = nodes
    third.stop()
    host, port = first.node.split(":")
    every = [node.node for node in nodes]
    message = Impostor(third.node, first.node, every).outbox.build()
    assert _post(host, int(port), message, trusting(authority.file)) == 403
    unsigned = Impostor(third.node, first.node, every, "").outbox.build()
    assert _post(host, int(port), unsigned, trusting(authority.file, authority.issue("127.0.0.3"))) == 401
    assert first.cluster["refused"] == {"certificate": 1, "wrong key": 1}
    until(lambda: first.counts(second), "the others go on")


def _post(host, port, message, context):
    connection = HTTPSConnection(host, port, timeout=60, context=context)
    try:
        connection.request("POST", wire.PATH, message.body, {wire.MAC_HEADER: message.mac})
        return connection.getresponse().status
    finally:
        connection.close()
