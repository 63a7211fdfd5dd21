"""The probe types `grpc` and `grpcs`: the endpoint says SERVING when asked by gRPC's health protocol, version 1.

The protocol's two messages have one field each, so they are written and read here: no protobuf library is needed.
HTTP/2 is grpcio's affair, which is the extra `grpc`: an HTTP/2 of our own would be one more thing to keep right.
Source: grpc/health/v1/health.proto and grpc/doc/health-checking.md.
"""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rrdnsd.core.model import EndpointKey, ProbeResult
from rrdnsd.errors import ConfigError
from rrdnsd.probes.base import CheckSpec
from rrdnsd.probes.progress import Progress
from rrdnsd.probes.refusal import trusting
from rrdnsd.probes.request import host_header, parse_template

if TYPE_CHECKING:
    import grpc.aio

METHOD = "/grpc.health.v1.Health/Check"
SERVING = 1
_STATUS = {0: "UNKNOWN", SERVING: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}
_LONGEST = 120
_LARGEST_ANSWER = 4096
_FAULTS = (
    (re.compile(r"connection refused", re.IGNORECASE), "connection refused"),
    (re.compile(r"connection reset|socket closed", re.IGNORECASE), "connection reset"),
    (re.compile(r"no route to host|host is unreachable", re.IGNORECASE), "no route to host"),
    (re.compile(r"network is unreachable", re.IGNORECASE), "network unreachable"),
    (re.compile(r"too many open files", re.IGNORECASE), "too many open files on this node"),
    (re.compile(r"CERTIFICATE_VERIFY_FAILED"), "the certificate is not valid for this name, or not trusted"),
    (
        re.compile(r"Hostname Verification Check failed|Peer name .* is not in"),
        "the certificate is for another name",
    ),
    (re.compile(r"ssl|tls", re.IGNORECASE), "TLS failed"),
)


class GrpcProbe:
    """Asks one endpoint, over a new connection each time."""

    __slots__ = ("_authority", "_credentials", "_host", "_message", "_target", "key", "timeout")

    def __init__(
        self,
        key: EndpointKey,
        spec: CheckSpec,
        port: int,
        service: str,
        credentials: Any,  # noqa: ANN401 - grpcio's
    ) -> None:
        self.key = key
        self.timeout = spec.timeout
        self._target = f"ipv6:[{key.address}]:{port}" if ":" in key.address else f"ipv4:{key.address}:{port}"
        self._host = spec.host
        self._authority = host_header(spec.host, spec.healthcheck.partition(":")[0], port)
        self._message = request_message(service)
        self._credentials = credentials

    async def probe(self) -> ProbeResult:
        """Ask once."""
        import grpc.aio  # noqa: PLC0415 - an extra, loaded when the probe was built

        progress = Progress()
        async with self._channel() as channel:
            check = channel.unary_unary(METHOD)
            try:
                # Less than the runner's own limit, so that it is grpcio that ends the call, even on a busy machine.
                answer = await check(self._message, timeout=self.timeout - min(0.1, self.timeout / 10))
            except grpc.aio.AioRpcError as error:
                return progress.failed(self._explain(error))
        reason = judge(answer)
        return ProbeResult(not reason, reason, progress.timings())

    def close(self) -> None:
        """Nothing is kept between probes."""

    def _channel(self) -> "grpc.aio.Channel":
        import grpc.aio  # noqa: PLC0415 - as above

        options = (
            ("grpc.default_authority", self._authority),
            ("grpc.ssl_target_name_override", self._host),
            ("grpc.use_local_subchannel_pool", 1),  # no connection and no back-off of an earlier probe
            ("grpc.enable_http_proxy", 0),
            ("grpc.enable_retries", 0),
            ("grpc.max_receive_message_length", _LARGEST_ANSWER),
        )
        if self._credentials is None:
            return grpc.aio.insecure_channel(self._target, options)
        return grpc.aio.secure_channel(self._target, self._credentials, options)

    def _explain(self, error: "grpc.aio.AioRpcError") -> str:
        code, details = error.code().name, error.details() or ""
        if code == "DEADLINE_EXCEEDED":
            return f"timeout after {self.timeout:g} s waiting for the answer"
        if code == "UNAVAILABLE":
            for pattern, words in _FAULTS:
                if pattern.search(details):
                    return words
        if code == "UNIMPLEMENTED":
            return "the server has no gRPC health service (UNIMPLEMENTED)"
        if code == "NOT_FOUND":
            return "the server does not know this service (NOT_FOUND)"
        shown = details if len(details) <= _LONGEST else f"{details[:_LONGEST]}..."
        return (
            f"gRPC status {code}: {shown if shown.isprintable() else ascii(shown)}"
            if shown
            else f"gRPC status {code}"
        )


def build(spec: CheckSpec, key: EndpointKey) -> GrpcProbe:
    """Make the probe of one endpoint.

    Raises:
        ConfigError: the template is not of the form ``grpc://{}:PORT/SERVICE``, grpcio is not installed, or the
            CA file cannot be used.

    """
    try:
        target = parse_template(spec.healthcheck)
    except ValueError as error:
        raise ConfigError(key.service, [str(error)]) from error
    if target.port is None:
        raise ConfigError(
            key.service, [f"{spec.healthcheck!r} is not of the form {target.scheme}://{{}}:PORT/SERVICE"]
        )
    if find_spec("grpc") is None:
        sentence = f"healthcheck: {target.scheme}:// needs the library grpcio, which is not installed: install rrdnsd[grpc]"
        raise ConfigError(key.service, [sentence])
    import grpc.aio  # noqa: F401, PLC0415 - an extra; loading it takes as long as a short probe may, so not while probing

    credentials = _credentials(spec, key.service) if target.scheme == "grpcs" else None
    return GrpcProbe(key, spec, target.port, target.path.removeprefix("/"), credentials)


def request_message(service: str) -> bytes:
    """Write a HealthCheckRequest: field 1 is the name of the service; "" asks for the whole server."""
    name = service.encode()
    return b"\x0a" + _varint(len(name)) + name if name else b""


def judge(answer: bytes) -> str:
    """Tell what is wrong with a HealthCheckResponse: field 1 is the status; "" when that is SERVING."""
    status = _status(answer)
    if status is None:
        return "the answer is no gRPC health response"
    return "" if status == SERVING else f"the status is {_STATUS.get(status, status)}, not SERVING"


def _status(answer: bytes) -> int | None:
    if not answer:
        return 0  # proto3 leaves out the default
    if answer[0] != 0x08 or len(answer) < 2 or answer[-1] & 0x80:  # noqa: PLR2004 - field 1, a varint
        return None
    return sum((byte & 0x7F) << 7 * place for place, byte in enumerate(answer[1:]))


def _varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])


def _credentials(spec: CheckSpec, service: str) -> object:
    if not spec.verify_tls:
        sentence = "verify_tls: grpcs always verifies the certificate; name it in ca_file if it is the endpoint's own"
        raise ConfigError(service, [sentence])
    import grpc  # noqa: PLC0415 - an extra, loaded only where a service needs it

    trusting(spec, service)  # for its sentences
    roots = Path(spec.ca_file).read_bytes() if spec.ca_file else _system_roots()
    return grpc.ssl_channel_credentials(roots)


def _system_roots() -> bytes | None:
    """Return the certificates that this machine trusts: grpcio would take its own."""
    import ssl  # noqa: PLC0415 - see above

    path = ssl.get_default_verify_paths().cafile
    return Path(path).read_bytes() if path else None
