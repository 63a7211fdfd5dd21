"""How often each address has shown a wrong token.

A valid token is accepted at any time, so that nobody behind a proxy can lock out the others there: the limit
is not what keeps guessers out, the 256 bits of a token are. It bounds the work and the log lines they cause.
"""

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass, field

BURST = 10
SECONDS_EACH = 6.0
MOST_ADDRESSES = 1024
_IPV6_SITE = 64


@dataclass(slots=True)
class Attempts:
    """Failed tries by address, those of the busiest last; each address may fail ten times, then ten times a minute."""

    _used_up: OrderedDict[str, float] = field(default_factory=OrderedDict)
    """For each address, until when its failures weigh: each adds `SECONDS_EACH`."""

    def failed(self, host: str, now: float) -> float:
        """Note a failure; return for how many seconds the next ones are refused outright, 0 if they are not."""
        key = _key(host)
        until = max(self._used_up.pop(key, now), now)
        over = until - now - (BURST - 1) * SECONDS_EACH
        self._used_up[key] = until if over > 0 else until + SECONDS_EACH
        if len(self._used_up) > MOST_ADDRESSES:
            self._used_up.popitem(last=False)
        return max(0.0, over)


def _key(host: str) -> str:
    """Return what counts as one address: of IPv6 the network that one site has."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 4:  # noqa: PLR2004 - the IP version
        return str(address)
    return str(ipaddress.ip_network((int(address) >> _IPV6_SITE << _IPV6_SITE, _IPV6_SITE)))
