"""The probe type `tcp`: the endpoint accepts a connection; what else is expected of it is `dialogue.py`."""

from time import monotonic

from rrdnsd.core.model import EndpointKey, ProbeResult, Timings
from rrdnsd.errors import ConfigError
from rrdnsd.probes.base import WRITE, CheckSpec, DeadlineExceeded, Steps
from rrdnsd.probes.dialogue import DialogueProbe, build_dialogue
from rrdnsd.probes.link import SocketAddress, check_connected, explain, open_socket, socket_address
from rrdnsd.probes.request import parse_template


class TcpProbe:
    """Connects, and resets the connection at once."""

    __slots__ = ("_address", "key", "timeout")

    def __init__(self, key: EndpointKey, address: SocketAddress, timeout: float) -> None:
        self.key = key
        self.timeout = timeout
        self._address = address

    def run(self) -> Steps:
        """Connect once."""
        began = monotonic()
        try:
            sock = open_socket(self._address)
            try:
                check_connected(sock, (yield sock, WRITE))
            finally:
                sock.close()
        except DeadlineExceeded:
            reason = f"timeout after {self.timeout:g} s while connecting"
        except OSError as error:
            reason = explain(error)
        else:
            elapsed = monotonic() - began
            return ProbeResult(ok=True, reason="", timings=Timings(elapsed, elapsed))
        return ProbeResult(ok=False, reason=reason, timings=Timings(monotonic() - began))

    def close(self) -> None:
        """Nothing is kept between probes."""


def build(spec: CheckSpec, key: EndpointKey) -> TcpProbe | DialogueProbe:
    """Make the probe of one endpoint.

    Raises:
        ConfigError: the template is not of the form ``tcp://{}:PORT``, or what is to be said cannot be used.

    """
    try:
        target = parse_template(spec.healthcheck)
    except ValueError as error:
        raise ConfigError(key.service, [str(error)]) from error
    if target.port is None or target.path != "/":
        raise ConfigError(key.service, [f"{spec.healthcheck!r} is not of the form tcp://{{}}:PORT"])
    address = socket_address(key.address, target.port)
    if spec.options.get("query_response"):
        return build_dialogue(spec, key, address)
    return TcpProbe(key, address, spec.timeout)
