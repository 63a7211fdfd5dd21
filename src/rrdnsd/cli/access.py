"""Where the daemon is asked, and with which token: options first, then the environment, then the default socket."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from rrdnsd.cli.exits import CommandError, Exit

_LONGEST_TOKEN = 1000


@dataclass(frozen=True, slots=True)
class Access:
    """One way to the daemon: a Unix socket, or the URL of its `local_node` with a token."""

    socket: str = ""
    url: str = ""
    token: str = field(default="", repr=False)
    ca_file: str = ""

    def __str__(self) -> str:
        return self.socket or self.url


def choose_access(
    environ: Mapping[str, str],
    socket: Path | None = None,
    url: str | None = None,
    token_file: Path | None = None,
    ca_file: Path | None = None,
) -> Access:
    """Decide how to reach the daemon.

    Raises:
        CommandError: the options contradict each other, the URL is none, or the token cannot be read.

    """
    if socket and url:
        raise CommandError("give --socket or --url, not both", Exit.INVALID)
    if not url and not socket:
        socket = Path(environ["RRDNSD_SOCKET"]) if environ.get("RRDNSD_SOCKET") else None
        url = None if socket else environ.get("RRDNSD_URL")
    if url:
        _split(url)
        token = _read_token(token_file) if token_file else environ.get("RRDNSD_TOKEN", "")
        return Access(url=url, token=_checked(token.strip()), ca_file=str(ca_file or ""))
    return Access(socket=str(socket or default_socket(environ)))


def default_socket(environ: Mapping[str, str]) -> str:
    """Return where the daemon's socket is when nobody says otherwise."""
    return str(Path(environ.get("RUNTIME_DIRECTORY", "").partition(":")[0] or "/run/rrdnsd") / "api.sock")


def is_exposed(access: Access) -> bool:
    """Tell if the token would cross a network in clear text."""
    split = urlsplit(access.url)
    host = split.hostname or ""
    near = host in {"localhost", "::1"} or host.startswith("127.")
    return bool(access.token) and split.scheme == "http" and not near


def _split(url: str) -> SplitResult:
    try:
        split = urlsplit(url)
        good = split.scheme in {"http", "https"} and split.hostname and (split.port or True)
    except ValueError:
        good = False
    if not good:
        raise CommandError(f'--url {url!r} must be like "https://10.0.0.1:3333"', Exit.INVALID)
    if split.username or split.password:
        raise CommandError(
            "--url must not hold a password: put the token into --token-file or $RRDNSD_TOKEN", Exit.INVALID
        )
    return split


def _read_token(path: Path) -> str:
    try:
        with path.open(encoding="ascii") as file:
            return file.read(_LONGEST_TOKEN + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not plain text"
        raise CommandError(f"the token file {path} cannot be read: {why}", Exit.INVALID) from None


def _checked(token: str) -> str:
    if len(token) > _LONGEST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise CommandError("what was given for a token is none: it is one word of plain text", Exit.INVALID)
    return token
