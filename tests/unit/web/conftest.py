import pytest

from rrdnsd.config.schema import TokenConfig
from rrdnsd.config.tokens import new_token
from rrdnsd.turns import Readers
from rrdnsd.web.access import Access
from rrdnsd.web.api import add_api
from rrdnsd.web.app import create_app
from support.control import SampleControl


class Site:
    """An application with the sample, and tokens for it."""

    def __init__(self, **access):
        self.tokens = {}
        known = []
        for name, scope in (("watcher", "read"), ("robot", "write")):
            token, hashed = new_token()
            self.tokens[name] = token
            known.append(TokenConfig(name=name, scope=scope, hash=hashed))
        self.access = Access(**{"tokens": tuple(known), **access})
        self.control = SampleControl()
        self.app = create_app(self.access)
        add_api(self.app, self.control, Readers())

    def bearer(self, name):
        return {"authorization": f"Bearer {self.tokens[name]}"}


@pytest.fixture
def site():
    return Site()


@pytest.fixture
def site_with():
    return Site
