"""What is fuzzed: each target takes octets and raises when what they meet breaks its promise.

A new target is one file with `target(data: bytes) -> None`, perhaps `WORDS` that its inputs are made of, and a name in
`NAMES`. A target is loaded when it is named,
so that the fuzzer can instrument what it imports.
"""

import importlib
from collections.abc import Callable

Target = Callable[[bytes], None]

NAMES = ("http_response", "quorum_message", "configuration", "dns_answer", "script_output", "dns_query")


def target(name: str) -> Target:
    """Return the target of this name."""
    return importlib.import_module(f"fuzz.targets.{name}").target


def words(name: str) -> tuple[str, ...]:
    """Return the words that its inputs are made of, for the fuzzer to put together."""
    return getattr(importlib.import_module(f"fuzz.targets.{name}"), "WORDS", ())
