"""How a webhook is signed: https://www.standardwebhooks.com, so that its libraries can verify it."""

import base64
import binascii
import hashlib
import hmac

PREFIX = "whsec_"
"""Begins a secret whose rest is the key in base64; any other secret is the key itself."""


def key_of(secret: str) -> bytes:
    """Return the key.

    Raises:
        ValueError: it begins as a key in base64 does, and is none.

    """
    if not secret.startswith(PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError(f'begins with "{PREFIX}", and the rest of it is not base64') from None


def headers(key: bytes, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers that name a message and, with a key, prove where and when it was sent."""
    named = {"webhook-id": message_id, "webhook-timestamp": str(timestamp)}
    if not key:
        return named
    signed = b"%b.%d.%b" % (message_id.encode(), timestamp, body)
    mac = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {**named, "webhook-signature": f"v1,{mac}"}
