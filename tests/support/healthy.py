"""For each probe type a real endpoint that is well, and what else the contract needs to know of the type."""

from contextlib import contextmanager

from rrdnsd.core.model import EndpointKey
from rrdnsd.probes.heartbeat import Board
from support.endpoints import HOST, answering, endpoint, over_tls
from support.grpc_health import SERVING, health_server
from support.strangers import Kind, strangers

PLUGINS = "/usr/lib/nagios/plugins"


@contextmanager
def _tcp(address, _surroundings):
    with endpoint(answering(), address) as served:
        yield served.port


@contextmanager
def _tls(address, surroundings):
    with endpoint(over_tls(answering(), surroundings.certificates.good), address) as served:
        yield served.port


@contextmanager
def _grpc(address, _surroundings):
    with health_server({"": SERVING}, address) as (port, _):
        yield port


@contextmanager
def _grpcs(address, surroundings):
    with health_server({"": SERVING}, address, surroundings.certificates.good) as (port, _):
        yield port


@contextmanager
def _named(_address, surroundings):
    yield surroundings.named.port


@contextmanager
def _nothing(_address, _surroundings):
    yield 0


def _board(_port):
    board = Board()
    for address in ("127.0.0.1", "::1"):
        board.beat(EndpointKey(HOST, address))
    return {"options": {"within": 60.0, "board": board}}


def _plugin(port):
    return {"options": {"args": ("-H", "{}", "-p", str(port), "-t", "15")}}


KINDS = {
    "dns": Kind(_named, "udp", "/www.example.test"),
    "grpc": Kind(_grpc, connects=False, says_descriptors=False),
    "grpcs": Kind(_grpcs, connects=False, says_descriptors=False),
    "heartbeat": Kind(_nothing, "nothing", settings=_board),
    "http": Kind(_tcp),
    "https": Kind(_tls),
    "icmp": Kind(_nothing, "nothing"),
    "script": Kind(_tcp, "nothing", settings=_plugin),
    "tcp": Kind(_tcp),
    "tls": Kind(_tls),
}
KINDS |= strangers("KINDS")


def template(scheme, port):
    """The healthcheck of this type at this port."""
    if scheme == "script":
        return f"script://{PLUGINS}/check_tcp"
    if KINDS[scheme].over == "nothing":
        return f"{scheme}://{{}}"
    return f"{scheme}://{{}}:{port}{KINDS[scheme].path}"
