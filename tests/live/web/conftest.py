import contextlib
import socket

import pytest

from rrdnsd.config.schema import TokenConfig
from rrdnsd.config.tokens import new_token
from rrdnsd.turns import Readers
from rrdnsd.web.access import Access
from rrdnsd.web.api import add_api
from rrdnsd.web.app import create_app
from rrdnsd.web.listening import listen
from rrdnsd.web.localsocket import open_socket
from rrdnsd.web.server import serving
from support.control import SampleControl


class Served:
    """The sample behind the real server, on a port of the kernel's choice and on a Unix socket."""

    def __init__(self, folder, **access):
        self.token, hashed = new_token()
        known = (TokenConfig(name="robot", scope="write", hash=hashed),)
        self.app = create_app(Access(**{"tokens": known, **access}))
        self.control = SampleControl()
        self.path = folder / "api.sock"
        self.port = None

    @contextlib.asynccontextmanager
    async def running(self, **settings):
        add_api(self.app, self.control, Readers())
        sock = listen("127.0.0.1", 0)
        self.port = sock.getsockname()[1]
        with open_socket(self.path) as local:
            async with serving(self.app, sock, local=local, **settings):
                yield self

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), 10)


@pytest.fixture
def served(tmp_path):
    return Served(tmp_path)


@pytest.fixture
def served_with(tmp_path):
    return lambda **access: Served(tmp_path, **access)
