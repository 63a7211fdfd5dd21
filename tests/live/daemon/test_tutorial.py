"""Every command of docs/tutorial.md, typed into a shell of its own on a machine of its own: private mounts and network."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.daemon import until

PAGE = (Path(__file__).parents[3] / "docs" / "tutorial.md").read_text()
BOTH = "127.0.0.2\n127.0.0.3\n"

MACHINE = """
mount -t proc proc /proc
mount --bind "$1/bind" /etc/bind
for folder in /var/lib/bind /var/cache/bind; do
  mount -t tmpfs tmpfs "$folder"
  chown bind:bind "$folder"
done
mount -t tmpfs tmpfs /run
install -d -o bind -g bind /run/named
ip link set lo up
named -u bind -f &
until dig +time=1 +tries=1 @127.0.0.1 localhost SOA >/dev/null; do :; done
"""


class Shell:
    """A bash of which one block of commands after the other is asked for its output."""

    def __init__(self, *command, env):
        pipe = subprocess.PIPE
        self._bash = subprocess.Popen(
            command,
            env=env,
            stdin=pipe,
            stdout=pipe,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, text):
        self._bash.stdin.write(f"{text}\necho; echo end of output\n")
        self._bash.stdin.flush()
        lines = []
        while (line := self._bash.stdout.readline()) != "end of output\n":
            assert line, f"the shell ended: {''.join(lines)}"
            lines.append(line)
        return "".join(lines).removesuffix("\n")

    def close(self):
        self._bash.kill()  # with it, by --kill-child, all that runs on this machine
        self._bash.wait(10)
        self._bash.stdin.close()
        self._bash.stdout.close()


def may_not():
    if (
        os.geteuid()
        or subprocess.run(
            ["unshare", "--mount", "--net", "true"], check=False, capture_output=True
        ).returncode
    ):
        return "a machine of its own needs root"
    return "" if Path("/etc/bind/rndc.key").exists() else "BIND is not installed as Debian does it"


@pytest.fixture
def shell(tmp_path):
    reason = may_not()
    if reason:
        pytest.skip(reason)
    home, stubs = tmp_path / "home", tmp_path / "stubs"
    home.mkdir()
    stubs.mkdir()
    subprocess.run(["cp", "-a", "/etc/bind", tmp_path / "bind"], check=True)
    (stubs / "sudo").write_text('#!/bin/sh\nexec "$@"\n')
    (stubs / "apt-get").write_text("#!/bin/sh\n")
    for stub in stubs.iterdir():
        stub.chmod(0o755)
    env = {**os.environ, "HOME": str(home), "PATH": f"{stubs}:{os.environ['PATH']}"}
    made = Shell(
        "unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "bash", "-s", tmp_path, env=env
    )
    made.run(MACHINE)
    yield made
    made.close()


def test_every_command_of_the_tutorial(shell):
    blocks = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    texts = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    (
        install,
        build,
        keys,
        zone,
        named,
        endpoints,
        init,
        configure,
        start,
        kill_two,
        revive,
        drain,
        explain,
        undrain,
        dashboard,
        kill_both,
        health,
        stop,
    ) = blocks
    assert shell.run(install) == ""
    assert "pip install ." in build
    shell.run(f"mkdir -p ~/rrdnsd && ln -s {Path(sys.executable).parent} ~/rrdnsd/bin")
    *_, path, version = build.splitlines()
    assert shell.run(f"{path}\n{version}").startswith("rrdnsd ")
    assert shell.run(keys + zone) == ""
    printed = shell.run(named)
    assert re.search(r"`(ns\.demo\.test\. .*)`", PAGE)[1] + "\n" == printed
    assert shell.run(endpoints) == ""
    until(lambda: shell.run("curl -s 127.0.0.2:8080 127.0.0.3:8080") == "hello\nhello\n", "two endpoints")
    tried, _, proposed = shell.run(init).partition("\n{")
    assert "permitted" in tried
    written = json.loads(re.search(r"'END'\n(.*)\nEND", configure, re.DOTALL)[1])
    made = json.loads("{" + proposed)
    assert {key for key, value in written.items() if made.get(key) != value} == {
        "probe_interval_ms",
        "update_credentials",
        "api",
    }
    assert shell.run(configure) == (
        "rrdnsd.json: ok, 1 service, 2 endpoints, update method rfc2136\n" + texts[0]
    )

    def shows(block, answer):
        *commands, dig = [
            line for line in block.splitlines() if not line.startswith(("sleep", "cat rrdnsd.log"))
        ]
        assert dig == "dig @127.0.0.1 www.demo.test +short"
        shell.run("\n".join(commands))
        until(lambda: shell.run(f"{dig} | sort") == answer, lambda: f"{answer} after {commands}")

    shows(start, BOTH)
    shows(kill_two.replace("cat rrdnsd.log\n", ""), "127.0.0.2\n")
    told = texts[1].splitlines()
    until(
        lambda: all(line in shell.run("cat rrdnsd.log") for line in told), lambda: shell.run("cat rrdnsd.log")
    )
    shows(revive, BOTH)
    shows(drain, "127.0.0.2\n")
    assert "not in DNS: drained by root: new kernel" in shell.run(explain)
    shows(undrain, BOTH)
    assert shell.run(dashboard) == "www.demo.test\n"
    shows(kill_both, BOTH)
    until(lambda: "all stay published" in shell.run("cat rrdnsd.log"), "fail-open")
    shows(kill_both.replace("kill", "true"), BOTH)
    assert '"endpoints":{"down":2}' in shell.run(health)
    shows(stop, BOTH)
    until(lambda: "the records stay as they are" in shell.run("cat rrdnsd.log"), "the end")
