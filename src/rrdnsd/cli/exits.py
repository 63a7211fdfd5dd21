"""How a command ends: the exit codes, and the error that carries one."""

from enum import IntEnum

from rrdnsd.errors import RrdnsdError

EXIT_CODES = """Exit codes: 0 done; 1 failed or unreachable; 2 wrong usage or invalid;
3 not yet, or different; 4 not allowed; 130 interrupted."""


class Exit(IntEnum):
    """What the exit code of a command says to a script."""

    DONE = 0
    FAILED = 1
    INVALID = 2
    NOT_YET = 3
    NOT_ALLOWED = 4
    INTERRUPTED = 130


class CommandError(RrdnsdError):
    """A command cannot do what it was asked: one sentence, and the exit code."""

    def __init__(self, sentence: str, code: Exit = Exit.FAILED) -> None:
        self.code = code
        super().__init__(sentence)


class UnreachableError(CommandError):
    """No daemon answers there, or it stopped to answer."""
