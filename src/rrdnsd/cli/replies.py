"""What is typed, as the value that it stands for; ValueError with a sentence where it stands for none."""

from collections.abc import Callable, Sequence


def joined(given: Sequence[str]) -> str | None:
    """Return what was given several times as it would be typed; None: it was not given."""
    return " ".join(given) if given else None


def each(check: Callable[[str], str], least: int = 1) -> Callable[[str], list[str]]:
    """Return a check of several words: each once, in order, and at least so many."""

    def checked(text: str) -> list[str]:
        words = text.replace(",", " ").split()
        if len(words) < least:
            raise ValueError("must not be empty")
        return list(dict.fromkeys(map(check, words)))

    return checked


def something(text: str) -> str:
    """Take any text."""
    if not text:
        raise ValueError("must not be empty")
    return text


def name(text: str) -> str:
    """Take a domain name."""
    from rrdnsd.config.names import domain_name  # noqa: PLC0415 - help starts without all this

    return domain_name(text)


def zone_of(fqdn: str) -> Callable[[str], str]:
    """Return a check of the zone of a name: the name is in it."""
    from rrdnsd.config.names import is_within  # noqa: PLC0415 - as above

    def checked(text: str) -> str:
        zone = name(text)
        if not is_within(fqdn, zone):
            raise ValueError(f'"{fqdn}" is outside the zone "{zone}"')
        return zone

    return checked


def address(text: str) -> str:
    """Take the address of an endpoint."""
    from rrdnsd.config.addresses import endpoint_address  # noqa: PLC0415 - as above

    return endpoint_address(text)


def healthcheck(text: str) -> str:
    """Take a health check of a type that is installed."""
    from rrdnsd.config import plugins  # noqa: PLC0415 - as above
    from rrdnsd.config.healthcheck import canonical, scheme_of  # noqa: PLC0415 - as above

    found = canonical(text)
    installed = plugins.names(plugins.PROBES)
    if scheme_of(found) not in installed:
        raise ValueError(f"the scheme is none of {', '.join(installed)}")
    return found


def node(text: str) -> str:
    """Take HOST:PORT."""
    return _host(text, None)


def server(text: str) -> str:
    """Take HOST or HOST:PORT of a DNS server."""
    return _host(text, 53)


def _host(text: str, port: int | None) -> str:
    from rrdnsd.config import host_port, join_host_port  # noqa: PLC0415 - as above

    return join_host_port(*host_port(text, port))
