"""`knsupdate`: updates by Knot's /usr/bin/knsupdate; reading is native."""

import re
from functools import partial

from rrdnsd.providers.base import Provider, ProviderSpec
from rrdnsd.providers.message import Reply
from rrdnsd.providers.tool import Result, Tool, ToolSender
from rrdnsd.providers.updater import build_updaters

_STATUS = re.compile(r"status: ([A-Z0-9]+)")
_TSIG_ERRORS = frozenset({"BADSIG", "BADKEY", "BADTIME", "BADTRUNC"})


def build(spec: ProviderSpec) -> tuple[Provider, ...]:
    """Make one provider for each of the `update_resolvers`.

    Raises:
        ConfigError: bad credentials, no resolver, or an option.

    """
    return build_updaters(spec, partial(ToolSender, TOOL))


def read(result: Result) -> Reply | None:
    """Find the server's answer in the header knsupdate prints when it fails; a TSIG error stands there as status."""
    status = _STATUS.search(result.stdout)
    if status is None:
        return None
    verified = "reply verification" not in result.stderr
    if status[1] in _TSIG_ERRORS:
        return Reply("NOTAUTH", verified=False, tsig_error=status[1])
    return Reply("NOTIMP" if status[1] == "NOTIMPL" else status[1], verified=verified)


TOOL = Tool("/usr/bin/knsupdate", "knot-dnsutils", read)
