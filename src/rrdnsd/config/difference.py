"""What another configuration would change, as sentences; values are left out, for they may be secret."""

from collections.abc import Iterable, Iterator, Mapping

from rrdnsd.config.schema import Config, ServiceConfig
from rrdnsd.config.text import count

MOST = 100
"""Sentences that are given at most."""

_SERVICES = "services"


def differences(before: Config, after: Config, withdrawn: Mapping[str, frozenset[str]]) -> list[str]:
    """Say what is different after. `withdrawn` has, by service, the addresses that the file wants out of DNS."""
    found = [*_top_level(before, after), *_services(before, after, withdrawn)]
    return found if len(found) <= MOST else [*found[:MOST], f"and {len(found) - MOST} more"]


def _top_level(before: Config, after: Config) -> Iterator[str]:
    if set(before.nodes) != set(after.nodes):
        yield f"the nodes become {', '.join(sorted(after.nodes))}"
    if before.mode != after.mode:
        yield f"mode becomes {after.mode}"
    keys = [key for key in Config.model_fields if key not in {_SERVICES, "nodes", "mode"}]
    changed = [key for key in keys if getattr(before, key) != getattr(after, key)]
    if changed:
        yield f"changes {', '.join(changed)}"


def _services(before: Config, after: Config, withdrawn: Mapping[str, frozenset[str]]) -> Iterator[str]:
    old, new = _by_name(before), _by_name(after)
    for fqdn in sorted({*old, *new}):
        was, now, gone = old.get(fqdn), new.get(fqdn), withdrawn.get(fqdn, frozenset())
        if was is None:
            endpoints = count(len(new[fqdn].ipaddrs), "endpoint")
            yield f"starts to watch {fqdn} with {endpoints}"
        elif now is None:
            yield f"stops to watch {fqdn}; {_fate({e.address for e in was.ipaddrs}, gone)}"
        elif was != now:
            yield from _service(was, now, gone)


def _service(was: ServiceConfig, now: ServiceConfig, withdrawn: frozenset[str]) -> Iterator[str]:
    old, new = ({e.address for e in service.ipaddrs} for service in (was, now))
    if new - old:
        yield f"{now.fqdn}: adds {', '.join(sorted(new - old))}; published once it is up"
    if old - new:
        yield f"{now.fqdn}: removes {', '.join(sorted(old - new))}; {_fate(old - new, withdrawn)}"
    keys = [key for key in ServiceConfig.model_fields if getattr(was, key) != getattr(now, key)]
    kept = [key for key in keys if key != "ipaddrs" or old == new]
    if kept:
        yield f"{now.fqdn}: changes {', '.join(kept)}"


def _fate(addresses: set[str], withdrawn: Iterable[str]) -> str:
    gone = sorted(addresses & {*withdrawn})
    if not gone:
        return "its records stay as they are"
    return f"{', '.join(gone)} leaves DNS once the files of a quorum of the nodes say so"


def _by_name(config: Config) -> dict[str, ServiceConfig]:
    return {service.fqdn: service for service in config.services}
