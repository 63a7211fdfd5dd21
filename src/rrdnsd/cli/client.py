"""The HTTP client of the commands: the standard library over a Unix socket, TCP or TLS, and nothing else.

Every wait has an end. The errors are sentences for the person at the terminal.
"""

import contextlib
import json
import socket
import ssl
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from rrdnsd.cli.access import Access
from rrdnsd.cli.decode import printable
from rrdnsd.cli.exits import CommandError, Exit, UnreachableError

ROOT = "/api/v1/"
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 45.0
"""An order may wait for a slow disk before it is acknowledged or given up."""

QUIET_SECONDS = 60.0
"""How long a stream may be silent: the daemon says something more often than that."""

_LARGEST = 256 * 1024 * 1024
_LONGEST_LINE = 64 * 1024 * 1024

Query = Mapping[str, object]


class Told(NamedTuple):
    """One message of a stream (server-sent events)."""

    event: str
    data: str
    id: str


def ask(access: Access, path: str, query: Query | None = None, within: float = ANSWER_SECONDS) -> bytes:
    """GET a report.

    Raises:
        CommandError: it was refused, or nobody answers.

    """
    with _exchange(access, "GET", path, query or {}, None, within) as response:
        return _read(access, response)


def send(access: Access, path: str, body: Mapping[str, object], within: float = ANSWER_SECONDS) -> bytes:
    """POST an order.

    Raises:
        CommandError: it was refused, or nobody answers.

    """
    with _exchange(access, "POST", path, {}, json.dumps(body).encode(), within) as response:
        return _read(access, response)


def listen(access: Access, path: str, query: Query | None = None) -> Iterator[Told]:
    """Follow a stream until the daemon ends it.

    Raises:
        CommandError: it was refused, or nobody answers, or not any more.

    """
    with _exchange(access, "GET", path, query or {}, None, QUIET_SECONDS) as response:
        try:
            yield from _messages(response)
        except (OSError, HTTPException) as error:
            raise UnreachableError(f"the daemon at {access} stopped to answer: {_why(error)}") from None


@contextlib.contextmanager
def _exchange(
    access: Access, method: str, path: str, query: Query, body: bytes | None, within: float
) -> Iterator[HTTPResponse]:
    connection, prefix = _connect(access)
    headers = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
    if access.token:
        headers["Authorization"] = f"Bearer {access.token}"
    target = f"{prefix}{ROOT}{path}" + (f"?{urlencode(query, doseq=True)}" if query else "")
    with contextlib.closing(connection):
        try:
            if connection.sock is not None:
                connection.sock.settimeout(within)
            connection.request(method, target, body, headers)
            response = connection.getresponse()
        except (OSError, HTTPException) as error:
            doubt = "; whether it was carried out is not known: see rrdnsd audit" if body else ""
            raise UnreachableError(f"the daemon at {access} does not answer: {_why(error)}{doubt}") from None
        if response.status != 200:  # noqa: PLR2004 - HTTP's OK
            raise _refusal(access, response)
        yield response


def _connect(access: Access) -> tuple[HTTPConnection, str]:
    if access.socket:
        return _over_socket(access.socket), ""
    split = urlsplit(access.url)
    host = split.hostname or ""
    connection = (
        HTTPSConnection(host, split.port, timeout=CONNECT_SECONDS, context=_tls(access.ca_file))
        if split.scheme == "https"
        else HTTPConnection(host, split.port, timeout=CONNECT_SECONDS)
    )
    try:
        connection.connect()
    except ssl.SSLCertVerificationError as error:
        raise CommandError(
            f"the certificate of {access} is not trusted: {error.verify_message}; give the authority's certificate with --ca-file"
        ) from None
    except (OSError, ValueError) as error:
        connection.close()
        raise UnreachableError(f"{access} cannot be reached: {_why(error)}") from None
    return connection, split.path.rstrip("/")


def _over_socket(path: str) -> HTTPConnection:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.settimeout(CONNECT_SECONDS)
    try:
        made.connect(path)
    except (FileNotFoundError, ConnectionRefusedError):
        made.close()
        raise UnreachableError(
            f"nobody listens at {path}: rrdnsd does not run here, or its socket is elsewhere (--socket, --url)"
        ) from None
    except PermissionError:
        made.close()
        raise CommandError(
            f"permission denied on {path}: be root or a member of the group that owns it", Exit.NOT_ALLOWED
        ) from None
    except OSError as error:
        made.close()
        raise UnreachableError(f"{path} cannot be reached: {_why(error)}") from None
    connection = HTTPConnection("localhost", timeout=CONNECT_SECONDS)
    connection.sock = made
    return connection


def _tls(ca_file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except (OSError, ValueError) as error:
        raise CommandError(f"--ca-file {ca_file} cannot be used: {_why(error)}", Exit.INVALID) from None


def _read(access: Access, response: HTTPResponse) -> bytes:
    try:
        content = response.read(_LARGEST)
    except (OSError, HTTPException) as error:
        raise UnreachableError(f"the answer of {access} broke off: {_why(error)}") from None
    if response.length and len(content) < _LARGEST:
        raise UnreachableError(f"the answer of {access} broke off")
    if len(content) == _LARGEST:
        raise CommandError(f"the answer of {access} is larger than {_LARGEST} bytes")
    return content


def _messages(response: HTTPResponse) -> Iterator[Told]:
    event, data, identifier = "message", list[str](), ""
    while line := response.readline(_LONGEST_LINE):
        name, _, value = line.decode("utf-8", "replace").rstrip("\r\n").partition(":")
        value = value.removeprefix(" ")
        match name:
            case "event":
                event = value
            case "data":
                data.append(value)
            case "id":
                identifier = value
            case "" if not line.strip() and data:
                yield Told(event, "\n".join(data), identifier)
                event, data = "message", []


def _refusal(access: Access, response: HTTPResponse) -> CommandError:
    sentence = _told_by(_read(access, response)) or f"it answers {response.status} {response.reason}"
    match response.status:
        case 401 | 403:
            hint = "" if access.token or access.socket else " (--token-file or $RRDNSD_TOKEN give a token)"
            return CommandError(f"{access} refuses: {sentence}{hint}", Exit.NOT_ALLOWED)
        case 429:
            return CommandError(f"{access} refuses: {sentence}", Exit.NOT_ALLOWED)
        case 400 | 404 | 413 | 415 | 422:
            return CommandError(sentence, Exit.INVALID)
    return CommandError(sentence)


def _told_by(content: bytes) -> str:
    """Return the API's own sentence; what else may be in between speaks no JSON of this kind."""
    with contextlib.suppress(ValueError):
        answer = printable(json.loads(content))
        if isinstance(answer, dict):
            return str(answer.get("error") or "")
    return ""


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it takes too long"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(printable(str(error).strip())) or type(error).__name__
