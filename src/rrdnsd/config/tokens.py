"""Tokens for the HTTP interface, and the salted hashes of them that stand in the configuration.

A token is 256 random bits, so no dictionary helps and no slow hash is needed: one round of SHA-256 cannot be
undone by guessing, and a check costs microseconds, which nobody can turn into a denial of service. What does
not look like a token is no token, so no weak password can ever be configured.
"""

import base64
import hashlib
import hmac
import re
import secrets

_TOKEN = re.compile(r"rrdnsd_[A-Za-z0-9_-]{43}")
_HASH = re.compile(r"sha256:[0-9a-f]{32}:[0-9a-f]{64}")
_TOKEN_BYTES, _SALT_BYTES = 32, 16


def new_token() -> tuple[str, str]:
    """Return a new token and its hash: the one for its holder, the other for the configuration."""
    token = f"rrdnsd_{base64.urlsafe_b64encode(secrets.token_bytes(_TOKEN_BYTES)).rstrip(b'=').decode()}"
    return token, _hash(token, secrets.token_hex(_SALT_BYTES))


def is_hash(text: str) -> bool:
    """Tell if a text is such a hash."""
    return _HASH.fullmatch(text) is not None


def matches(token: str, hashed: str) -> bool:
    """Tell if a token is the one of this hash, in a time that does not depend on how much of it is right."""
    if not (_TOKEN.fullmatch(token) and is_hash(hashed)):
        return False
    return hmac.compare_digest(_hash(token, hashed.split(":")[1]), hashed)


def _hash(token: str, salt: str) -> str:
    return f"sha256:{salt}:{hashlib.sha256(bytes.fromhex(salt) + token.encode()).hexdigest()}"
