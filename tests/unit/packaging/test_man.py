"""The manual pages tell of every command, option and key."""

import importlib
from pathlib import Path

import pytest
import typer.main

from rrdnsd.cli import app
from rrdnsd.config.jsonschema import described_schema

TOOLS = Path(__file__).parents[3] / "tools"


@pytest.fixture(scope="module")
def man():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(TOOLS)
        yield importlib.import_module("generate_man")


def plain(page):
    return page.replace("\\-", "-").replace("\\fB", "").replace("\\fR", "").replace("\\&", "")


def commands(group, path="rrdnsd"):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def test_the_page_of_the_command_has_every_command_and_option(man):
    page = plain(man.command_page())
    for path, command in commands(typer.main.get_command(app())):
        assert f"\n.SS {path} " in page
        for option in {option for param in command.params for option in param.opts if option[0] == "-"}:
            assert option in page, path


def test_the_page_of_the_configuration_has_every_key(man):
    page = plain(man.configuration_page())
    schema = described_schema()
    for model in (schema, *schema["$defs"].values()):
        for key in model.get("properties", {}):
            assert f"\n.TP\n{key}\n" in page


def test_variables_files_and_exit_codes_are_there(man):
    page = plain(man.command_page())
    for word in ("CONF", "RRDNSD_SOCKET", "CREDENTIALS_DIRECTORY", "/etc/rrdnsd.json", "130"):
        assert f"\n{word}" in page
