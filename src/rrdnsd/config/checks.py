"""The mistakes that no value shows by itself, only together with others."""

from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import NamedTuple

from rrdnsd.config import healthcheck, notifiers
from rrdnsd.config.addresses import host_port
from rrdnsd.config.effective import BUILTIN, DEFAULT_PROVIDER, TimesMs, times_ms
from rrdnsd.config.names import is_within
from rrdnsd.config.probekeys import probe_keys
from rrdnsd.config.problem import Loc, Problem
from rrdnsd.config.schema import Config, ProviderConfig, ServiceConfig
from rrdnsd.config.sentences import nearest
from rrdnsd.config.text import count, quote

_MOST_SHOWN = 8
_LEAST_HEARTBEATS = 3


class Installed(NamedTuple):
    """The names of the probe types and update methods that are there."""

    probes: tuple[str, ...]
    providers: tuple[str, ...]
    notifiers: tuple[str, ...] = ()


def check(config: Config, installed: Installed) -> Iterator[Problem]:
    """Find everything that is wrong between the keys of a configuration."""
    yield from _nodes(config)
    yield from _cluster(config)
    yield from _tokens(config)
    yield from notifiers.check(config, installed.notifiers)
    for index, target in enumerate(config.connectivity_check):
        yield from _scheme(target, ("connectivity_check", index), installed)
    yield from _default_provider(config, installed)
    for name, provider in config.providers.items():
        yield from _named_provider(name, provider, installed)
    yield from _one_builtin(config)
    yield from _top_level_times(config)
    yield from _distinct_names(config)
    for index, service in enumerate(config.services):
        at = ("services", index)
        for look in _SERVICE_CHECKS:
            yield from look(config, service, at)
        yield from _scheme(service.healthcheck, (*at, "healthcheck"), installed)


def _nodes(config: Config) -> Iterator[Problem]:
    yield from _duplicates(config.nodes, ("nodes",), "nodes")
    if config.local_node not in config.nodes:
        shown = ", ".join(config.nodes[:_MOST_SHOWN]) + (", ..." if len(config.nodes) > _MOST_SHOWN else "")
        sentence = f"{quote(config.local_node)} is not among nodes ({shown})"
        yield Problem(("local_node",), sentence, (("nodes",),))


def _cluster(config: Config) -> Iterator[Problem]:
    if config.vote_ttl_ms < _LEAST_HEARTBEATS * config.heartbeat_ms:
        sentence = (
            f"{config.vote_ttl_ms} ms is less than {_LEAST_HEARTBEATS} heartbeats of {config.heartbeat_ms} ms"
        )
        yield Problem(("vote_ttl_ms",), sentence, (("heartbeat_ms",),))
    if config.tls and config.nodes_protocol != "https":
        yield Problem(("tls",), 'needs nodes_protocol "https"', (("nodes_protocol",),))
    mutual = config.nodes_protocol == "https" and config.tls is not None and config.tls.ca_file is not None
    if (
        config.cluster_secret.get_secret_value()
        or mutual
        or config.insecure_cluster
        or len(config.nodes) == 1
    ):
        return
    if not all(_is_on_loopback(node) for node in config.nodes):
        sentence = (
            "are not all on loopback and nothing authenticates them: set cluster_secret, or nodes_protocol "
            '"https" and tls with a ca_file, or insecure_cluster to true'
        )
        yield Problem(("nodes",), sentence, (("cluster_secret",), ("tls",), ("insecure_cluster",)))


def _tokens(config: Config) -> Iterator[Problem]:
    # The audit tells tokens apart by their names.
    first: dict[str, int] = {}
    for index, token in enumerate(config.api.tokens):
        other = first.setdefault(token.name, index)
        if other != index:
            at = ("api", "tokens", index, "name")
            sentence = f"{quote(token.name)} is already the name of api.tokens[{other}]"
            yield Problem(at, sentence, (("api", "tokens", other, "name"),))


def _is_on_loopback(node: str) -> bool:
    try:
        return ip_address(host_port(node)[0]).is_loopback
    except ValueError:
        return True  # it is no address at all, and that is reported as such


def _distinct_names(config: Config) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for index, service in enumerate(config.services):
        other = first.setdefault(service.fqdn, index)
        if other != index:
            sentence = f"{quote(service.fqdn)} is already the name of services[{other}]"
            yield Problem(("services", index, "fqdn"), sentence, (("services", other, "fqdn"),))


def _duplicates(values: tuple[str, ...], at: Loc, name: str) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for index, value in enumerate(values):
        other = first.setdefault(value, index)
        if other != index:
            yield Problem((*at, index), f"{quote(value)} is already {name}[{other}]", ((*at, other),))


def _default_provider(config: Config, installed: Installed) -> Iterator[Problem]:
    if DEFAULT_PROVIDER in config.providers:
        sentence = 'the name "default" belongs to the top-level update_* keys, choose another'
        yield Problem(("providers", DEFAULT_PROVIDER), sentence)
    if config.update_method is not None:
        yield from _provider(config, config.update_method, (), installed)
    elif config.update_resolvers:
        sentence = 'is required with update_resolvers, e.g. "rfc2136"'
        yield Problem(("update_method",), sentence, (("update_resolvers",),))


def _named_provider(name: str, provider: ProviderConfig, installed: Installed) -> Iterator[Problem]:
    yield from _provider(provider, provider.update_method, ("providers", name), installed)


def _provider(
    source: Config | ProviderConfig, method: str, at: Loc, installed: Installed
) -> Iterator[Problem]:
    resolvers = (*at, "update_resolvers")
    yield from _duplicates(source.update_resolvers, resolvers, "update_resolvers")
    if method not in installed.providers:
        hint = nearest(method, installed.providers) or f", known: {', '.join(installed.providers)}"
        yield Problem((*at, "update_method"), f"unknown update method {quote(method)}{hint}")
    elif method == BUILTIN and source.update_resolvers:
        sentence = 'has no meaning for "builtin", which writes to no other server'
        yield Problem(resolvers, sentence, ((*at, "update_method"),))


def _one_builtin(config: Config) -> Iterator[Problem]:
    used = {service.provider for service in config.services}
    default = DEFAULT_PROVIDER in used and config.update_method in (None, BUILTIN)
    named = [name for name, provider in config.providers.items() if provider.update_method == BUILTIN]
    for name in named if default else named[1:]:
        sentence = f"there is one built-in server only, and {'the default' if default else named[0]} is it"
        yield Problem(("providers", name, "update_method"), sentence, (("update_method",), ("services",)))


def _top_level_times(config: Config) -> Iterator[Problem]:
    times = times_ms(config)
    about: tuple[Loc, ...] = (("probe_interval_ms",), ("probe_timeout_ms",), ("fast_interval_ms",))
    if times.timeout > times.interval:
        sentence = f"{times.timeout} ms is longer than the probe interval of {times.interval} ms"
        yield Problem(("probe_timeout_ms",), sentence, about)
    if times.fast > times.interval:
        sentence = f"{times.fast} ms is longer than the probe interval of {times.interval} ms"
        yield Problem(("fast_interval_ms",), sentence, about)


def _service_times(config: Config, service: ServiceConfig, at: Loc) -> Iterator[Problem]:
    times = times_ms(config, service)
    yield from _longer("probe_timeout_ms", times.timeout, times, service, at)
    yield from _longer("fast_interval_ms", times.fast, times, service, at)


def _longer(key: str, value: int, times: TimesMs, service: ServiceConfig, at: Loc) -> Iterator[Problem]:
    """Report at the key that the service sets itself; what it inherits whole is reported at the top level."""
    about: tuple[Loc, ...] = ((key,), ("probe_interval_ms",), (*at, key), (*at, "probe_interval_ms"))
    if value <= times.interval:
        return
    if getattr(service, key) is not None:
        sentence = f"{value} ms is longer than the probe interval of {times.interval} ms"
        yield Problem((*at, key), sentence, about)
    elif service.probe_interval_ms is not None:
        sentence = f"{times.interval} ms is shorter than the {key} of {value} ms set at the top level"
        yield Problem((*at, "probe_interval_ms"), sentence, about)


def _in_zone(_: Config, service: ServiceConfig, at: Loc) -> Iterator[Problem]:
    if not is_within(service.fqdn, service.zone):
        sentence = f"{quote(service.fqdn)} is outside its zone {quote(service.zone)}"
        yield Problem((*at, "fqdn"), sentence, ((*at, "zone"),))


def _distinct_addresses(_: Config, service: ServiceConfig, at: Loc) -> Iterator[Problem]:
    addresses = tuple(endpoint.address for endpoint in service.ipaddrs)
    yield from _duplicates(addresses, (*at, "ipaddrs"), "ipaddrs")


def _known_provider(config: Config, service: ServiceConfig, at: Loc) -> Iterator[Problem]:
    known = (DEFAULT_PROVIDER, *config.providers)
    if service.provider not in known:
        hint = nearest(service.provider, known) or f", known: {', '.join(known)}"
        yield Problem(
            (*at, "provider"), f"unknown provider {quote(service.provider)}{hint}", (("providers",),)
        )


def _enough_addresses(config: Config, service: ServiceConfig, at: Loc) -> Iterator[Problem]:
    needed = config.min_up if service.min_up is None else service.min_up
    if needed > len(service.ipaddrs):
        where = (*at, "ipaddrs") if service.min_up is None else (*at, "min_up")
        sentence = f"min_up is {needed}, but ipaddrs holds only {count(len(service.ipaddrs), 'address')}"
        yield Problem(where, sentence, (("min_up",), (*at, "min_up"), (*at, "ipaddrs")))


def _body_of_head(config: Config, service: ServiceConfig, at: Loc) -> Iterator[Problem]:
    method, pattern = service.method or config.method, service.expect_body or config.expect_body
    if method == "HEAD" and pattern:
        key = "method" if service.method else "expect_body"
        where = (*at, key) if getattr(service, key) else (key,)
        sentence = "expect_body cannot be found in the answer to HEAD, which has no body"
        yield Problem(where, sentence, (("method",), ("expect_body",)))


def _scheme(url: str, at: Loc, installed: Installed) -> Iterator[Problem]:
    scheme = healthcheck.scheme_of(url)
    if scheme not in installed.probes:
        hint = nearest(scheme, installed.probes) or f", known: {', '.join(installed.probes)}"
        yield Problem(at, f"unknown scheme {quote(scheme)}{hint}")


_SERVICE_CHECKS: tuple[Callable[[Config, ServiceConfig, Loc], Iterator[Problem]], ...] = (
    _in_zone,
    _distinct_addresses,
    _known_provider,
    _service_times,
    _enough_addresses,
    _body_of_head,
    probe_keys,
)
