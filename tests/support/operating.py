"""Operates a real daemon through its HTTP interface, as a script of an operator would."""

import json
import urllib.error
import urllib.request
from urllib.parse import urlencode

from rrdnsd.config.tokens import new_token
from support.daemon import NO_ANSWER, until

TOKEN, HASH = new_token()
API = {"tokens": [{"name": "tests", "scope": "write", "hash": HASH}]}
"""What stands under `api` in the configuration of a node that the tests may order about."""


class RefusedError(AssertionError):
    """An answer that is no success: its status, and what it says."""

    def __init__(self, status, said):
        super().__init__(f"{status}: {said}")
        self.status = status
        self.said = said


def call(node, path, /, body=None, timeout=60, **query):
    """Ask a node, or order it with a body; returns what it answers."""
    url = f"http://{node.node}/{path}" + (f"?{urlencode(query)}" if query else "")
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:  # noqa: S310 - http, see above
            return json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            raise RefusedError(error.code, error.read().decode()) from None


def order(node, path, /, **body):
    """Give an order; returns its outcome."""
    return call(node, f"api/v1/{path}", body)


def status(node):
    return call(node, "api/v1/status")


def service(node, fqdn):
    return next((s for s in status(node)["services"] if s["fqdn"] == fqdn), None)


def endpoint(node, fqdn, address):
    found = service(node, fqdn)
    return next((e for e in found["endpoints"] if e["address"] == address), None) if found else None


def newest(texts, before):
    """The latest of some texts, which come with the latest one first; "" if there are no more than before."""
    return texts[0] if len(texts) > len(before) else ""


def ready(node):
    """Wait until a node can do its part."""

    def is_ready():
        try:
            return call(node, "health/ready")["ready"]
        except (RefusedError, *NO_ANSWER):
            return False

    until(is_ready, lambda: f"ready:\n{node.log}")
