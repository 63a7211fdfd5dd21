"""The process around the tools, with small shell scripts in their place."""

import asyncio
import os
import stat
from pathlib import Path

import pytest

from rrdnsd.errors import ProviderError
from rrdnsd.providers import knsupdate, nsupdate
from rrdnsd.providers.base import Resolver
from rrdnsd.providers.keys import TsigKey
from rrdnsd.providers.message import Reply
from rrdnsd.providers.outcome import Denied, Stale, TooBig, Written
from rrdnsd.providers.server import connect
from rrdnsd.providers.tool import Result, Tool, ToolSender
from support.changes import change, named, rrset
from support.ports import free_port

KEY = TsigKey("rrkey", "hmac-sha256", b"a secret of thirty-two bytes....")
CHANGES = [named(change("www.example.test", None, rrset("192.0.2.1")))]


def sender(path, read=nsupdate.read, timeout=30.0, port=1):
    server = connect(Resolver("127.0.0.1", port), KEY, timeout)
    return ToolSender(Tool(str(path), "some-package", read), server)


@pytest.fixture
def script(tmp_path):
    """Writes a shell script and gives its path."""

    def write(*lines):
        path = tmp_path / "tool"
        path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    return write


async def test_success(script):
    path = script("cat > /dev/null")
    await sender(path).check()
    assert await sender(path).send("example.test", CHANGES) == Written()


async def test_the_key_goes_over_standard_input_and_nowhere_else(script, tmp_path):
    path = script(
        f'cat > {tmp_path}/input; echo "$@" > {tmp_path}/arguments; /usr/bin/env > {tmp_path}/environment'
    )
    await sender(path).send("example.test", CHANGES)
    assert f"key hmac-sha256:rrkey {KEY.base64}\n" in (tmp_path / "input").read_text()
    assert (tmp_path / "arguments").read_text() == "-v -t 30 -r 0\n"
    assert KEY.base64 not in (tmp_path / "environment").read_text()
    assert {path.name for path in tmp_path.iterdir()} == {"tool", "input", "arguments", "environment"}


async def test_a_refusal_becomes_the_same_sentence_as_everywhere(script):
    path = script("cat > /dev/null; echo 'update failed: REFUSED' >&2; exit 2")
    outcome = await sender(path).send("example.test", CHANGES)
    assert isinstance(outcome, Denied)
    assert outcome.sentence.startswith("127.0.0.1:1 refuses the update of example.test (REFUSED): ")


async def test_a_failed_prerequisite_is_stale(script):
    path = script("cat > /dev/null; echo 'update failed: NXRRSET' >&2; exit 2")
    assert await sender(path).send("example.test", CHANGES) == Stale()


async def test_a_tool_that_hangs_is_killed(script):
    others = set(_children())
    path = script("exec sleep 60")
    with pytest.raises(ProviderError, match=r"did not answer within 0\.1 s"):
        await sender(path, timeout=0.1).send("example.test", CHANGES)
    assert not set(_children()) - others


async def test_a_cancelled_tool_is_killed(script, tmp_path):
    others = set(_children())  # servers of other tests
    path = script("exec sleep 60")
    task = asyncio.create_task(sender(path).send("example.test", CHANGES))
    while not set(_children()) - others:  # noqa: ASYNC110 - a process is no event
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not set(_children()) - others


async def test_without_an_answer_the_reason_is_asked_for_natively(script):
    path = script(
        "cat > /dev/null; echo '; Communication with server failed: operation canceled' >&2; exit 2"
    )
    port = free_port("127.0.0.1")
    with pytest.raises(ProviderError, match=f"^127.0.0.1:{port} refuses TCP connections"):
        await sender(path, port=port).send("example.test", CHANGES)


async def test_a_wrong_clock_is_asked_for_natively_because_the_tools_do_not_tell_the_difference(
    script, monkeypatch
):
    path = script("cat > /dev/null; echo 'update failed: NOTAUTH(BADTIME)' >&2; exit 2")

    async def fetch(*_):
        raise ProviderError("this machine's clock is 400 s behind")

    monkeypatch.setattr("rrdnsd.providers.query.fetch", fetch)
    with pytest.raises(ProviderError, match="400 s behind"):
        await sender(path).send("example.test", CHANGES)


async def test_what_cannot_be_read_is_told_without_the_secret(script, monkeypatch):
    path = script(f"cat > /dev/null; echo 'out of memory at {KEY.base64}' >&2; exit 1")

    async def fetch(*_):
        return None

    monkeypatch.setattr("rrdnsd.providers.query.fetch", fetch)
    with pytest.raises(ProviderError) as caught:
        await sender(path).send("example.test", CHANGES)
    assert str(caught.value) == f"{path} could not update example.test at 127.0.0.1:1: out of memory at ***"


async def test_a_missing_tool_is_told_with_its_package(tmp_path):
    sentence = "is not installed: apt install some-package, or use update_method rfc2136, which needs no tool"
    with pytest.raises(ProviderError, match=sentence):
        await sender(tmp_path / "none").check()
    with pytest.raises(ProviderError, match=sentence):
        await sender(tmp_path / "none").send("example.test", CHANGES)


async def test_a_tool_that_cannot_be_started(tmp_path):
    path = tmp_path / "tool"
    path.write_text("")
    with pytest.raises(ProviderError, match="cannot be started: Permission denied"):
        await sender(path).send("example.test", CHANGES)


async def test_too_many_changes_are_not_even_tried(tmp_path):
    many = [named(change(f"n{i}.example.test", None, rrset("192.0.2.1"))) for i in range(3000)]
    assert await sender(tmp_path / "none").send("example.test", many) == TooBig()


@pytest.mark.parametrize(
    ("stderr", "reply"),
    [
        ("update failed: NXRRSET\n", Reply("NXRRSET", verified=True)),
        (
            "; TSIG error with server: tsig indicates error\nupdate failed: NOTAUTH(BADKEY)\n",
            Reply("NOTAUTH", verified=False, tsig_error="BADKEY"),
        ),
        (
            "; TSIG error with server: expected a TSIG or SIG(0)\nupdate failed: REFUSED\n",
            Reply("REFUSED", verified=False),
        ),
        ("; Communication with 127.0.0.1#1 failed: timed out\n", None),
        ("invalid type: FOO\nsyntax error\n", None),
    ],
)
def test_what_nsupdate_says(stderr, reply):
    assert nsupdate.read(Result(2, "", stderr)) == reply


def _header(status):
    return f";; ->>HEADER<<- opcode: UPDATE; status: {status}; id: 9\n;; Flags: qr; ZONE: 1; PREREQ: 0\n"


@pytest.mark.parametrize(
    ("status", "stderr", "reply"),
    [
        ("NXRRSET", ";; ERROR: update failed with error 'NXRRSET'\n", Reply("NXRRSET", verified=True)),
        ("NOTIMPL", ";; ERROR: update failed with error 'NOTIMPL'\n", Reply("NOTIMP", verified=True)),
        (
            "BADSIG",
            ";; ERROR: reply verification (failed to verify TSIG)\n",
            Reply("NOTAUTH", verified=False, tsig_error="BADSIG"),
        ),
        (
            "NOERROR",
            ";; ERROR: reply verification (expected a TSIG or SIG(0))\n",
            Reply("NOERROR", verified=False),
        ),
    ],
)
def test_what_knsupdate_says(status, stderr, reply):
    assert knsupdate.read(Result(1, _header(status), stderr)) == reply


def test_knsupdate_without_an_answer():
    assert knsupdate.read(Result(1, "", ";; WARNING: can't connect to 127.0.0.1@1(TCP)\n")) is None


def _children():
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
