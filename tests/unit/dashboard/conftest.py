from functools import cache
from unittest.mock import patch

import pytest

from rrdnsd.web.dashboard import rendering


@pytest.fixture(scope="session", autouse=True)
def templates():
    """The templates, compiled once for all tests: they are the same in every application."""
    with patch.object(rendering, "load_pages", cache(rendering.load_pages)):
        yield
