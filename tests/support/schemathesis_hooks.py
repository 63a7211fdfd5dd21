"""Loaded by schemathesis: each connection comes from another loopback address, as from so many clients.

Wrong tokens are limited for each address, and schemathesis shows hundreds of them.
"""

import itertools

import urllib3.util.connection as connections

_plain = connections.create_connection
_numbers = itertools.count(2)


def _from_another_address(address, *args, **settings):
    number = next(_numbers)
    settings["source_address"] = (f"127.1.{number >> 8 & 255}.{number & 255}", 0)
    return _plain(address, *args, **settings)


connections.create_connection = _from_another_address
