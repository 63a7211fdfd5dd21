"""Loaded by schemathesis: each connection comes from another loopback address, and no end lies in the past.

Wrong tokens are limited for each address, and schemathesis shows hundreds of them. What time it is, a schema cannot
tell: it takes any `until` for valid data, the daemon only one that is still to come.
"""

import itertools
from datetime import UTC, datetime

import schemathesis
import urllib3.util.connection as connections

_plain = connections.create_connection
_numbers = itertools.count(2)


def _from_another_address(address, *args, **settings):
    number = next(_numbers)
    settings["source_address"] = (f"127.1.{number >> 8 & 255}.{number & 255}", 0)
    return _plain(address, *args, **settings)


connections.create_connection = _from_another_address


@schemathesis.hook
def map_body(_context, body):
    if isinstance(body, dict) and _is_past(body.get("until")):
        return {**body, "until": "9996" + body["until"][4:]}  # a leap year
    return body


def _is_past(moment):
    try:
        return datetime.fromisoformat(moment) < datetime.now(UTC)
    except (TypeError, ValueError):
        return False
