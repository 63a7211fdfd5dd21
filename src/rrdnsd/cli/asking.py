"""Asking the daemon on behalf of a command: reports in, orders out, each shown as the options say."""

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

from rrdnsd.cli.decode import decode
from rrdnsd.cli.exits import CommandError
from rrdnsd.cli.session import Session

if TYPE_CHECKING:
    from rrdnsd.control.reports import Outcome

T = TypeVar("T")


def present(query: Mapping[str, object]) -> dict[str, object]:
    """Return what of a question was given."""
    return {name: value for name, value in query.items() if value is not None}


def report(
    session: Session,
    kind: type[T],
    path: str,
    query: Mapping[str, object] | None = None,
    *,
    for_people: bool = True,
) -> T | None:
    """Return a report to be shown; None if its JSON was asked for and is printed already.

    Raises:
        CommandError: it was refused, or nobody answers.

    """
    from rrdnsd.cli import client  # noqa: PLC0415 - help needs no network

    content = client.ask(session.access, path, present(query or {}))
    if session.as_json:
        print_json(content)
        return None
    return decode(kind, content, for_people=for_people)


def order(session: Session, path: str, body: Mapping[str, object], *, confirm: bool = False) -> "Outcome":
    """Give an order and show what became of it. With `confirm` a person is asked first, and told the effect.

    Raises:
        CommandError: it was refused, nobody answers, or the person said no.

    """
    import secrets  # noqa: PLC0415 - as above

    from rrdnsd.cli import client  # noqa: PLC0415 - as above
    from rrdnsd.control.reports import Outcome  # noqa: PLC0415 - as above

    who = session.who or _login(over_network=not session.access.socket)
    full = {**present(body), "why": session.why, "who": who, "request_id": secrets.token_hex(16)}
    if confirm and not (session.yes or session.dry_run) and _has_person():
        _confirm(decode(Outcome, client.send(session.access, path, {**full, "dry_run": True})))
    content = client.send(session.access, path, {**full, "dry_run": session.dry_run})
    outcome = decode(Outcome, content)
    if session.as_json:
        print_json(content)
    else:
        print("\n".join(outcome_lines(outcome)), flush=True)
    return outcome


def outcome_lines(outcome: "Outcome") -> list[str]:
    """Say what became of an order."""
    lines = list(outcome.effect)
    if outcome.dry_run:
        return [*lines, "(a dry run: nothing was changed)"]
    if not outcome.changed:
        lines.append("(nothing had to be changed)")
    if outcome.unknown_to:
        nodes = ", ".join(outcome.unknown_to)
        lines.append(f"not confirmed yet by {nodes}; a node learns of it as soon as it is heard")
    return lines


def print_json(content: bytes) -> None:
    """Print an answer of the API as it came."""
    sys.stdout.flush()
    sys.stdout.buffer.write(content.rstrip(b"\n") + b"\n")
    sys.stdout.buffer.flush()


def _has_person() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _confirm(effect: "Outcome") -> None:
    print("\n".join(effect.effect), file=sys.stderr)
    print("Do it? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise CommandError("nothing was changed")


def _login(*, over_network: bool) -> str:
    """Return who gives the order, as far as the daemon does not see it: it knows the user at its socket."""
    import getpass  # noqa: PLC0415 - as above

    if who := os.environ.get("SUDO_USER"):
        return who[:100]
    try:
        return getpass.getuser()[:100] if over_network else ""
    except (KeyError, OSError):
        return ""  # a user without a name; the token still says who it is
