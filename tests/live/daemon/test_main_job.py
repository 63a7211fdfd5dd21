"""The whole daemon against real DNS servers: out, in, repaired, kept, and nothing written without need."""

import dns.query
import dns.tsigkeyring
import dns.update
import pytest

from support.daemon import until
from support.names import NAME, ZONE

PAIRS = [
    ("rfc2136", "named"),
    ("rfc2136", "knotd"),
    ("rfc2136", "pdns"),
    ("nsupdate", "named"),
    ("nsupdate", "knotd"),
    ("nsupdate", "pdns"),
    ("knsupdate", "knotd"),
    ("knsupdate", "named"),
]
ALL4, V6 = {"127.0.0.2", "127.0.0.3"}, {"::1"}


def meddle(server, key, change):
    """Change a record as another program would."""
    keyring = dns.tsigkeyring.from_text({key.name: (key.algorithm, key.secret)})
    update = dns.update.Update(ZONE, keyring=keyring, keyalgorithm=key.algorithm)
    change(update)
    assert dns.query.tcp(update, server.host, port=server.port, timeout=20).rcode() == 0


def serves(server, v4, v6=frozenset(V6), name=NAME):
    until(
        lambda: (server.addresses(name, "A"), server.addresses(name, "AAAA")) == (set(v4), set(v6)),
        lambda: (
            f"{v4} and {v6}; {server.kind} has {server.addresses(name, 'A')}, {server.addresses(name, 'AAAA')}"
        ),
    )


@pytest.mark.parametrize(("method", "kind"), PAIRS)
def test_records_follow_the_endpoints(method, kind, dns_server, daemon, watch, endpoints, key):
    server = dns_server(kind, "other IN A 192.0.2.7")
    node = daemon(watch(method, server))
    serves(server, ALL4)
    assert server.ttl(NAME) == 5

    endpoints.stop("127.0.0.3")
    serves(server, {"127.0.0.2"})
    endpoints.start("127.0.0.3")
    serves(server, ALL4)

    # drift: a record changed behind our back is repaired, a foreign one is left alone and shown
    meddle(server, key, lambda update: update.delete(f"{NAME}.", "A", "127.0.0.2"))
    serves(server, ALL4)
    meddle(server, key, lambda update: update.add(f"{NAME}.", 5, "A", "192.0.2.99"))
    node.logged("foreign records left alone: 192.0.2.99")
    serves(server, ALL4 | {"192.0.2.99"})
    endpoints.stop("127.0.0.3")
    serves(server, {"127.0.0.2", "192.0.2.99"})

    # level-triggered, and quiet once all is right
    serial = server.serial(ZONE)
    node.looks(ZONE, 3)
    assert server.serial(ZONE) == serial
    assert server.addresses("other.example.test") == {"192.0.2.7"}
    assert node.stop() == 0
    serves(server, {"127.0.0.2", "192.0.2.99"})


@pytest.mark.parametrize("kind", ["named", "knotd", "pdns"])
def test_a_server_that_is_down_during_the_change_gets_it_when_it_is_back(
    kind, dns_server, daemon, watch, endpoints
):
    server = dns_server(kind)
    node = daemon(watch("rfc2136", server))
    serves(server, ALL4)
    server.kill()
    endpoints.stop("127.0.0.3")
    until(lambda: node.kept(ZONE)[0]["error"], "an error in /health")
    assert node.health()["status"] == "degraded"
    server.start()
    serves(server, {"127.0.0.2"})
    until(lambda: node.health()["status"] == "ok", "health is ok again")
    node.logged("works again after")


def test_two_resolvers_of_which_one_is_down(dns_server, daemon, watch, endpoints):
    first, second = dns_server("named"), dns_server("knotd")
    node = daemon(watch("rfc2136", first, second))
    serves(first, ALL4)
    serves(second, ALL4)
    first.kill()
    endpoints.stop("127.0.0.2")
    serves(second, {"127.0.0.3"})
    first.start()
    serves(first, {"127.0.0.3"})
    assert {entry["server"] for entry in node.kept(ZONE)} == {
        f"default {server.host}:{server.port}" for server in (first, second)
    }


@pytest.mark.parametrize("kind", ["named", "knotd", "pdns"])
def test_a_wrong_secret_is_one_sentence_and_no_secret_in_it(kind, dns_server, daemon, watch, key):
    server = dns_server(kind, f"{NAME}. 5 IN A 127.0.0.2")
    wrong = type(key)(name=key.name)
    node = daemon(watch("rfc2136", server, update_credentials=wrong.credentials))
    error = until(lambda: (node.kept(ZONE) or [{"error": ""}])[0]["error"], "an error in /health")
    assert key.name in error or "key" in error
    assert wrong.secret not in node.log + error
    assert server.addresses(NAME) == {"127.0.0.2"}


def test_unsigned_updates_where_the_server_allows_them(dns_server, daemon, watch):
    server = dns_server("named", allowed=(), open_to_all=True)
    daemon(watch("rfc2136", server, update_credentials=""))
    serves(server, ALL4)


def test_a_wrong_ttl_is_repaired_once_and_then_left(dns_server, daemon, watch, key):
    server = dns_server("named")
    node = daemon(watch("rfc2136", server))
    serves(server, ALL4)

    def other_ttl(update):
        update.delete(f"{NAME}.", "A")
        for address in sorted(ALL4):
            update.add(f"{NAME}.", 77, "A", address)

    meddle(server, key, other_ttl)
    until(lambda: server.ttl(NAME) == 5, "the TTL is repaired")
    meddle(server, key, other_ttl)
    node.logged("TTL 5 was written, but 77 is served; left so")
    serial = server.serial(ZONE)
    node.looks(ZONE, 3)
    assert (server.ttl(NAME), server.serial(ZONE)) == (77, serial)


def test_shadow_mode_writes_nothing_and_says_what_it_would(dns_server, daemon, watch):
    server = dns_server("named", f"{NAME}. 5 IN A 127.0.0.2")
    serial = server.serial(ZONE)
    node = daemon(watch("rfc2136", server, mode="shadow"))
    node.logged("shadow mode, not written: add 127.0.0.3 (up); add ::1 (up)")
    assert server.serial(ZONE) == serial


def test_services_on_different_providers(dns_server, daemon, watch, endpoints, key):
    first, second = dns_server("named"), dns_server("knotd")
    config = watch("rfc2136", first)
    config["providers"] = {
        "knot": {
            "update_method": "knsupdate",
            "update_credentials": key.credentials,
            "update_resolvers": [f"127.0.0.1:{second.port}"],
        }
    }
    config["services"].append({**config["services"][0], "fqdn": f"api.{ZONE}", "provider": "knot"})
    daemon(config)
    serves(first, ALL4)
    serves(second, ALL4, name=f"api.{ZONE}")
    assert second.addresses(NAME) == set()
    assert first.addresses(f"api.{ZONE}") == set()


def test_a_key_file_given_by_path(dns_server, daemon, watch, key, tmp_path):
    server = dns_server("named")
    (tmp_path / "rr.key").write_text(
        f'key "{key.name}" {{\n  algorithm {key.algorithm};\n  secret "{key.secret}";\n}};\n'
    )
    daemon(watch("rfc2136", server, update_credentials="file:rr.key"))
    serves(server, ALL4)
