"""Real servers, each started once for the session, and the providers to try on them.

Tests share a server's zone and so use names of their own (`fresh_name`).
"""

import itertools
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack

import pytest

from rrdnsd.providers import knsupdate, nsupdate, powerdns, rfc2136, script, zonefile
from rrdnsd.providers.base import Provider, ProviderSpec, Resolver
from rrdnsd.providers.keys import ALGORITHMS
from rrdnsd.providers.registry import find_build
from support.dns_local import LOCAL_STARTERS, control_socket, zone_file
from support.dns_servers import STARTERS, DnsServer, Key, Setup, zone
from support.hosts_file import EXAMPLE, HostsFile
from support.strangers import strangers

ZONE = "example.test"
METHODS = {"rfc2136": rfc2136.build, "nsupdate": nsupdate.build, "knsupdate": knsupdate.build}
OVER_HTTP = {"powerdns": powerdns.build}
LOCAL = {"zonefile": zonefile.build, "script": script.build}
SERVERS = strangers("SERVERS")
API_KEY = "geheim-0123456789"
KEYS = {algorithm: Key(f"key-{algorithm}", algorithm) for algorithm in ALGORITHMS}
STRANGER = Key("stranger")


@pytest.fixture(scope="session", params=[*STARTERS, *LOCAL_STARTERS, "hosts", *SERVERS])
def server(request, tmp_path_factory) -> Iterator[DnsServer | HostsFile]:
    """A server of each kind whose zone takes updates signed with any of KEYS, or is changed on this machine."""
    records = ["alias IN CNAME ns", "sub IN NS ns.else.test.", "*.wild 60 IN A 192.0.2.77"]
    zones = {ZONE: zone(ZONE, *records)}
    setup = Setup(zones, allowed=tuple(KEYS.values()), strangers=(STRANGER,), api_key=API_KEY)
    if request.param == "hosts":
        yield HostsFile(tmp_path_factory.mktemp("hosts") / "hosts", f"192.0.2.53 ns.{ZONE}\n")
    elif request.param in SERVERS:
        made = SERVERS[request.param](tmp_path_factory.mktemp(request.param))
        yield made
        made.stop()
    elif request.param in LOCAL_STARTERS:
        made = LOCAL_STARTERS[request.param](tmp_path_factory.mktemp(request.param), zones)
        yield made
        made.stop()
    else:
        yield from _running(request.param, tmp_path_factory, setup)


@pytest.fixture(scope="session", params=STARTERS)
def open_server(request, tmp_path_factory) -> Iterator[DnsServer]:
    """A server of each kind whose zone takes unsigned updates from loopback."""
    yield from _running(request.param, tmp_path_factory, Setup({ZONE: zone(ZONE)}, open_to_all=True))


@pytest.fixture(scope="session", params=STARTERS)
def closed_server(request, tmp_path_factory) -> Iterator[DnsServer]:
    """A server of each kind whose zone takes no updates at all."""
    yield from _running(request.param, tmp_path_factory, Setup({ZONE: zone(ZONE)}, strangers=(STRANGER,)))


@pytest.fixture(params=STARTERS)
def own_server(request, tmp_path_factory) -> Iterator[DnsServer]:
    """A server of each kind for one test alone, which may stop and start it; closes idle connections after 1 s."""
    setup = Setup({ZONE: zone(ZONE)}, allowed=(KEYS["hmac-sha256"],), idle=1)
    yield from _running(request.param, tmp_path_factory, setup)


def _running(kind, tmp_path_factory, setup) -> Iterator[DnsServer]:
    server = STARTERS[kind](tmp_path_factory.mktemp(kind), setup)
    yield server
    server.stop()


def pytest_generate_tests(metafunc) -> None:
    """Every method on every server; those that speak no UPDATE on their own servers, and only what is the contract."""
    if "method" in metafunc.fixturenames:
        contract = metafunc.module.__name__.endswith("test_write") and "server" in metafunc.fixturenames
        contract = contract and metafunc.function.__name__ != "test_over_ipv6"  # the DNS server's addresses
        metafunc.parametrize("method", [*METHODS, *OVER_HTTP, *LOCAL, *SERVERS] if contract else [*METHODS])


def pytest_collection_modifyitems(items) -> None:
    """Leave out the pairs of method and server that do not exist."""
    items[:] = [item for item in items if not hasattr(item, "callspec") or _exists(item.callspec.params)]


def _exists(params) -> bool:
    method, server = params.get("method"), params.get("server")
    if method in SERVERS or server in SERVERS:
        return method == server
    if method == "script" or server == "hosts":
        return method == "script" and server == "hosts"
    if method in LOCAL or server in LOCAL_STARTERS:
        return method in LOCAL and server in LOCAL_STARTERS
    return method not in OVER_HTTP or server in {None, "pdns"}


def _local_options(method: str, server: DnsServer | HostsFile) -> dict[str, object]:
    if method == "script":
        return {"command": [str(EXAMPLE), str(server.path)], "local": True}
    return {
        "server": server.kind,
        "file": str(zone_file(server.folder, "{zone}")),
        "control": str(control_socket(server.folder)),
    }


@pytest.fixture
async def connect():
    """Makes a provider for a server; closes all of them at the end."""
    async with AsyncExitStack() as stack:

        async def make(
            method: str, server: DnsServer, credentials: str = KEYS["hmac-sha256"].credentials, **more
        ) -> Provider:
            host = more.pop("host", server.host)
            if method in SERVERS:
                spec = ProviderSpec("default", method, zones=(ZONE,), **server.settings, **more)
                (provider,) = find_build(method)(spec)
            elif method in OVER_HTTP:
                spec = ProviderSpec("default", method, (), API_KEY, options={"url": server.api}, **more)
                (provider,) = OVER_HTTP[method](spec)
            elif method in LOCAL:
                resolvers = (Resolver(host, server.port),) if method == "zonefile" else ()
                spec = ProviderSpec(
                    "default",
                    method,
                    resolvers,
                    options=_local_options(method, server),
                    zones=(ZONE,),
                    **more,
                )
                (provider,) = LOCAL[method](spec)
            else:
                spec = ProviderSpec("default", method, (Resolver(host, server.port),), credentials, **more)
                (provider,) = METHODS[method](spec)
            stack.push_async_callback(provider.close)
            await provider.start()
            return provider

        yield make


@pytest.fixture(scope="session")
def keys() -> dict[str, Key]:
    """The keys that `server` lets in, by algorithm."""
    return KEYS


@pytest.fixture(scope="session")
def stranger() -> Key:
    """A key that the servers know and do not let in."""
    return STRANGER


@pytest.fixture(scope="session")
def fresh_name() -> Callable[[], str]:
    """Gives a name in the zone that no other test uses."""
    numbers = itertools.count(1)
    return lambda: f"n{next(numbers)}.{ZONE}"
