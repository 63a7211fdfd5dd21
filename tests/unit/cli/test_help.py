"""The help: it is cheap, it fits, and it tells the exit codes."""

import subprocess
import sys

import pytest

from support.commands import commands, run

NAMES = [
    (name, *inner)
    for name, command in commands().commands.items()
    for inner in ([(one,) for one in command.commands] if hasattr(command, "commands") else [()])
]


@pytest.mark.parametrize("name", [(), *NAMES], ids=" ".join)
def test_it_fits_and_tells_the_exit_codes(name):
    done = run(*name, "--help")
    assert done.exit_code == 0
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "Exit codes: 0 done; 1 failed or unreachable; 2 wrong usage" in done.stdout
    assert "..." not in done.stdout.replace("90s, 5m, ...", "").replace("COMMAND [ARGS]...", "").replace(
        "7d, ... ago", "").replace("2h, ...", "").replace("[FQDN]...", "")  # fmt: skip


@pytest.mark.parametrize("family", ["service", "endpoint", "node", "token"])
def test_a_family_alone_shows_its_help(family):
    done = run(family)
    assert done.exit_code == 2
    assert "Commands:" in done.output


@pytest.mark.parametrize("words", [["--help"], ["status", "--help"], ["service", "add", "-h"]])
def test_help_loads_nothing_heavy(words):
    code = (
        f"import sys; sys.argv = ['rrdnsd', *{words!r}]\n"
        "from rrdnsd.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: print(end.code, *{m.partition('.')[0] for m in sys.modules}, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    code, *loaded = done.stderr.split()
    assert code == "0"
    heavy = {"pydantic", "rich", "asyncio", "ssl", "http", "fastapi", "uvicorn", "aiohttp", "dns"}
    assert heavy.isdisjoint(loaded)


def test_the_daemon_loads_nothing_of_the_command_line():
    code = "import sys, rrdnsd.compose.__main__; print(*{m.partition('.')[0] for m in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"typer", "rich", "aiohttp", "jinja2", "prometheus_client"}.isdisjoint(done.stdout.split())
