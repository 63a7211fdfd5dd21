"""Redis, and Dovecot for SMTP submission and IMAP, started by hand on loopback with their data in a given folder."""

import getpass
import grp
import os
import socket
from contextlib import contextmanager
from pathlib import Path

from support.ports import free_port
from support.process import start


def _answers(port):
    def ready():
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return False
        return True

    return ready


@contextmanager
def redis(folder: Path, password=""):
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    if password:
        command += ["--requirepass", password]
    process = start(command, folder / "redis.log", _answers(port))
    try:
        yield port
    finally:
        process.stop()


@contextmanager
def dovecot(folder: Path, certificate):
    """Gives the ports of submission and IMAP, both with STARTTLS."""
    smtp, imap = free_port(), free_port()
    chain = folder / "chain.pem"
    chain.write_bytes(b"".join(pem.bytes() for pem in certificate.cert_chain_pems))
    (folder / "key.pem").write_bytes(certificate.private_key_pem.bytes())
    me, group = getpass.getuser(), grp.getgrgid(os.getegid()).gr_name
    (folder / "dovecot.conf").write_text(f"""
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
default_internal_user = {me}
default_internal_group = {group}
default_login_user = {"nobody" if os.geteuid() == 0 else me}
protocols = imap submission
ssl = yes
ssl_cert = <{chain}
ssl_key = <{folder}/key.pem
listen = 127.0.0.1
hostname = mail.example.test
submission_relay_host = 127.0.0.1
submission_relay_port = 1
passdb {{
  driver = static
  args = password=x
}}
userdb {{
  driver = static
  args = uid=1000 gid=1000 home={folder}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service submission-login {{
  chroot =
  inet_listener submission {{
    port = {smtp}
  }}
  inet_listener submissions {{
    port = 0
  }}
}}
""")
    command = ["dovecot", "-F", "-c", folder / "dovecot.conf"]
    process = start(command, folder / "out.log", lambda: _answers(smtp)() and _answers(imap)())
    try:
        yield smtp, imap
    finally:
        process.stop()
