"""The command line as a person or a script calls it, in this process; its commands are put together once for all tests."""

import logging
from functools import cache
from unittest.mock import patch

import typer.main
import typer.testing

from rrdnsd.cli import app


@cache  # it takes longer than most of the commands themselves
def commands():
    return typer.main.get_command(app())


def run(*words, env=None):
    """Run `rrdnsd` with these words and return what came of it; its log goes where it went before."""
    root = logging.getLogger()
    level, handlers = root.level, [*root.handlers]
    try:
        with patch.object(typer.testing, "_get_command", lambda _: commands()):
            return typer.testing.CliRunner().invoke(typer.Typer(), [*map(str, words)], env=env)
    finally:
        root.setLevel(level)
        root.handlers[:] = handlers
