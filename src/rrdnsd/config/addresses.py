"""IP addresses, networks and host:port pairs as operators write them: checked and made canonical."""

import ipaddress
import re

from rrdnsd.config.names import domain_name, is_ip
from rrdnsd.config.text import quote

_PORT = re.compile(r"[0-9]{1,5}")
_MAX_PORT = 65535
_HOST_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9_.-]+")


def endpoint_address(text: str) -> str:
    """Return the canonical text (RFC 5952) of an address that an A or AAAA record can publish.

    Raises:
        ValueError: it is no such address; the sentence says why and what to write instead.

    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(_address_fault(text)) from None
    if address.version == 6:  # noqa: PLR2004 - the IP version
        _refuse_special_ipv6(address, text)
    if address.is_unspecified or address.is_multicast or text == "255.255.255.255":
        raise ValueError(f"{quote(text)} is not the address of one host")
    return str(address)


def host_port(text: str, default_port: int | None = None) -> tuple[str, int]:
    """Split "192.0.2.1:53", "[2001:db8::1]:53" or "ns1.example.org:53"; the host comes back canonical.

    Without `default_port` the port is required.

    Raises:
        ValueError: it is malformed; the sentence says why.

    """
    host, port = _split(text)
    if port is None:
        if default_port is None:
            raise ValueError(f"{quote(text)} has no port, e.g. {quote(join_host_port(host, 3333))}")
        return _host(host, text), default_port
    if not _PORT.fullmatch(port) or not 1 <= int(port) <= _MAX_PORT:
        raise ValueError(f"{quote(text)} must end with a port from 1 to {_MAX_PORT}")
    return _host(host, text), int(port)


def join_host_port(host: str, port: int) -> str:
    """Write a pair as operators do: 192.0.2.1:53, [2001:db8::1]:53."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def network(text: str) -> str:
    """Return the canonical text of an address or of a network in CIDR notation.

    Raises:
        ValueError: it is neither, or the network has host bits set.

    """
    try:
        parsed = ipaddress.ip_network(text)
    except ValueError:
        raise ValueError(f'{quote(text)} is not an IP address or a network such as "192.0.2.0/24"') from None
    return str(parsed if "/" in text else parsed.network_address)


def _split(text: str) -> tuple[str, str | None]:
    if "://" in text:
        raise ValueError(f'{quote(text)} is a URL, give only the host and the port, e.g. "192.0.2.1:3333"')
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ValueError(f'{quote(text)} is malformed, e.g. "[2001:db8::1]:3333"')
        return host, rest[1:] if rest else None
    if text.count(":") > 1:
        if is_ip(text):
            return text, None
        raise ValueError(f'{quote(text)} is malformed, write an IPv6 address as "[2001:db8::1]:3333"')
    host, colon, port = text.partition(":")
    return host, port if colon else None


def _host(host: str, text: str) -> str:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    if not host:
        raise ValueError(f'{quote(text)} has no host, e.g. "127.0.0.1:3333"')
    if "@" in host or "#" in host:
        raise ValueError(f'{quote(text)} is malformed, put ":" before the port')
    if host.replace(".", "").isdigit():
        raise ValueError(f"{quote(host)} is not an IP address")
    return domain_name(host)


def _refuse_special_ipv6(address: ipaddress.IPv6Address, text: str) -> None:
    if address.ipv4_mapped:
        raise ValueError(
            f"{quote(text)} is an IPv4 address in IPv6 form, write {quote(str(address.ipv4_mapped))}"
        )
    if address.scope_id or address.is_link_local:
        raise ValueError(f"{quote(text)} is a link-local address, which DNS cannot publish")


def _address_fault(text: str) -> str:
    if not text:
        return "must be an IP address, not empty"
    if "/" in text:
        return f"{quote(text)} is a network or a URL, give one IP address"
    if re.fullmatch(r"\[.*\](:\d+)?", text):
        return f"{quote(text)}: write the address without brackets or port"
    if re.fullmatch(r"[0-9.]+:[0-9]+", text):
        return f"{quote(text)} has a port, which belongs in the healthcheck"
    if _HOST_NAME.fullmatch(text):
        return f"{quote(text)} is a host name, give its IP addresses instead"
    return f"{quote(text)} is not an IP address"
