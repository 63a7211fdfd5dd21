"""Who gets hold of the process tries to get out; each attempt is made for real, in a process that is locked in."""

import os
import socket

import pytest

from support.locked import inside
from support.ports import free_port

FILES, PORTS, SCOPES = 1, 4, 6
"""The ABI of Landlock that refuses it."""

OUTSIDE = {
    "reads the passwords": (FILES, "EACCES", "open('/etc/shadow').read()"),
    "reads a file beside": (FILES, "EACCES", "open({secret!r}).read()"),
    "lists a folder beside": (FILES, "EACCES", "os.listdir({outside!r})"),
    "follows a link out of its own folder": (FILES, "EACCES", "open({link!r}).read()"),
    "reads another process's environment": (
        FILES,
        "EACCES",
        "open(f'/proc/{{os.getppid()}}/environ').read()",
    ),
    "reads another process's memory": (FILES, "EACCES", "open(f'/proc/{{os.getppid()}}/mem', 'rb').read(1)"),
    "writes beside": (FILES, "EACCES", "open({outside!r} + '/new', 'w')"),
    "writes to the configuration": (FILES, "EACCES", "open({config!r}, 'a')"),
    "removes a file beside": (FILES, "EACCES", "os.unlink({secret!r})"),
    "makes a folder in /": (FILES, "EACCES", "os.mkdir('/rrdnsd-was-here')"),
    "moves a file in": (FILES, "EXDEV EACCES", "os.rename({secret!r}, {state!r} + '/moved')"),
    "links a file in": (FILES, "EXDEV EACCES", "os.link({secret!r}, {state!r} + '/linked')"),
    "makes a device": (FILES, "EACCES EPERM", "os.mknod({state!r} + '/disk', 0o60600, os.makedev(8, 0))"),
    "connects to another port": (PORTS, "EACCES", "tcp({port})"),
    "listens on another port": (PORTS, "EACCES", "listen({free})"),
    "signals its parent": (SCOPES, "EPERM", "os.kill(os.getppid(), 0)"),
}
ABSTRACT = "socket.socket(socket.AF_UNIX).connect({abstract!r})"

CALLS = {
    "runs a shell": "subprocess.run(['/bin/sh', '-c', 'true'])",
    "becomes a shell": "os.execv('/bin/sh', ['sh', '-c', 'true'])",
    "becomes a file of memory": "os.execve(os.open('/bin/true', os.O_PATH), ['true'], {{}})",
    "traces its parent": "call('ptrace', 16, os.getppid(), 0, 0)",
    "reads memory by number": "call('process_vm_readv', os.getppid(), 0, 0, 0, 0, 0)",
    "mounts": "call('mount', 0, 0, 0, 0, 0)",
    "makes a namespace": "call('unshare', 0x10000000)",
    "clones into a namespace": "call('clone', 0x10000000 | 17, 0, 0, 0, 0)",
    "enters a namespace": "call('setns', os.open('/proc/self/ns/net', os.O_RDONLY), 0)",
    "changes its root": "os.chroot('/usr')",
    "loads a module": "call('init_module', 0, 0, 0)",
    "loads a BPF program": "call('bpf', 0, 0, 0)",
    "looks at performance": "call('perf_event_open', 0, 0, -1, -1, 0)",
    "asks for a key": "call('keyctl', 0, 0)",
    "uses io_uring": "call('io_uring_setup', 8, 0)",
    "handles page faults": "call('userfaultfd', 0)",
    "sets the clock": "__import__('time').clock_settime(0, __import__('time').time())",
    "renames the machine": "socket.sethostname('x')",
    "reboots": "call('reboot', 0, 0, 0, 0)",
    "opens a raw socket": "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
    "opens a raw socket of IPv6": "socket.socket(socket.AF_INET6, socket.SOCK_RAW, 58)",
}
OTHER_ERRORS = {
    "hides the flags of a clone": ("ENOSYS", "call('clone3', 0, 0)"),
    "listens to packets": ("EAFNOSUPPORT", "socket.socket(17, socket.SOCK_RAW)"),
    "talks to the Bluetooth stack": ("EAFNOSUPPORT", "socket.socket(31, socket.SOCK_RAW)"),
}
FREE = {
    "becomes another user": ("EPERM", "os.setresuid(4242, 4242, 4242)"),
    "has no capability left": ("done", "assert not any(__import__('rrdnsd.daemon.sandbox.capabilities', fromlist=['x']).status().values())"),
    "gains no privileges": ("done", "assert 'NoNewPrivs:\\t1' in open('/proc/self/status').read()"),
    "leaves no core": ("done", "assert libc.prctl(3, 0, 0, 0, 0) == 0"),
    "the same in a thread": ("done", "import concurrent.futures as c\nassert c.ThreadPoolExecutor(1).submit(os.access, '/etc/hosts', 0).result()"),
}  # fmt: skip

PERMITTED = {
    "reads its configuration": "open({config!r}).read()",
    "reads the configuration that took its place": "outside('''Path({config!r} + '.new').write_text('new'); os.rename({config!r} + '.new', {config!r})'''); assert open({config!r}).read() == 'new'",
    "writes and renames in its state": "Path({state!r} + '/a').write_text('x'); os.rename({state!r} + '/a', {state!r} + '/b')",
    "makes a folder in its state": "os.makedirs({state!r} + '/deep/er'); os.rename({state!r} + '/b', {state!r} + '/deep/er/b')",
    "truncates in its state": "os.truncate({state!r} + '/deep/er/b', 0)",
    "makes its socket": "s = socket.socket(socket.AF_UNIX); s.bind({run!r} + '/api.sock'); os.unlink({run!r} + '/api.sock')",
    "throws away": "open('/dev/null', 'w').write('x')",
    "is random": "open('/dev/urandom', 'rb').read(1)",
    "resolves names": "socket.getaddrinfo('localhost', 80)",
    "knows the time zone": "__import__('time').tzset()",
    "imports late": "import aiohttp, dns.asyncquery, sqlite3, xml.dom.minidom, grpc, apprise, lexicon.client",
    "trusts the system's authorities": "import ssl; ssl.create_default_context()",
    "starts threads": "t = threading.Thread(target=print, args=('',)); t.start(); t.join()",
    "listens for its peers": "listen({local})",
    "sends UDP": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', {port}))",
    "signals itself": "os.kill(os.getpid(), 0)",
    "looks at interfaces": "socket.if_nameindex(); socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)",
}  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """What lies outside, and somebody who listens on a port that the configuration does not name."""
    home = tmp_path_factory.mktemp("sandbox")
    names = {name: home / name for name in ("own", "outside", "state", "run")}
    for folder in names.values():
        folder.mkdir()
    (names["outside"] / "secret").write_text("x")
    (names["state"] / "link").symlink_to(names["outside"] / "secret")
    listener = socket.create_server(("127.0.0.1", 0))
    abstract = socket.socket(socket.AF_UNIX)
    abstract.bind("\0rrdnsd-test-" + os.urandom(8).hex())
    abstract.listen()
    with listener, abstract:
        yield {
            **{name: str(folder) for name, folder in names.items()},
            "secret": str(names["outside"] / "secret"),
            "link": str(names["state"] / "link"),
            "config": str(names["own"] / "rrdnsd.json"),
            "port": listener.getsockname()[1],
            "free": free_port(),
            "local": free_port(),
            "abstract": abstract.getsockname(),
            "home": names["own"],
        }


@pytest.fixture(scope="module")
def tried(world):
    """All attempts, in one process."""
    node = f"127.0.0.1:{world['local']}"
    config = {
        "local_node": node,
        "nodes": [node],
        "state_dir": world["state"],
        "api": {"socket": world["run"] + "/api.sock"},
    }
    attempts = {name: code for name, (_, _, code) in OUTSIDE.items()}
    attempts |= {name: code for name, (_, code) in {**OTHER_ERRORS, **FREE}.items()}
    attempts |= CALLS | PERMITTED | {"abstract": ABSTRACT}
    made = {name: code.format(**world) for name, code in attempts.items()}
    return inside(world["home"], config, made)


@pytest.mark.parametrize("what", OUTSIDE)
def test_what_landlock_refuses(tried, what):
    since, error, _ = OUTSIDE[what]
    if tried["kernel"]["landlock"] >= since:
        assert tried["found"][what] in error.split()
    else:
        assert tried["found"][what] != "SyntaxError"


def test_an_abstract_socket(tried):
    assert tried["found"]["abstract"] == ("EPERM" if tried["kernel"]["landlock"] >= SCOPES else "done")


@pytest.mark.parametrize("what", CALLS)
def test_calls_that_nothing_needs(tried, what):
    assert tried["found"][what] == "EPERM"


@pytest.mark.parametrize("what", [*OTHER_ERRORS, *FREE])
def test_calls_with_other_answers(tried, what):
    assert tried["found"][what] == {**OTHER_ERRORS, **FREE}[what][0]


@pytest.mark.parametrize("what", PERMITTED)
def test_what_is_permitted(tried, what):
    assert tried["found"][what] == "done"


def test_nothing_is_in_the_way_of_the_kernel(tried):
    assert tried["troubles"] == []
    assert tried["kernel"]["seccomp"]


def test_without_the_sandbox_all_of_it_is_there(world, tmp_path):
    """The attempts above fail because of the sandbox, not by themselves."""
    names = ("reads a file beside", "writes beside", "connects to another port", "listens on another port")
    names += ("signals its parent", "follows a link out of its own folder")
    attempts = {name: OUTSIDE[name][2].format(**world) for name in names}
    attempts |= {name: CALLS[name].format(**world) for name in ("runs a shell",)}
    found = inside(tmp_path, {"sandbox": False}, attempts)
    assert found["found"] == dict.fromkeys(attempts, "done")
