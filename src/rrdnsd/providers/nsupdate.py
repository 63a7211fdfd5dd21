"""`nsupdate`: updates by BIND's /usr/bin/nsupdate; reading is native."""

import re
from functools import partial

from rrdnsd.providers.base import Provider, ProviderSpec
from rrdnsd.providers.message import Reply
from rrdnsd.providers.tool import Result, Tool, ToolSender
from rrdnsd.providers.updater import build_updaters

_FAILED = re.compile(r"update failed: ([A-Z0-9]+)(?:\(([A-Z]+)\))?")


def build(spec: ProviderSpec) -> tuple[Provider, ...]:
    """Make one provider for each of the `update_resolvers`.

    Raises:
        ConfigError: bad credentials, no resolver, or an option.

    """
    return build_updaters(spec, partial(ToolSender, TOOL))


def read(result: Result) -> Reply | None:
    """Find the server's answer in what nsupdate says of a failure."""
    failed = _FAILED.search(result.stderr)
    if failed is None:
        return None
    return Reply(failed[1], verified="TSIG error" not in result.stderr, tsig_error=failed[2] or "")


TOOL = Tool("/usr/bin/nsupdate", "bind9-dnsutils", read)
