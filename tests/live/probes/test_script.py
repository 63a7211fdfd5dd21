import asyncio
import os
import re
from pathlib import Path
from time import monotonic

import pytest

from support.endpoints import OK, Asker, answering, answering_once, ask, endpoint, probe
from support.healthy import PLUGINS
from support.ports import free_port


@pytest.fixture
def script(tmp_path):
    def script(text, *args, address="127.0.0.1", **settings):
        path = tmp_path / "check"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        given = args or ("{}",)
        return probe(f"script://{path}", address, options={"args": given}, **{"timeout": 20.0, **settings})

    return script


def plugin(name, *args, **settings):
    return probe(f"script://{PLUGINS}/{name}", options={"args": args}, **{"timeout": 20.0, **settings})


async def test_a_plugin_finds_a_real_server_up_and_down():
    with endpoint(answering()) as served:
        up = await ask(plugin("check_tcp", "-H", "{}", "-p", str(served.port)))
    assert (up.ok, up.reason) == (True, "")
    down = await ask(plugin("check_tcp", "-H", "{}", "-p", str(free_port())))
    assert not down.ok
    assert "refused" in down.reason.lower()
    assert "|" not in down.reason


async def test_a_plugin_that_warns_finds_its_endpoint_up():
    with endpoint(answering_once(OK.replace(b"200 OK", b"404 Gone"))) as served:
        result = await ask(plugin("check_http", "-I", "{}", "-p", str(served.port)))
    assert result.ok
    assert result.reason.startswith("HTTP WARNING: ")


async def test_the_usage_of_a_plugin_is_a_failure_with_its_text():
    result = await ask(plugin("check_tcp", "--no-such-option"))
    assert not result.ok
    assert result.reason.startswith("UNKNOWN")


@pytest.mark.parametrize(
    ("text", "ok", "reason"),
    [
        ("echo 'FINE - all well | time=1s'", True, ""),
        ("echo 'slow | time=9s'; echo more; exit 1", True, "WARNING: slow"),
        ("echo 'DISK CRITICAL - full'; exit 2", False, "DISK CRITICAL - full"),
        ("exit 3", False, "UNKNOWN"),
        ("echo oops >&2; exit 2", False, "CRITICAL: oops"),
        ("echo hm; exit 77", False, "the script ended with 77, which is no plugin's exit code: hm"),
        ("kill -9 $$", False, "the script was ended by signal 9"),
        (r"printf 'a\033[31m\377b'; exit 2", False, "CRITICAL: a?[31m\N{REPLACEMENT CHARACTER}b"),
        ("head -c 500 /dev/zero | tr '\\0' x; exit 2", False, f"CRITICAL: {'x' * 160}..."),
    ],
)
async def test_exit_codes_and_output(script, text, ok, reason):
    result = await ask(script(text))
    assert (result.ok, result.reason) == (ok, reason)


async def test_arguments_and_environment_and_no_shell(script, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_DAEMON", "x")
    asked = script(
        'echo "$*"; env | grep -v ^PWD= | sort | tr "\\n" " " >&2; exit 2', "-H", "{}", "$(id); rm x", "a{}b"
    )
    result = await ask(asked)
    assert result.reason == "CRITICAL: -H 127.0.0.1 $(id); rm x a127.0.0.1b"
    shown = await ask(script('env | cut -d= -f1 | sort | tr "\\n" " "; pwd; exit 2'))
    names = set(shown.reason.removeprefix("CRITICAL: ").split()) - {"_", "SHLVL", "OLDPWD"}
    assert names == {"LANG", "LC_ALL", "PATH", "PWD", "/"} | {
        f"RRDNSD_{name}" for name in ("ADDRESS", "HOST", "SERVICE", "TIMEOUT")
    }


def states_of_children():
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] for child in children]


def processes_of(mark):
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


async def gone(mark):
    deadline = monotonic() + 60
    while processes_of(mark):
        assert monotonic() < deadline, "processes are left"
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "text",
    [
        "exec sleep 1000",
        "trap '' TERM INT HUP; sleep 1000; sleep 1000",
        "for i in 1 2 3 4 5; do sleep 1000 & done; wait",
        "(sh -c 'sleep 1000 & sleep 1000' &) ; sleep 1000",
    ],
)
async def test_what_hangs_is_killed_with_all_it_started(script, text):
    mark = f"MARK={os.urandom(8).hex()}"
    result = await ask(script(f"export {mark}; {text}", timeout=0.4))
    assert (result.ok, result.reason) == (False, "timeout after 0.4 s")
    assert result.timings.total < 15
    await gone(mark)


async def test_what_it_leaves_behind_is_killed_and_not_waited_for(script):
    mark = f"MARK={os.urandom(8).hex()}"
    began = monotonic()
    result = await ask(script(f"export {mark}; sleep 1000 & echo done; exit 2", timeout=60.0))
    assert result.reason == "CRITICAL: done"
    assert monotonic() - began < 50
    await gone(mark)


@pytest.mark.parametrize(("text", "reason"), [
    ("yes", "the script wrote more than 1024 KiB"),
    ("yes >&2", "the script wrote more than 1024 KiB"),
    ("head -c 900000 /dev/zero | tr '\\0' x; exit 0", ""),
])  # fmt: skip
async def test_floods(script, text, reason):
    result = await ask(script(text, timeout=60.0))
    assert (result.ok, result.reason) == (not reason, reason)


async def test_no_zombies_are_left(script):
    asker = Asker()
    asked = script("exit 0", timeout=20.0)
    for _ in range(5):
        assert (await asker.ask(asked)).ok
    hanging = script("sleep 1000", timeout=0.1)
    assert not (await asker.ask(hanging)).ok
    await asker.close()
    assert "Z" not in states_of_children()


async def test_only_so_many_run_at_once(script, tmp_path):
    text = f"mktemp {tmp_path}/running.XXXXXX >/dev/null; ls {tmp_path} | grep -c running; while [ ! -e {tmp_path}/go ]; do sleep 0.05; done; exit 1"
    asked = [script(text, address=f"127.0.0.{n}", timeout=90.0) for n in range(1, 41)]
    asker = Asker()
    running = asyncio.gather(asker.ask_all(*asked))

    async def count():
        return len(list(tmp_path.glob("running.*")))

    deadline = monotonic() + 60
    while await count() < 16:
        assert monotonic() < deadline
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.3)  # for one too many to show itself
    assert await count() == 16
    (tmp_path / "go").touch()
    (results,) = await running
    assert all(result.ok for result in results)
    assert await count() == 40
    await asker.close()


async def test_what_cannot_be_run_is_told(tmp_path):
    path = tmp_path / "check"
    missing = await ask(probe(f"script://{path}"))
    assert missing.reason == "the script cannot be run: no such file or directory"
    path.write_text("no program")
    path.chmod(0o755)
    assert re.match(
        "the script cannot be run: exec format error", (await ask(probe(f"script://{path}"))).reason
    )
