"""Scripts that do as they should, and others."""

import asyncio
import collections
import json
import os
import time
from pathlib import Path

import pytest

from rrdnsd.core.telling import Severity
from rrdnsd.errors import NotifierError
from rrdnsd.notifiers.base import NotifierSpec
from rrdnsd.notifiers.message import Event, compose, trial
from rrdnsd.notifiers.script import MOST_OUTPUT, build
from support.daemon import until
from support.eventually import eventually


def script(text, timeout=60.0):
    return build(NotifierSpec("s", "script", command=("/bin/sh", "-c", text), timeout=timeout))


def message():
    return trial("10.0.0.1:3333", "s", 1_800_000_000.0)


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_it_reads_the_document_and_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_DAEMON", "x")
    sent = message()
    answer = await script(f"cat > {tmp_path}/in; env > {tmp_path}/env; echo thanks").send(sent)
    assert answer == "exit status 0: thanks"
    assert json.loads((tmp_path / "in").read_text()) == sent.document
    env = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines() if "=" in line)
    assert env["RRDNSD_ID"] == sent.id
    assert env["RRDNSD_TITLE"] == sent.title
    assert env["RRDNSD_TEST"] == "1"
    assert "SECRET_OF_THE_DAEMON" not in env


async def test_it_need_not_read_what_it_is_given():
    events = [
        Event(str(n), "endpoint", "down", True, Severity.WARNING, "x" * 300, "y" * 300, 0.0)
        for n in range(500)
    ]
    large = compose("n", 0.0, events, collections.Counter({("endpoint", "down"): 500}))
    assert len(large.body) > 300_000
    assert await script("exit 0").send(large) == "exit status 0"


async def test_another_exit_status_is_a_failure():
    with pytest.raises(NotifierError, match="exit status 3: no such user"):
        await script("echo no such user >&2; exit 3").send(message())


async def test_a_program_that_is_not_there():
    notifier = build(NotifierSpec("s", "script", command=("/nonexistent/tell",)))
    with pytest.raises(NotifierError, match="/nonexistent/tell cannot be started: No such file"):
        await notifier.send(message())


async def test_one_that_hangs_is_killed_with_its_children(tmp_path):
    began = time.monotonic()
    with pytest.raises(NotifierError, match=r"not done within 5 s, killed"):
        await script(f"sleep 600 & echo $! > {tmp_path}/pid; trap '' TERM; sleep 600", 5.0).send(message())
    assert time.monotonic() - began < 60
    child = int((tmp_path / "pid").read_text())
    until(lambda: not is_running(child), "the child is gone")


async def test_what_it_leaves_running_is_killed(tmp_path):
    assert await script(f"sleep 600 & echo $! > {tmp_path}/pid; exit 0").send(message()) == "exit status 0"
    child = int((tmp_path / "pid").read_text())
    until(lambda: not is_running(child), "the child is gone")


async def test_one_that_leaves_its_group_and_keeps_the_output_open_is_not_waited_for(tmp_path):
    began = time.monotonic()
    text = f"setsid sh -c 'echo $$ > {tmp_path}/pid; exec sleep 600' & while ! [ -s {tmp_path}/pid ]; do sleep 0.01; done"
    assert await script(text).send(message()) == "exit status 0"
    assert time.monotonic() - began < 60
    os.kill(int((tmp_path / "pid").read_text()), 9)


async def test_one_that_floods_is_killed_and_its_output_is_not_kept():
    began = time.monotonic()
    with pytest.raises(NotifierError, match=f"it wrote more than {MOST_OUTPUT} bytes, killed"):
        await script("yes flood", 60.0).send(message())
    assert time.monotonic() - began < 50


async def test_a_cancelled_delivery_leaves_nothing_behind(tmp_path):
    task = asyncio.create_task(script(f"echo $$ > {tmp_path}/pid; sleep 600").send(message()))
    await eventually(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    pid = int((tmp_path / "pid").read_text())
    until(lambda: not is_running(pid), "it is gone")
