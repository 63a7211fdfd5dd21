"""A receiver of webhooks: a real HTTP server that keeps what comes and answers as it is told."""

import base64
import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from support.daemon import until


class Delivery:
    def __init__(self, path, headers, body):
        self.path = path
        self.headers = headers
        self.body = body
        self.document = json.loads(body)

    @property
    def events(self):
        return self.document["events"]

    def is_signed(self, key):
        """Verify as https://www.standardwebhooks.com says."""
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + self.body
        mac = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        return self.headers["webhook-signature"] == f"v1,{mac}"


class Receiver:
    """`status` and `answer_headers` are what it answers; while `gate` is not set, it answers nothing."""

    def __init__(self):
        self.tried = []
        self.status = 204
        self.answer_headers = {}
        self.gate = threading.Event()
        self.gate.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.gate.wait(30)
                receiver.tried.append((receiver.status, Delivery(self.path, self.headers, body)))
                self.send_response(receiver.status)
                for name, value in receiver.answer_headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                """A client may go away while it waits."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def taken(self):
        """What it answered with success."""
        return [delivery for status, delivery in self.tried if 200 <= status < 300]

    def events(self, kind="endpoint", state=None):
        """Every event of a kind that was delivered."""
        found = [event for delivery in self.taken for event in delivery.events if event["kind"] == kind]
        return [event for event in found if state in {None, event["state"]}]

    def got(self, count, kind="endpoint", state=None, **more):
        until(
            lambda: len(self.events(kind, state)) >= count,
            lambda: f"{count} of {kind}, {state}: {[d.document for _, d in self.tried]}",
            **more,
        )
        return self.events(kind, state)

    def close(self):
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
