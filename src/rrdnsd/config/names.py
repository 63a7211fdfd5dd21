"""Domain names as operators write them: checked, lower case, without the trailing dot (RFC 1035, 2181)."""

import ipaddress
import re

from rrdnsd.config.text import quote

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_LONGEST_NAME = 253
_LONGEST_LABEL = 63


def domain_name(text: str) -> str:
    """Return the name in its one canonical form; underscores are fine, as DNS allows them.

    Raises:
        ValueError: it is not a domain name that can hold addresses; the sentence says why.

    """
    name = text.lower().removesuffix(".")
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        raise ValueError(_fault(text, name))
    if name[-1].isdigit() and is_ip(name):
        raise ValueError(f"{quote(text)} is an IP address, a domain name is needed here")
    return name


def is_within(name: str, zone: str) -> bool:
    """Tell whether a canonical name is the zone's apex or lies below it."""
    return name == zone or name.endswith(f".{zone}")


def is_ip(text: str) -> bool:
    """Tell whether the text is an IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _fault(text: str, name: str) -> str:
    if not name:
        return "must be a domain name, not empty" if not text else "the root zone cannot be managed"
    if is_ip(name):
        return f"{quote(text)} is an IP address, a domain name is needed here"
    if "*" in name:
        return f"{quote(text)} is a wildcard, which has no endpoints of its own; give one full name"
    if not name.isascii():
        return f"{quote(text)} is not in ASCII{_ascii_hint(name)}"
    if len(name) > _LONGEST_NAME:
        return f"{quote(text)} is longer than {_LONGEST_NAME} characters"
    return f"{quote(text)} is not a domain name: {_label_fault(name)}"


def _ascii_hint(name: str) -> str:
    try:
        return f", write it as {quote(name.encode('idna').decode('ascii'))}"
    except UnicodeError:
        return ""


def _label_fault(name: str) -> str:
    for label in name.split("."):
        if not label:
            return "it has an empty label"
        if len(label) > _LONGEST_LABEL:
            return f"the label {quote(label)} is longer than {_LONGEST_LABEL} characters"
        wrong = re.search(r"[^a-z0-9_-]", label)
        if wrong:
            return f"the character {quote(wrong[0])} is not allowed"
        if label.startswith("-") or label.endswith("-"):
            return f"the label {quote(label)} begins or ends with a hyphen"
    return "it is malformed"
