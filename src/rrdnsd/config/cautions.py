"""What a configuration may say and an operator hardly means, a sentence each."""

from collections.abc import Iterator

from rrdnsd.config.schema import Config
from rrdnsd.config.text import count

_ALONE, _PAIR = 1, 2


def cautions(config: Config) -> Iterator[str]:
    """Warn of numbers of voters that are less safe than they look."""
    services: dict[int, list[str]] = {}
    for service in config.services:
        voters = service.voters or config.voters
        if voters and voters < len(config.nodes):
            services.setdefault(voters, []).append(service.fqdn)
    for voters, names in sorted(services.items()):
        if trouble := _trouble(voters):
            others = f" and {count(len(names) - 1, 'other service')}" if len(names) > 1 else ""
            yield f"voters is {voters} for {names[0]}{others}: {trouble}; 3 or 5 are what you want"


def _trouble(voters: int) -> str:
    if voters == _ALONE:
        return "a single node decides, and its own network's trouble looks like that of the endpoints"
    if voters == _PAIR:
        return "nothing is decided while either of the two is lost"
    if voters % 2 == 0:
        return f"an even number survives no more lost voters than {voters - 1} would"
    return ""
