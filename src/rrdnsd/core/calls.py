"""The calls of endpoints that are watched by heartbeats, as nodes let each other know of them."""

from typing import NamedTuple

from rrdnsd.core.model import EndpointKey


class Call(NamedTuple):
    """An endpoint has called, `age` seconds before the moment at which this is said or read.

    `trouble` is what it said of itself: "" is well, else why not.
    """

    key: EndpointKey
    age: float
    trouble: str = ""
