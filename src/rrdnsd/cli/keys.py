"""The key or token that `rrdnsd init` has records written with: one that is there, one made now, or none."""

from dataclasses import dataclass, field
from pathlib import Path

from rrdnsd.cli.beginning import STDOUT, Credentials, credentials
from rrdnsd.cli.dialogue import Dialogue
from rrdnsd.cli.exits import CommandError, Exit
from rrdnsd.cli.given import Given

_WITH_TOKEN = frozenset({"powerdns", "dynu", "digitalocean", "lexicon"})
_NEW, _NONE = "new", "none"
_KEY_NAME = "rrdnsd"


@dataclass(frozen=True, slots=True)
class Key:
    """The key that records are written with, and the file to be made for it."""

    known: Credentials
    file: Path | None = None
    text: str = field(default="", repr=False)
    name: str = ""


def key_for(given: Given, dialogue: Dialogue, method: str) -> Key:
    """Ask for the key of a method, where it has one and the options say nothing of it.

    Raises:
        CommandError: an option is wrong, or missing with nobody to ask.

    """
    from rrdnsd.compose.beginning.steps import is_signed  # noqa: PLC0415 - help starts without all this

    if given.no_key:
        return Key(Credentials())
    if given.new_key is not None:
        return _new_key(given, given.key_file, given.new_key)
    if given.key_file or given.key_env:
        known = credentials(given.key_file, given.key_env)
        if is_signed(method):
            _check_key(known)
        return Key(known)
    if is_signed(method):
        return _asked_key(given, dialogue)
    return _asked_token(given, dialogue) if method in _WITH_TOKEN else Key(Credentials())


def _asked_key(given: Given, dialogue: Dialogue) -> Key:
    if not (dialogue.person or dialogue.yes):
        raise CommandError(
            "give --key-file, --key-env, --new-key or --no-key: there is nobody to ask", Exit.INVALID
        )

    def check(text: str) -> Credentials | None:
        if text in {_NEW, _NONE}:
            return None if text == _NEW else Credentials()
        try:
            known = credentials(Path(text), None)
            _check_key(known)
        except CommandError as error:
            raise ValueError(str(error)) from None
        return known

    question = 'File with the TSIG key ("new" makes one, "none": updates are not signed)'
    known = dialogue.value(None, "--key-file", question, check, _NEW)
    return Key(known) if known is not None else _new_key(given, None, _KEY_NAME)


def _asked_token(given: Given, dialogue: Dialogue) -> Key:
    """Ask for the token itself, without an echo, and have it kept in a file of its own."""
    if not dialogue.person or given.output == STDOUT:
        raise CommandError("give --key-file, --key-env or --no-key: the token of the API", Exit.INVALID)
    file = given.output.absolute().with_name("rrdnsd.token")
    token = dialogue.secret(f"Token of the API (not shown; it will be kept in {file})")
    if not token:
        raise CommandError("no token was given; nothing was written", Exit.INVALID)
    return Key(Credentials(f"file:{file}", token), _fresh(file), token + "\n")


def _check_key(known: Credentials) -> None:
    from rrdnsd.compose.beginning.steps import key_name  # noqa: PLC0415 - as above
    from rrdnsd.errors import ConfigError  # noqa: PLC0415 - as above

    try:
        key_name(known.text)
    except ConfigError as error:
        raise CommandError(f"{known.reference}: {'; '.join(error.problems)}", Exit.INVALID) from None


def _new_key(given: Given, file: Path | None, name: str) -> Key:
    from rrdnsd.compose.beginning.keyfile import new_key  # noqa: PLC0415 - as above

    if file is None and given.output == STDOUT:
        raise CommandError("give --key-file as well: where to keep the new key", Exit.INVALID)
    made = Key(
        Credentials(), _fresh(file or given.output.absolute().with_name(f"{name}.key")), new_key(name), name
    )
    _check_key(Credentials("--new-key", made.text))
    return made


def _fresh(file: Path) -> Path:
    if file.exists():
        raise CommandError(f"{file} is there already: give it as --key-file, or remove it", Exit.INVALID)
    return file
