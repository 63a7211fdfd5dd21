"""Reads the options of the built-in server, which the configuration's schema has defined and checked."""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pydantic import ValidationError

from rrdnsd.config.addresses import host_port
from rrdnsd.config.schema import BuiltinConfig
from rrdnsd.errors import ConfigError
from rrdnsd.providers.base import Resolver
from rrdnsd.providers.builtin.zone import Settings
from rrdnsd.providers.keys import TsigKey, parse_credentials

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_DNS_PORT = 53
_LOOPBACK = ("127.0.0.0/8", "::1/128")


@dataclass(frozen=True, slots=True)
class Options:
    """How the built-in server listens, whom it feeds, and what its zones say of themselves.

    `allow_transfer` are the networks that may transfer zones; `key`, when set, is needed besides, and signs
    the NOTIFY messages to `notify`.
    """

    listen: tuple[Resolver, ...]
    notify: tuple[Resolver, ...] = ()
    allow_transfer: tuple[Network, ...] = ()
    settings: Settings = field(default_factory=Settings)
    key: TsigKey | None = None


def read_options(options: Mapping[str, object]) -> Options:
    """Read the `builtin` part of the configuration; what is missing or empty gets its default.

    Raises:
        ConfigError: some values cannot be used; all of them are named.

    """
    try:
        config = BuiltinConfig.model_validate(dict(options))
    except ValidationError as error:
        raise ConfigError(
            "configuration", [_sentence(item["loc"], item["msg"]) for item in error.errors()]
        ) from None
    key = parse_credentials(config.tsig.get_secret_value(), "builtin.tsig")
    listen, notify = _resolvers(config.listen), _resolvers(config.notify)
    settings = Settings(
        ns=config.ns,
        hostmaster=_mailbox(config.hostmaster) if config.hostmaster else None,
        refresh=config.refresh,
        retry=config.retry,
        expire=config.expire,
        negative_ttl=config.negative_ttl,
        addresses=tuple(sorted({where.host for where in listen if not is_wildcard(where.host)})),
    )
    allowed = config.allow_transfer or (*_LOOPBACK, *(where.host for where in notify))
    return Options(listen, notify, tuple(map(ipaddress.ip_network, allowed)), settings, key)


def is_wildcard(host: str) -> bool:
    """Whether it stands for every address of this machine: 0.0.0.0 or ::."""
    return ipaddress.ip_address(host).is_unspecified


def source_address(listen: Iterable[Resolver], secondary: Resolver) -> str | None:
    """Choose the address that a secondary knows us by, where that is one of those we listen on."""
    target = ipaddress.ip_address(secondary.host)
    for where in listen:
        host = ipaddress.ip_address(where.host)
        if (
            host.version == target.version
            and host.is_loopback == target.is_loopback
            and not host.is_unspecified
        ):
            return where.host
    return None


def _resolvers(texts: Iterable[str]) -> tuple[Resolver, ...]:
    return tuple(Resolver(*host_port(text, _DNS_PORT)) for text in texts)


def _mailbox(text: str) -> str:
    """Write a mail address as a domain name (RFC 1035, section 8)."""
    local, at, domain = text.partition("@")
    return local.replace(".", "\\.") + "." + domain if at else text


def _sentence(path: tuple[int | str, ...], message: str) -> str:
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return f"builtin{where}: {message.removeprefix('Value error, ')}"
