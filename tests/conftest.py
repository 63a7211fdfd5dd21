"""For all tests: how thorough hypothesis is, and that a slow machine is not a failure."""

import gc
import signal

from hypothesis import HealthCheck, settings

LONG = ("tests/live/web/test_openapi.py", "tests/simulation/", "tests/live/netns/", "tests/live/cluster/")

settings.register_profile(
    "rrdnsd",
    deadline=None,
    # The same examples in each run, so that a change is judged by what it changes; `make fuzz` and SEEDS look further.
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    print_blob=True,
)
settings.load_profile("rrdnsd")


def pytest_configure():
    """Hear Ctrl-C, and let all that is started here hear it: a shell makes what runs in its background deaf to it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items):
    """Begin with what takes longest, so that nobody is left with it when the others have ended."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


def pytest_collection_finish():
    """Keep the collector from walking through thousands of tests again and again: a tenth of the time of the unit tests."""
    gc.collect()
    gc.freeze()
