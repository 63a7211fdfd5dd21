"""What packages of others tell the contract suites of their plug-ins; docs/plugins.md shows such a module."""

import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A probe type. `over` is what it speaks over: tcp, udp, or nothing that a port could be refused on."""

    well: Callable
    over: str = "tcp"
    path: str = ""
    settings: Callable = lambda _port: {}
    connects: bool = True
    says_descriptors: bool = True


def strangers(what):
    """Collect the dicts of this name from the modules that RRDNSD_CONTRACTS names."""
    found = {}
    for name in os.environ.get("RRDNSD_CONTRACTS", "").split():
        found |= getattr(importlib.import_module(name), what, {})
    return found
