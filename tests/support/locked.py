"""Runs pieces of code inside of the sandbox that a configuration leads to, in a process of their own."""

import json
import subprocess
import sys

INSIDE = r"""
import ctypes, errno, json, os, signal, socket, subprocess, sys, threading
from pathlib import Path
from rrdnsd.compose import state_dir
from rrdnsd.compose.confinement import confine
from rrdnsd.config.loader import load_raw

asked, answered = socket.socketpair()
if os.fork() == 0:
    # Somebody who is not locked in.
    asked.close()
    while code := answered.recv(65536):
        exec(code)
        answered.send(b"done")
    os._exit(0)
answered.close()

given = json.loads(sys.argv[2])
loaded = load_raw(Path(sys.argv[1]), os.environ)
made = confine(loaded, state_dir(loaded.config, os.environ), os.environ)
libc = ctypes.CDLL(None, use_errno=True)

numbers = ctypes.CDLL("libseccomp.so.2")

def call(name, *values):
    number = numbers.seccomp_syscall_resolve_name(name.encode())
    assert number >= 0, name
    if libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, values)) < 0:
        raise OSError(ctypes.get_errno(), "")

def outside(code):
    asked.send(code.encode())
    assert asked.recv(10) == b"done"

def tcp(port):
    with socket.socket() as sock:
        sock.settimeout(2)
        sock.connect(("127.0.0.1", port))

def listen(port):
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))

found = {}
for name, code in given.items():
    try:
        exec(code)
    except OSError as error:
        found[name] = errno.errorcode.get(error.errno, str(error))
    except BaseException as error:
        found[name] = f"{type(error).__name__}: {error}"
    else:
        found[name] = "done"
kernel = made.confined and {"landlock": made.confined.kernel.landlock, "seccomp": made.confined.kernel.seccomp}
print(json.dumps({"found": found, "kernel": kernel, "troubles": made.confined and made.confined.troubles}))
"""


def service(**more):
    return {
        "fqdn": "a.example.test",
        "zone": "example.test",
        "healthcheck": "tcp://{}:1",
        "ipaddrs": ["127.0.0.1"],
        **more,
    }


def inside(folder, config, attempts, **env):
    """Run each attempt in one process that is locked in; what it gave, an error's name or `done`, by its name."""
    path = folder / "rrdnsd.json"
    whole = {"local_node": "127.0.0.1:1", "nodes": ["127.0.0.1:1"], "services": [service()], **config}
    path.write_text(json.dumps(whole))
    words = [sys.executable, "-P", "-c", INSIDE, str(path), json.dumps(attempts)]
    plain = {"PATH": "/usr/bin:/bin", "HOME": "/root"}
    ended = subprocess.run(
        words, capture_output=True, text=True, timeout=110, env={**plain, **env}, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])
