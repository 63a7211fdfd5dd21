"""Serves an application as the daemon does, on a Unix socket and on TCP, in a thread of its own."""

import asyncio
import socket
import threading

from rrdnsd.config.schema import TokenConfig
from rrdnsd.config.tokens import new_token
from rrdnsd.turns import Readers
from rrdnsd.web.access import Access
from rrdnsd.web.api import add_api
from rrdnsd.web.app import create_app
from rrdnsd.web.localsocket import open_socket
from rrdnsd.web.server import serving
from support.control import SampleControl


class Served:
    """The sample `control` behind the real HTTP interface. `do` calls something in the server's own thread."""

    def __init__(self, folder, control=None, tls=None, **access):
        self.control = control or SampleControl()
        self.socket = folder / "api.sock"
        self.tokens = {}
        tokens = []
        for scope in ("read", "write"):
            self.tokens[scope], hashed = new_token()
            tokens.append(TokenConfig(name=f"holder-of-{scope}", scope=scope, hash=hashed))
        self._access = Access(tuple(tokens), **access)
        self._tls = tls
        self._sock = socket.create_server(("127.0.0.1", 0))
        self._sock.setblocking(False)
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self._sock.getsockname()[1]}"
        self._loop = None
        self._ready, self._end = threading.Event(), asyncio.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def __enter__(self):
        self._thread.start()
        assert self._ready.wait(20)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(20)

    async def _serve(self):
        self._loop = asyncio.get_running_loop()
        app = create_app(self._access)
        add_api(app, self.control, Readers())
        with open_socket(self.socket) as local:
            async with serving(app, self._sock, self._tls, local=local):
                self._ready.set()
                await self._end.wait()

    def do(self, work, *args):
        """Call something in the thread of the server, and return what it returns."""

        async def run():
            return work(*args)

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(20)
