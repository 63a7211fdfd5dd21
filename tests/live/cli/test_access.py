"""How the commands reach the daemon, and what they say when they do not."""

import contextlib
import json
import os
import socket
import stat
import subprocess
import sys
import threading

import pytest
import trustme

from rrdnsd.web.listening import ServerTls
from support.control import WEB
from support.ports import free_port
from support.served import Served


def test_over_tcp_with_a_token(served, rrdnsd, tmp_path):
    file = tmp_path / "token"
    file.write_text(served.tokens["write"] + "\n")
    done = rrdnsd("pause", "--url", served.url, "--token-file", file)
    assert (done.returncode, done.stderr) == (0, "")
    assert rrdnsd("resume", RRDNSD_URL=served.url, RRDNSD_TOKEN=served.tokens["write"]).returncode == 0
    assert [by for _, by in served.control.ordered] == ["holder-of-write"] * 2


def test_not_allowed(served, rrdnsd):
    done = rrdnsd("pause", "--url", served.url)
    assert done.returncode == 4
    assert done.stderr.endswith("(--token-file or $RRDNSD_TOKEN give a token)\n")
    for token in (served.tokens["read"], "rrdnsd_wrong"):
        done = rrdnsd("pause", "--url", served.url, RRDNSD_TOKEN=token)
        assert (done.returncode, done.stdout) == (4, "")
        assert done.stderr.startswith(f"rrdnsd: {served.url} refuses: ")
        assert token not in done.stderr
    assert served.control.ordered == []


def test_nobody_listens(rrdnsd, tmp_path):
    done = rrdnsd("status")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"rrdnsd: nobody listens at {tmp_path}/api.sock: ")
    url = f"http://127.0.0.1:{free_port()}"
    done = rrdnsd("status", "--url", url)
    assert (done.returncode, done.stderr) == (1, f"rrdnsd: {url} cannot be reached: connection refused\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody")
def test_permission_denied(served, env, tmp_path):
    code = (
        "from rrdnsd.cli.access import Access; from rrdnsd.cli.client import ask\n"
        "from rrdnsd.cli.exits import CommandError; import os\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        f"try: ask(Access(socket={str(served.socket)!r}), 'status')\n"
        "except CommandError as e: print(int(e.code), e)"
    )
    # pytest's folders are private: let everybody come as far as the socket itself.
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(folder.stat().st_mode | stat.S_IXOTH)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=env, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"4 permission denied on {served.socket}: be root or a member of the group that owns it\n"
    )


def test_the_socket_can_be_named(served, rrdnsd, tmp_path):
    assert rrdnsd("status", "--socket", served.socket, RUNTIME_DIRECTORY="/nowhere").returncode == 0
    assert rrdnsd("status", RRDNSD_SOCKET=str(served.socket), RUNTIME_DIRECTORY="/nowhere").returncode == 0
    assert rrdnsd("status", "--url", served.url, RRDNSD_SOCKET="/nowhere").returncode == 0
    done = rrdnsd("status", "--url", served.url, "--socket", served.socket)
    assert (done.returncode, done.stderr) == (2, "rrdnsd: give --socket or --url, not both\n")


def test_over_tls(tmp_path, rrdnsd):
    authority = trustme.CA()
    own = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    own.private_key_and_cert_chain_pem.write_to_path(tmp_path / "own.pem")
    pem = str(tmp_path / "own.pem")
    with Served(tmp_path, tls=ServerTls(pem, pem)) as served:
        done = rrdnsd("status", "--url", served.url, "--ca-file", tmp_path / "ca.pem")
        assert (done.returncode, done.stderr) == (0, "")
        done = rrdnsd("status", "--url", served.url)
        assert done.returncode == 1
        assert f"the certificate of {served.url} is not trusted" in done.stderr
        done = rrdnsd("status", "--url", served.url, "--ca-file", "/nowhere")
        assert (done.returncode, done.stderr) == (
            2,
            "rrdnsd: --ca-file /nowhere cannot be used: no such file or directory\n",
        )


def answering(answer):
    """A server that answers every connection with these octets."""
    listening = socket.create_server(("127.0.0.1", 0))

    def run():
        with listening, listening.accept()[0] as connection, contextlib.suppress(OSError):
            connection.recv(65_536)
            connection.sendall(answer)

    threading.Thread(target=run, daemon=True).start()
    return f"http://127.0.0.1:{listening.getsockname()[1]}"


STRANGE = [
    (b"", 1, "does not answer: "),
    (b"SSH-2.0-OpenSSH_9.2\r\n", 1, "does not answer: "),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", 1, "broke off"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 1, "is the daemon of another version?"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnope", 1, "is the daemon of another version?"),
    (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\n\r\n<html>", 1, "it answers 502 Bad Gateway"),
    (b'HTTP/1.1 429 Slow\r\nContent-Length: 17\r\n\r\n{"error":"later"}', 4, "refuses: later"),
    (b"HTTP/1.1 302 Found\r\nLocation: http://x/\r\nContent-Length: 0\r\n\r\n", 1, "it answers 302 Found"),
]


@pytest.mark.parametrize(("answer", "code", "sentence"), STRANGE)
def test_strange_answers(answer, code, sentence, rrdnsd):
    done = rrdnsd("status", "--url", answering(answer))
    assert (done.returncode, done.stdout) == (code, "")
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_answer_cannot_steer_the_terminal(rrdnsd):
    event = {
        "id": 1,
        "at": 0.0,
        "kind": "verdict",
        "service": "",
        "address": "",
        "node": "",
        "details": {},
        "text": "\x1b[2Jbad\n\u202eline",
    }
    body = json.dumps({"events": [event], "more": False}).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    done = rrdnsd("events", "--url", answering(head + body))
    assert done.stdout == "1970-01-01 00:00:00  verdict     \\x1b[2Jbad\\n\\u202eline\n"


def test_an_order_whose_answer_is_lost_is_not_said_to_have_failed(rrdnsd):
    done = rrdnsd("refresh", WEB, "--url", answering(b""))
    assert done.returncode == 1
    assert "whether it was carried out is not known: see rrdnsd audit" in done.stderr
