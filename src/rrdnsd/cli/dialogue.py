"""A conversation on the terminal: what was not given as an option is asked, if there is somebody to ask.

All of it is said on stderr: stdout is for what a program may want to read.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import typer

from rrdnsd.cli.exits import CommandError, Exit

T = TypeVar("T")
Check = Callable[[str], T]
"""Gives the value that a text stands for; raises ValueError with a sentence where there is none."""


@dataclass(frozen=True, slots=True)
class Dialogue:
    """`person`: there is a terminal with somebody before it. `yes`: take the defaults without asking."""

    person: bool
    yes: bool

    def say(self, line: str = "") -> None:
        """Say something to a person, or to the log of whatever runs this."""
        print(_printable(line), file=sys.stderr, flush=True)

    def value(
        self, given: str | None, flag: str, question: str, check: Check[T], default: str | None = None
    ) -> T:
        """Return what was given, else what is answered, else the default; whichever it is, checked.

        Raises:
            CommandError: what was given is wrong, or it is missing and there is nobody to ask.

        """
        if given is not None or (self.yes and default is not None):
            try:
                return check(given if given is not None else default or "")
            except ValueError as error:
                raise CommandError(f"{flag}: {error}", Exit.INVALID) from None
        if not self.person:
            way = f", or --yes for {default}" if default else ""
            raise CommandError(f"give {flag}{way}: there is nobody to ask", Exit.INVALID)
        while True:
            answer = typer.prompt(question, default=default, show_default=bool(default), err=True)
            try:
                return check(str(answer).strip())
            except ValueError as error:
                self.say(f"  {error}")

    def secret(self, question: str) -> str:
        """Ask for what nobody else may see."""
        import getpass  # noqa: PLC0415 - hardly anybody is asked; typer asks before it has switched the echo off

        try:
            return getpass.getpass(f"{question}: ", sys.stderr).strip()
        except EOFError:
            raise typer.Abort from None

    def confirm(self, question: str, *, default: bool) -> bool:
        """Ask for a yes or no; the default where there is nobody to ask, or nothing to be asked."""
        if not self.person or self.yes:
            return default
        return typer.confirm(question, default=default, err=True)


def on_terminal(*, yes: bool) -> Dialogue:
    """Return a dialogue with whoever is there."""
    return Dialogue(sys.stdin.isatty() and sys.stderr.isatty(), yes)


def progress(what: str) -> Callable[[int, int], None]:
    """Return who shows on a terminal how far something has come, and wipes that away at the end; 0: of unknown many."""

    def tell(done: int, of: int) -> None:
        if sys.stderr.isatty():
            text = "" if done == of else f"{what}: {done}" + (f" of {of}" if of else "")
            print(f"\r{text}\x1b[K", end="\r", file=sys.stderr, flush=True)

    return tell


def interruptible(work: Callable[[], object]) -> None:
    """Do what may take a while; end with a sentence and 130 if somebody presses Ctrl-C, or Ctrl-D at a question.

    Raises:
        CommandError: somebody did.

    """
    try:
        work()
    except (typer.Abort, KeyboardInterrupt):
        print(file=sys.stderr)
        raise CommandError("interrupted; nothing was written", Exit.INTERRUPTED) from None


def _printable(line: str) -> str:
    return line.encode("utf-8", "backslashreplace").decode()
