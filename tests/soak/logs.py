"""What named's log tells of updates, and what the nodes' logs tell that they should not."""

import re
import time

from soak.record import Update

UPDATED = re.compile(
    r"^(\d+-\w+-\d+ [\d:]+)\.(\d+) client \S+ ([\d.]+)#\d+\S* .*updating zone .*(?:adding|deleting) an? RR",
    re.MULTILINE,
)
EXPLAINED = (
    ("disk full", re.compile(r"disk is full|disk full|No space left|full \(13\)|ENOSPC", re.IGNORECASE)),
    ("disk full", re.compile(r"\[store\]")),
)
"""Errors that a fault calls for."""


def updates(text, hosts, wall_to_monotonic):
    """Return the updates of a piece of named's log; `hosts` gives each address its node."""
    found = []
    for second, millisecond, address in UPDATED.findall(text):
        wall = time.mktime(time.strptime(second, "%d-%b-%Y %H:%M:%S")) + int(millisecond) / 1000
        if address in hosts:
            found.append(Update(wall + wall_to_monotonic, hosts[address]))
    return [*dict.fromkeys(found)]


def complaints(text, kinds):
    """Return the lines of a node's log that none of these kinds of faults explains."""
    return [
        line
        for line in text.splitlines()
        if ("Traceback" in line or " bug " in line or re.search(r"\b(ERROR|CRITICAL)\b", line))
        and not any(kind in kinds and pattern.search(line) for kind, pattern in EXPLAINED)
    ]
