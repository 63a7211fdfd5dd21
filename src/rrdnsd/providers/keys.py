"""Reads `update_credentials`: every form in which BIND's and Knot's tools print a TSIG key (RFC 8945).

No sentence here quotes what was given: parts in the wrong order would show the secret.
"""

import base64
import binascii
import re
from dataclasses import dataclass, field

import dns.exception
import dns.name
import dns.tsig

from rrdnsd.errors import ConfigError

ALGORITHMS = ("hmac-md5", "hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512")
"""The TSIG algorithms that BIND, Knot, PowerDNS and dnspython all have."""

DEFAULT_ALGORITHM = "hmac-sha256"

_MD5_LONG_NAME = "hmac-md5.sig-alg.reg.int"
_FORMS = "[algorithm:]name:secret, a BIND key file or a Knot key file"
_NAME = re.compile(r"[A-Za-z0-9_.-]+")  # narrow on purpose: it becomes a word on a tool's standard input
_BIND_TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|#[^\n]*|"[^"\n]*"|[{};]|[^\s{};"]+', re.DOTALL)
_YAML_FIELD = re.compile(r"""^[\s-]*(id|algorithm|secret)\s*:\s*["']?([^"'\s]*)["']?\s*$""")


@dataclass(frozen=True, slots=True)
class TsigKey:
    """One shared key. `name` has no trailing dot; `algorithm` is one of ALGORITHMS; repr hides the secret."""

    name: str
    algorithm: str
    secret: bytes = field(repr=False)

    @property
    def base64(self) -> str:
        """The secret as the tools want it: for their standard input only, never for a log or an argument."""
        return base64.b64encode(self.secret).decode("ascii")

    def for_dnspython(self) -> dns.tsig.Key:
        """Give the key as dnspython takes it; the repr of that shows the secret: neither keep it nor log it."""
        algorithm = _MD5_LONG_NAME if self.algorithm == "hmac-md5" else self.algorithm
        return dns.tsig.Key(dns.name.from_text(self.name), self.secret, dns.name.from_text(algorithm))


def parse_credentials(text: str, path: str = "update_credentials") -> TsigKey | None:
    """Read the key from what the operator wrote, or from the content of the key file it names.

    Known forms: "" (updates are not signed: None), `[algorithm:]name:secret` as nsupdate and knsupdate take
    it after -y, a BIND `key "name" {...};` block, and what `keymgr -t` prints. `path` is where the text stands
    in the configuration.

    Raises:
        ConfigError: it is none of these, or the name, the algorithm or the base64 is wrong.

    """
    stripped = text.strip()
    if not stripped:
        return None
    if "{" in stripped:
        return _from_bind(stripped, path)
    if any(_YAML_FIELD.match(line) for line in stripped.splitlines()):
        return _from_yaml(stripped, path)
    return _from_line(stripped, path)


def _from_line(text: str, path: str) -> TsigKey:
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if len(lines) != 1:
        raise _problem(path, f"must be {_FORMS}")
    parts = lines[0].strip("\"'").split(":")
    match parts:
        case [name, secret]:
            return _key(name, "", secret, path)
        case [algorithm, name, secret]:
            if not algorithm:
                raise _problem(
                    path, "the algorithm before the first colon is empty; write name:secret for hmac-sha256"
                )
            return _key(name, algorithm, secret, path)
        case _:
            raise _problem(path, f"must be {_FORMS}")


def _from_bind(text: str, path: str) -> TsigKey:
    tokens = [t for t in _BIND_TOKEN.findall(text) if not t.startswith(("/*", "//", "#"))]
    starts = [i for i, word in enumerate(tokens) if word == "key" and tokens[i + 2 : i + 3] == ["{"]]
    if not starts:
        raise _problem(path, 'the key file has no `key "name" { algorithm ...; secret "..."; };` block')
    _one_key(len(starts), path)
    start = starts[0]
    fields: dict[str, str] = {}
    for word, value in zip(tokens[start + 3 :], tokens[start + 4 :], strict=False):
        if word == "}":
            break
        if word in {"algorithm", "secret"}:
            fields[word] = value.strip('"')
    if "secret" not in fields:
        raise _problem(path, "the key block has no secret")
    return _key(tokens[start + 1].strip('"'), fields.get("algorithm", ""), fields["secret"], path)


def _from_yaml(text: str, path: str) -> TsigKey:
    found = [(m[1], m[2]) for line in text.splitlines() if (m := _YAML_FIELD.match(line))]
    _one_key(sum(name == "id" for name, _ in found), path)
    fields = dict(found)
    if "id" not in fields or "secret" not in fields:
        raise _problem(path, "the Knot key file needs an id and a secret, as `keymgr -t NAME` prints them")
    return _key(fields["id"], fields.get("algorithm", ""), fields["secret"], path)


def _one_key(count: int, path: str) -> None:
    if count > 1:
        raise _problem(path, f"the key file holds {count} keys; give a file with only the one to sign with")


def _key(name: str, algorithm: str, secret: str, path: str) -> TsigKey:
    return TsigKey(_name(name, path), _algorithm(algorithm, path), _secret(secret, path))


def _name(name: str, path: str) -> str:
    stripped = name.strip().removesuffix(".")
    if not stripped:
        raise _problem(path, "the name of the TSIG key is empty; write [algorithm:]name:secret")
    try:
        valid = _NAME.fullmatch(stripped) is not None and bool(dns.name.from_text(stripped))
    except dns.exception.DNSException:
        valid = False
    if not valid:
        raise _problem(
            path, "the name of the TSIG key is not a domain name of letters, digits, dots, - and _"
        )
    return stripped


def _algorithm(algorithm: str, path: str) -> str:
    wanted = algorithm.strip().lower().removesuffix(".") or DEFAULT_ALGORITHM
    wanted = "hmac-md5" if wanted == _MD5_LONG_NAME else wanted
    if wanted not in ALGORITHMS:
        # Only what looks like an algorithm is quoted: anything else here may be a misplaced secret.
        said = f' "{wanted}"' if re.fullmatch(r"hmac-[a-z0-9-]{1,12}", wanted) else ""
        raise _problem(path, f"unknown TSIG algorithm{said}; known are {', '.join(ALGORITHMS)}")
    return wanted


def _secret(secret: str, path: str) -> bytes:
    compact = "".join(secret.split())
    try:
        decoded = base64.b64decode(compact, validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if not decoded:
        raise _problem(path, "the secret of the TSIG key is not base64 as tsig-keygen or keymgr -t print it")
    return decoded


def _problem(path: str, sentence: str) -> ConfigError:
    return ConfigError("configuration", [f"{path}: {sentence}"])
