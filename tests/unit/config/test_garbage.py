"""Whatever a file holds, loading it ends with a configuration or a ConfigError of printable lines."""

import contextlib
import json
import tempfile
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from rrdnsd.config import Config, ServiceConfig, load
from rrdnsd.errors import ConfigError

NASTY = st.sampled_from(
    [
        "",
        ".",
        "{}",
        "http://{}",
        "tcp://{}:1",
        "192.0.2.1",
        "::",
        "[::1]:53",
        "a:1",
        "env:",
        "file:",
        "env:A",
        "a\nb",
        "\ud800",
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | NASTY
KEYS = st.sampled_from([*Config.model_fields, *ServiceConfig.model_fields]) | st.text(max_size=8)
INNER = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(KEYS, SCALARS, max_size=3)
VALUES = SCALARS | st.lists(INNER, max_size=3) | st.dictionaries(KEYS, INNER, max_size=4)


def some_of(model):
    """Garbage for a few fields; for all at once it takes long and says no more, since each is judged by itself."""
    return st.dictionaries(st.sampled_from([*model.model_fields]), VALUES, max_size=8)


SERVICES = st.lists(some_of(ServiceConfig) | VALUES, max_size=3)
DOCUMENTS = st.builds(lambda rest, services: {**rest, "services": services}, some_of(Config), SERVICES)


def problems_of(text, suffix):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"garbage{suffix}"
        path.write_bytes(text)
        try:
            load(path, {"A": "\udcff"})
        except ConfigError as error:
            return error.problems
    return ("none",)


def check_text(text, suffix):
    problems = problems_of(text, suffix)
    assert problems
    assert all(problem.isprintable() for problem in problems)


@settings(max_examples=50)
@given(DOCUMENTS | VALUES)
@example({"services": [{}], "nodes": [None], "providers": {"": 1, "a": {"update_method": 5}}})
@example({"ttl": 10**30, "services": [{"ipaddrs": [[], {}]}, None], "headers": {"a\n": 1}})
def test_json_like_garbage(document):
    check_text(json.dumps(document).encode("utf-8", "surrogatepass"), ".json")


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(b"x = 0x" + b"f" * 9000)
@example(b"[" * 2000)
def test_bytes_that_are_no_configuration(text):
    check_text(text, ".json")
    check_text(text, ".toml")


@settings(max_examples=50)
@given(st.dictionaries(KEYS, VALUES, max_size=6))
def test_the_models_reject_what_they_cannot_hold(document):
    with contextlib.suppress(ValueError):
        Config.model_validate(document)
