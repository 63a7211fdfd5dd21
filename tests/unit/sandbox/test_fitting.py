"""The sandbox allows what the configuration needs and no more."""

import pytest

from rrdnsd.config.schema import Config
from rrdnsd.daemon.sandbox import landlock, seccomp, telling
from rrdnsd.daemon.sandbox.allowance import Allowance, Place, Port, Right, beyond, merged
from rrdnsd.daemon.sandbox.enforcing import Kernel, shortcomings
from rrdnsd.daemon.sandbox.fitting import allowance
from rrdnsd.daemon.sandbox.hint import hint
from rrdnsd.daemon.sandbox.machine import Machine

BUILT_IN = {
    "rrdnsd.probes": frozenset({"tcp", "http", "icmp", "script"}),
    "rrdnsd.providers": frozenset({"builtin", "rfc2136", "nsupdate", "script", "zonefile", "powerdns"}),
    "rrdnsd.notifiers": frozenset({"webhook", "script", "apprise"}),
}


def machine(**facts):
    return Machine(**{"config_file": "/etc/rrdnsd/rrdnsd.json", "built_in": BUILT_IN, **facts})


def config(healthcheck="http://{}:8080/", **more):
    service = {
        "fqdn": "a.example.test",
        "zone": "example.test",
        "healthcheck": healthcheck,
        "ipaddrs": ["192.0.2.1"],
    }
    node = "127.0.0.1:3333"
    return Config.model_validate({"local_node": node, "nodes": [node], "services": [service], **more})


def fitted(*args, facts=None, **more):
    return allowance(config(*args, **more), machine(**(facts or {})))


def paths(allowed, right):
    return {place.path for place in allowed.places if place.right is right}


def numbers(allowed):
    return {port.number for port in allowed.connect}


def test_the_least():
    allowed = fitted()
    assert numbers(allowed) == {53, 80, 443, 3333, 8080}
    assert [port.number for port in allowed.bind] == [3333, 5300]
    assert (allowed.programs, allowed.any_port, allowed.raw_sockets, allowed.signals) == ("", "", "", "")
    assert (paths(allowed, Right.WRITE), paths(allowed, Right.EXECUTE), allowed.capabilities) == (
        set(),
        set(),
        (),
    )


@pytest.mark.parametrize(
    ("more", "port"),
    [
        ({"update_method": "rfc2136", "update_resolvers": ["192.0.2.1:5353"]}, 5353),
        ({"update_method": "powerdns", "update_options": {"url": ["http://192.0.2.1:8081"]}}, 8081),
        ({"update_method": "zonefile", "update_options": {"control": "127.0.0.1:8952"}}, 8952),
        ({"builtin": {"notify": ["192.0.2.1:5354"]}}, 5354),
        ({"connectivity_check": ["tcp://192.0.2.1:2222"]}, 2222),
        ({"nodes": ["127.0.0.1:3333", "127.0.0.1:3334"]}, 3334),
        ({"notifiers": [{"type": "webhook", "url": "https://example.test:8443/x"}]}, 8443),
        ({"notifiers": [{"type": "apprise", "url": "mailto://me@example.test"}]}, 587),
        ({"sandbox": {"connect_ports": [22]}}, 22),
        ({"facts": {"env": {"HTTPS_PROXY": "http://proxy.example.test:3128"}}}, 3128),
    ],
)  # fmt: skip
def test_ports_that_are_connected_to(more, port):
    assert port in numbers(fitted(**more))
    assert port not in numbers(fitted())


def test_every_port_has_its_reason():
    found = {port.number: port.reason for port in fitted().connect}
    assert found[8080] == "probe of a.example.test"


@pytest.mark.parametrize(
    ("facts", "more", "path", "right"),
    [
        ({"state_dir": "/var/lib/rrdnsd"}, {}, "/var/lib/rrdnsd", Right.WRITE),
        ({"socket": "/run/rrdnsd/api.sock"}, {}, "/run/rrdnsd", Right.SOCKET),
        ({"credentials": "/run/credentials/rrdnsd"}, {}, "/run/credentials/rrdnsd", Right.READ),
        ({"files": (("update_credentials", "/srv/keys/rr"),)}, {}, "/srv/keys", Right.READ),
        ({"files": (("update_credentials", "/srv/rr"),)}, {}, "/srv/rr", Right.READ),
        ({}, {"sandbox": {"write": ["/srv/x"]}}, "/srv/x", Right.WRITE),
        ({}, {"sandbox": {"execute": ["/opt/x"]}}, "/opt/x", Right.EXECUTE),
        ({}, {"update_method": "nsupdate"}, "/usr/bin/nsupdate", Right.EXECUTE),
        (
            {},
            {"update_method": "zonefile", "update_options": {"file": "/etc/nsd/zones/{zone}.zone"}},
            "/etc/nsd/zones",
            Right.WRITE,
        ),
        ({"root": False}, {}, "/etc", Right.READ),
        ({"root": True}, {}, "/etc/resolv.conf", Right.READ),
    ],
)  # fmt: skip
def test_places(facts, more, path, right):
    assert path in paths(fitted(facts=facts, **more), right)


def test_root_does_not_read_all_of_etc():
    allowed = fitted(facts={"root": True, "config_file": "/etc/rrdnsd/rrdnsd.json"})
    assert not allowed.covers("/etc/shadow", Right.READ)
    assert allowed.covers("/etc/rrdnsd/rrdnsd.json", Right.READ)


@pytest.mark.parametrize("folder", ["/etc", "/root", "/home/me", "/srv/conf.d"])
def test_a_configuration_that_is_replaced_by_renaming_can_be_read_again(folder):
    facts = {"root": True, "config_file": f"{folder}/rrdnsd.json", "env": {"HOME": "/home/me"}}
    assert (f"{folder}", Right.READ) in {(place.path, place.right) for place in fitted(facts=facts).places}


def test_a_configuration_in_the_root_folder_opens_nothing_else():
    assert not fitted(facts={"root": True, "config_file": "/rrdnsd.json"}).covers("/data", Right.READ)


def test_a_tool_gets_less_than_a_script():
    tool = fitted(update_method="nsupdate")
    assert (tool.programs, tool.any_port, tool.signals) == ("provider default", "", "")
    assert not tool.covers("/usr/bin/python3", Right.EXECUTE)
    assert not tool.covers("/tmp/x", Right.WRITE)
    script = fitted("script:///opt/checks/ssh")
    assert script.any_port.startswith("only its author knows where it connects to: probe of a.example.test")
    assert script.covers("/opt/checks/ssh", Right.EXECUTE)
    assert script.covers("/usr/bin/python3", Right.EXECUTE)
    assert script.covers("/tmp/x", Right.WRITE)
    assert not script.covers("/srv/x", Right.READ)


def test_the_ports_of_a_script_can_be_bounded():
    assert not fitted("script:///opt/x", sandbox={"connect_ports": []}).any_port


def test_the_interpreter_of_a_script():
    facts = {"interpreter": {"/opt/a/check": "/srv/python/bin/python3"}.get}
    allowed = allowance(
        config("script:///opt/a/check"), machine(interpreter=lambda p: facts["interpreter"](p, ""))
    )
    assert allowed.covers("/srv/python/bin/python3", Right.EXECUTE)


def test_a_strangers_plug_in_connects_where_it_likes_and_runs_nothing():
    allowed = fitted(update_method="mine")
    assert (allowed.any_port, allowed.programs) == (
        "only its author knows where it connects to: update method mine",
        "",
    )


@pytest.mark.parametrize("raw", [True, False])
def test_pings(raw):
    allowed = fitted("icmp://{}", facts={"pings_raw": lambda: raw})
    assert bool(allowed.raw_sockets) is raw
    assert [c.name for c in allowed.capabilities] == (["CAP_NET_RAW"] if raw else [])


def test_low_ports_and_foreign_files():
    low = fitted(builtin={"listen": ["127.0.0.1:53"]})
    assert [c.name for c in low.capabilities] == ["CAP_NET_BIND_SERVICE"]
    assert not fitted(builtin={"listen": ["127.0.0.1:53"]}, facts={"low_ports": 0}).capabilities
    foreign = fitted(facts={"root": True, "state_dir": "/var/lib/rrdnsd", "foreign": lambda p: "lib" in p})
    assert [c.name for c in foreign.capabilities] == ["CAP_DAC_OVERRIDE"]


def test_what_lies_beyond():
    allowed = fitted()
    assert beyond(allowed, fitted()) == []
    assert beyond(allowed, fitted("tcp://{}:8443")) == [
        (
            "TCP port 8443 (probe of a.example.test) is outside of what the sandbox allows since the start; restart"
            " rrdnsd, or list it under sandbox.connect_ports"
        )
    ]
    assert beyond(allowed, fitted("http://{}:443/")) == []
    told = beyond(allowed, fitted("script:///opt/checks/ssh"))
    assert any(sentence.startswith("running a program (probe of a.example.test)") for sentence in told)
    assert any("under sandbox.execute" in sentence for sentence in told)


def test_what_the_kernel_does_not_enforce_is_not_beyond():
    wanted = fitted("tcp://{}:8443")
    assert beyond(landlock.in_force(fitted(), 3), wanted) == []
    assert beyond(landlock.in_force(fitted(), 4), wanted)


def test_two_configurations_together():
    both = merged(fitted(), fitted("tcp://{}:8443", state_dir="/x"))
    assert numbers(both) == {53, 80, 443, 3333, 8080, 8443}
    assert {port.number: port.reason for port in both.connect}[8080] == "probe of a.example.test"


ALLOWED = Allowance(
    places=(Place("/r", Right.READ, "x"), Place("/w", Right.WRITE, "x"), Place("/w", Right.READ, "x")),
    connect=(Port(53, "x"),),
    bind=(Port(3333, "x"),),
)


@pytest.mark.parametrize(
    ("abi", "files", "ports", "scopes", "flags"),
    [
        (0, 0, 0, 0, 0),
        (1, 0x1FFF, 0, 0, 0),
        (2, 0x3FFF, 0, 0, 0),
        (3, 0x7FFF, 0, 0, 0),
        (4, 0x7FFF, 3, 0, 0),
        (5, 0xFFFF, 3, 0, 0),
        (6, 0xFFFF, 3, 3, 0),
        (7, 0xFFFF, 3, 3, 2),
        (9, 0xFFFF, 3, 3, 2),
    ],
)
def test_each_abi_of_landlock_is_told_what_it_knows(abi, files, ports, scopes, flags):
    made = landlock.rules(ALLOWED, abi)
    assert (made.handled_files, made.handled_ports, made.scopes, made.flags) == (files, ports, scopes, flags)
    assert all(bits & ~files == 0 for _, bits in made.paths)
    assert made.ports == (((53, 2), (3333, 1)) if ports else ())
    assert dict(made.paths) == ({} if not files else {"/r": 0b1100, "/w": dict(made.paths)["/w"]})


def test_what_is_missing_is_said():
    assert shortcomings(Kernel(7, seccomp=True)) == ()
    assert shortcomings(Kernel(2, seccomp=True)) == ()
    (landlock_missing, library_missing) = shortcomings(Kernel(0, seccomp=False))
    assert "Landlock" in landlock_missing
    assert "apt install libseccomp2" in library_missing


def test_programs_and_raw_sockets_are_let_through_only_where_they_are_needed():
    without = {rule.call for rule in seccomp.refused(Allowance())}
    assert {"execve", "execveat", "mount", "ptrace", "bpf"} <= without
    assert {"execve", "execveat"}.isdisjoint({r.call for r in seccomp.refused(Allowance(programs="x"))})
    raw = [rule for rule in seccomp.refused(Allowance()) if rule.call == "socket" and len(rule.when) > 1]
    assert len(raw) == 2
    assert not [r for r in seccomp.refused(Allowance(raw_sockets="x")) if len(r.when) > 1]


@pytest.mark.parametrize(
    ("line", "more"),
    [
        ("the script said: /srv/x: Permission denied", "/srv/x is not in what it allows; see sandbox.read"),
        ("/r/x cannot be written: Permission denied", "/r/x is not in what it allows; see sandbox.write"),
        ("/w/x cannot be written: Permission denied", ""),
        ("/r/tool cannot be started: Operation not permitted", "list /r/tool under sandbox.execute"),
        (
            "Cannot connect to host 192.0.2.1:8443: Permission denied",
            "TCP port 8443 is not in what it allows",
        ),
        ("Cannot connect to host 192.0.2.1:53: Permission denied", ""),
        ("connection refused by 192.0.2.1:8443", ""),
    ],
)
def test_hints(line, more):
    found = hint(line, ALLOWED)
    assert more in found
    assert bool(found) is bool(more)


def test_it_is_told_in_lines_and_as_data():
    allowed = fitted("script:///opt/x", facts={"state_dir": "/var/lib/rrdnsd"})
    told = list(telling.lines(allowed, Kernel(2, seccomp=False)))
    assert "write    /var/lib/rrdnsd (state_dir)" in told
    assert any(line.startswith("connect  any TCP port (only its author knows") for line in told)
    assert told[-1] == "kernel   Landlock ABI 2: files; no seccomp: libseccomp.so.2 is missing"
    data = telling.as_data(allowed, Kernel(7, seccomp=True))
    assert data["kernel"] == {"landlock": 7, "seccomp": True}
    assert "written to: /var/lib/rrdnsd" in telling.line(allowed)
