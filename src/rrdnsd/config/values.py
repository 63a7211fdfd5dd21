"""The types of single values: each checks itself, makes itself canonical and says in words what is wrong."""

import re
import warnings
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, Strict, ValidationInfo

from rrdnsd.config import connectivity, healthcheck, tokens
from rrdnsd.config.addresses import endpoint_address, host_port, join_host_port, network
from rrdnsd.config.credentials import Surroundings, resolve_secret
from rrdnsd.config.names import domain_name, is_ip
from rrdnsd.config.text import one_of, quote, show
from rrdnsd.core.telling import Kind

T = TypeVar("T")

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_OWN_HEADERS = {
    "host": 'is set by "host", give the name there',
    "connection": 'is set by "reuse_connections"',
    "content-length": "is set by rrdnsd itself",
    "transfer-encoding": "is set by rrdnsd itself",
}
_FIRST_STATUS, _LAST_STATUS = 100, 599
_DNS_PORT = 53
_STATSD_PORT = 8125
_SHORTEST_SECRET = 16
_LARGEST_BUNDLE = 4_194_304
_LONGEST_SOCKET = 107  # unix(7): sun_path without its zero
_DAY_MS = 86_400_000
_MAX_TTL = 2**31 - 1  # RFC 2181, 8


def _around(info: ValidationInfo) -> Surroundings:
    return info.context if isinstance(info.context, Surroundings) else Surroundings()


def _listed(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _secret(value: object, info: ValidationInfo) -> object:
    if isinstance(value, SecretStr):
        return value
    if not isinstance(value, str):
        raise ValueError("must be text")  # noqa: TRY004 - pydantic reports ValueError, not TypeError
    return SecretStr(resolve_secret(value, _around(info)))


def _options(value: object, info: ValidationInfo) -> object:
    """Read what `env:` and `file:` refer to, however deep in the options it stands."""
    if isinstance(value, dict):
        return {key: _option(key, item, info) for key, item in value.items()}
    if isinstance(value, list):
        return [_options(item, info) for item in value]
    if isinstance(value, str) and value.startswith(("env:", "file:")):
        return SecretStr(resolve_secret(value, _around(info)))
    return value


def _option(key: str, value: object, info: ValidationInfo) -> object:
    try:
        return _options(value, info)
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None


def _status_range(value: object) -> tuple[int, int]:
    if isinstance(value, int) and not isinstance(value, bool):
        first = last = value
    elif isinstance(value, str) and (match := re.fullmatch(r"([0-9]{3})(?:-([0-9]{3}))?", value)):
        first, last = int(match[1]), int(match[2] or match[1])
    else:
        raise ValueError(f'must be like 204, "200-399" or ["200-299", 401], got {show(value)}')
    if not _FIRST_STATUS <= first <= last <= _LAST_STATUS:
        raise ValueError(
            f"{show(value)} must lie within {_FIRST_STATUS}-{_LAST_STATUS}, the lower number first"
        )
    return first, last


def _status_ranges(value: object) -> object:
    if value is None:
        raise ValueError("must not be null, leave the key out for the default")
    items = value if isinstance(value, list | tuple) else [value]
    if not items:
        raise ValueError('is an empty list, give the accepted status codes, e.g. "200-399"')
    return tuple(item if isinstance(item, tuple) else _status_range(item) for item in items)


def _pattern(text: str) -> str:
    try:
        with warnings.catch_warnings(action="ignore"):
            re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"is not a regular expression: {error}") from None
    return text


def _method(text: str) -> str:
    if not re.fullmatch(r"[A-Z]{1,20}", text) or text in {"CONNECT", "TRACE"}:
        raise ValueError(f'must be an HTTP method in capitals such as "GET" or "HEAD", got {quote(text)}')
    return text


def _header_name(text: str) -> str:
    if not _TOKEN.fullmatch(text):
        raise ValueError("is not a header name")
    if text.lower() in _OWN_HEADERS:
        raise ValueError(_OWN_HEADERS[text.lower()])
    return text


def _header_value(text: str, info: ValidationInfo) -> str:
    if text.startswith("env:"):
        text = resolve_secret(text, _around(info))
    if not text.isprintable():
        raise ValueError("holds a line break or another character that a header cannot carry")
    return text


def _sent_text(text: str, info: ValidationInfo) -> str:
    return resolve_secret(text, _around(info)) if text.startswith("env:") else text


def _argument(text: str) -> str:
    if "\0" in text:
        raise ValueError("holds a zero byte, which no program can be given")
    return text


def _ca_file(text: str, info: ValidationInfo) -> str:
    if not text:
        raise ValueError("must be the path of a file, not empty")
    path = _around(info).folder / text
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_BUNDLE)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "the name is malformed"
        raise ValueError(f"cannot read {path}: {why}") from None
    if b"-----BEGIN " not in content or b"CERTIFICATE-----" not in content:
        raise ValueError(f"{path} holds no certificate in PEM form")
    return str(path)


def _key_file(text: str, info: ValidationInfo) -> str:
    path = _around(info).folder / text
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_BUNDLE)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "the name is malformed"
        raise ValueError(f"cannot read {path}: {why}") from None
    if b"PRIVATE KEY-----" not in content:
        raise ValueError(f"{path} holds no private key in PEM form")
    return str(path)


def _cluster_secret(secret: SecretStr) -> SecretStr:
    if 0 < len(secret) < _SHORTEST_SECRET:
        raise ValueError(f"is shorter than {_SHORTEST_SECRET} characters; try: openssl rand -base64 24")
    return secret


def _folder(text: str, info: ValidationInfo) -> str:
    if not text or "\0" in text:
        raise ValueError("must be the path of a folder")
    return str(_around(info).folder / text)


def _socket_path(text: str, info: ValidationInfo) -> str:
    path = str(_around(info).folder.absolute() / text) if text else ""
    if "\0" in path or len(path.encode()) > _LONGEST_SOCKET:
        raise ValueError(
            f"must be the path of a socket, at most {_LONGEST_SOCKET} bytes long with its folders"
        )
    return path


def _token_hash(text: str, info: ValidationInfo) -> str:
    if text.startswith("env:"):
        text = resolve_secret(text, _around(info))
    if not tokens.is_hash(text):
        raise ValueError(
            "is not what `rrdnsd token new` prints for the configuration; a token itself does not go here"
        )
    return text


def _mailbox(text: str) -> str:
    local, at, domain = text.partition("@")
    if at and not re.fullmatch(r"[A-Za-z0-9_.+-]{1,63}", local):
        raise ValueError(f"{quote(text)} is not a mail address")
    return f"{local}@{domain_name(domain)}" if at else domain_name(text)


def _node_address(text: str) -> str:
    return join_host_port(*host_port(text))


def _server_address(text: str) -> str:
    return join_host_port(*host_port(text, _DNS_PORT))


def _statsd_address(text: str) -> str:
    return join_host_port(*host_port(text, _STATSD_PORT))


def _statsd_prefix(text: str) -> str:
    if text and not re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", text):
        raise ValueError(f"must be words of letters, digits, _ and - with dots between, got {quote(text)}")
    return text


def _ip_and_port(text: str) -> str:
    host, port = host_port(text, _DNS_PORT)
    if not is_ip(host):
        raise ValueError(f"{quote(text)} names a host, its IP address is needed here")
    return join_host_port(host, port)


def _service_pattern(text: str) -> str:
    star, _, rest = text.rpartition("*.")
    if star or (not text.startswith("*.") and "*" in text):
        raise ValueError(f'{quote(text)} must be a service\'s name, or "*." and the domain that it ends with')
    return f"*.{domain_name(rest)}" if text.startswith("*.") else domain_name(text)


def _kind(text: str) -> str:
    kinds = tuple(kind.value for kind in Kind)
    if text not in kinds:
        raise ValueError(f"must be {one_of(kinds)}, got {quote(text)}")
    return text


def _plain_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,63}", text):
        raise ValueError("must consist of letters, digits and _ . -")
    return text


def _label(text: str) -> str:
    if not text.isprintable():
        raise ValueError("holds a line break or another character that cannot be printed")
    return text


def _level(value: object) -> object:
    lower = value.lower() if isinstance(value, str) else value
    return "warning" if lower == "warn" else lower


def address_object(value: object) -> object:
    """Write a bare address as the endpoint object it stands for."""
    if isinstance(value, str):
        return {"address": value}
    if value is None or isinstance(value, bool | int | float | list):
        raise ValueError(f"must be an IP address in quotes or an object, got {show(value)}")
    return value


def _unit(unit: str) -> Any:  # noqa: ANN401 - what Field() returns fits everywhere
    return Field(json_schema_extra={"unit": unit})


ListOf = Annotated[tuple[T, ...], BeforeValidator(_listed)]
Days = Annotated[int, Field(ge=0, le=3650), _unit("days")]
Milliseconds = Annotated[int, Field(ge=10, le=_DAY_MS), _unit("milliseconds")]
Seconds = Annotated[int, Field(ge=1, le=_MAX_TTL), _unit("seconds")]
Ttl = Annotated[int, Field(ge=0, le=_MAX_TTL), _unit("seconds")]
Times = Annotated[int, Field(ge=1, le=1000), _unit("probes")]
Nodes = Annotated[int, Field(ge=1, le=1000), _unit("nodes")]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False), _unit("share, 0 to 1")]
DomainName = Annotated[str, AfterValidator(domain_name)]
Address = Annotated[str, AfterValidator(endpoint_address)]
NodeAddress = Annotated[str, AfterValidator(_node_address)]
ServerAddress = Annotated[str, AfterValidator(_server_address)]
StatsdAddress = Annotated[str, AfterValidator(_statsd_address)]
StatsdPrefix = Annotated[str, AfterValidator(_statsd_prefix)]
IpAndPort = Annotated[str, AfterValidator(_ip_and_port)]
Network = Annotated[str, AfterValidator(network)]
Mailbox = Annotated[str, AfterValidator(_mailbox)]
Healthcheck = Annotated[str, AfterValidator(healthcheck.canonical)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Method = Annotated[str, AfterValidator(_method)]
HeaderName = Annotated[str, AfterValidator(_header_name)]
HeaderValue = Annotated[str, AfterValidator(_header_value)]
SentText = Annotated[str, Field(max_length=4096), AfterValidator(_sent_text)]
Argument = Annotated[str, Field(max_length=4096), AfterValidator(_argument)]
CaFile = Annotated[str, AfterValidator(_ca_file)]
Folder = Annotated[str, AfterValidator(_folder)]
PlainName = Annotated[str, AfterValidator(_plain_name)]
Label = Annotated[str, Field(max_length=64), AfterValidator(_label)]
Secret = Annotated[SecretStr, BeforeValidator(_secret, json_schema_input_type=SecretStr)]
Options = Annotated[Mapping[str, object], BeforeValidator(_options, json_schema_input_type=dict[str, object])]
ClusterSecret = Annotated[Secret, AfterValidator(_cluster_secret)]
SocketPath = Annotated[str, AfterValidator(_socket_path)]
TokenHash = Annotated[str, AfterValidator(_token_hash)]
KeyFile = Annotated[str, AfterValidator(_key_file)]
ServicePattern = Annotated[str, AfterValidator(_service_pattern)]
NotifierKind = Annotated[str, AfterValidator(_kind)]
Minutes = Annotated[int, Field(ge=1, le=43_200), _unit("minutes")]
ConnectivityTarget = Annotated[str, AfterValidator(connectivity.canonical)]
Level = Annotated[
    Literal["trace", "debug", "info", "warning", "error"],
    BeforeValidator(
        _level, json_schema_input_type=Literal["trace", "debug", "info", "warn", "warning", "error"]
    ),
]
OnRemove = Literal["keep", "withdraw"]
StatusRanges = Annotated[
    tuple[tuple[int, int], ...],
    Strict(strict=False),
    BeforeValidator(_status_ranges, json_schema_input_type=int | str | list[int | str]),
]
