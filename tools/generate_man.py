#!/usr/bin/env python3
"""Writes the manual pages rrdnsd(1), from the command line's own help, and rrdnsd.json(5), from the schema."""

import os
import re
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import generate_docs
import typer.main

from rrdnsd import __doc__ as purpose
from rrdnsd import __version__
from rrdnsd.cli import app
from rrdnsd.config.jsonschema import described_schema

_SHARED_BY = 5
"""How many commands must have an option for it to be described once for all of them."""

_FILES = """\
`/etc/rrdnsd.json`: the configuration, if neither an argument nor `CONF` names another. See **rrdnsd.json**(5).

`/var/lib/rrdnsd`: what the packaged service keeps: orders, events, history.

`/run/rrdnsd/api.sock`: the Unix socket by which the local administrator's commands reach the daemon.
"""

_SEE_ALSO = {1: "**rrdnsd.json**(5), **named**(8), **nsupdate**(1)", 5: "**rrdnsd**(1)"}
_PAGES = (
    "\n\nThe documentation is in `/usr/share/doc/rrdnsd/docs` where rrdnsd was installed as a Debian package."
)


def command_page() -> str:
    """Return rrdnsd(1)."""
    program = typer.main.get_command(app())
    context = typer.Context(program, info_name="rrdnsd")
    commands = list(_commands(program, context))
    records = [record for _, command, inner in commands for record in _options(command, inner)]
    shared = {record: None for record, count in Counter(records).items() if count >= _SHARED_BY}
    return "\n".join(
        [
            _title("RRDNSD", 1, "User Commands"),
            _section("NAME", escaped(f"rrdnsd - {_purpose()}")),
            _section("SYNOPSIS", ".B rrdnsd\n[\\fIoptions\\fR] [\\fIcommand\\fR [\\fIarguments\\fR]]"),
            _section("DESCRIPTION", prose(program.help)),
            _section("OPTIONS", _listed(_options(program, context))),
            _section("COMMANDS", "\n".join(_command(*found, shared) for found in commands)),
            _section("OPTIONS OF MANY COMMANDS", _listed(shared)),
            _section("EXIT STATUS", _listed(_exit_codes(program.epilog))),
            _section("ENVIRONMENT", _listed(_variables())),
            _section("FILES", prose(_FILES)),
            _section("SEE ALSO", prose(_SEE_ALSO[1] + _PAGES)),
        ]
    )


def configuration_page() -> str:
    """Return rrdnsd.json(5)."""
    schema = described_schema()
    objects = {"rrdnsd": schema, **schema["$defs"]}
    text = generate_docs.INTRODUCTION.partition("-->")[2].partition("## ")
    return "\n".join(
        [
            _title("RRDNSD.JSON", 5, "File Formats"),
            _section("NAME", escaped("rrdnsd.json - configuration of rrdnsd")),
            _section("DESCRIPTION", prose(text[0])),
            _section(
                "KEYS", "\n".join(_object(head, objects[name]) for head, name in generate_docs.SECTIONS)
            ),
            _section(text[2].partition("\n")[0].upper(), prose(text[2].partition("\n")[2])),
            _section("SEE ALSO", prose(_SEE_ALSO[5] + _PAGES)),
        ]
    )


def _purpose() -> str:
    return purpose.partition(": ")[2].rstrip(".") if purpose else ""


def _title(name: str, section: int, manual: str) -> str:
    day = time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time())))
    return f'.TH {name} {section} "{time.strftime("%Y-%m-%d", day)}" "rrdnsd {__version__}" "{manual}"'


def _section(heading: str, body: str) -> str:
    return f".SH {heading}\n{body}"


def _commands(group: Any, context: Any) -> Iterator[tuple[str, Any, Any]]:  # noqa: ANN401 -- typer keeps its click to itself
    for name, command in group.commands.items():
        inner = typer.Context(command, info_name=name, parent=context)
        if hasattr(command, "commands"):
            yield from _commands(command, inner)
        else:
            yield inner.command_path, command, inner


def _options(command: Any, context: Any) -> list[tuple[str, str]]:  # noqa: ANN401 -- as above
    records = (param.get_help_record(context) for param in command.get_params(context))
    return [record for record in records if record and "--help" not in record[0]]


def _command(path: str, command: Any, context: Any, shared: dict[tuple[str, str], None]) -> str:  # noqa: ANN401 -- as above
    usage = " ".join(command.collect_usage_pieces(context))
    options = _options(command, context)
    own = [record for record in options if record not in shared]
    others = [record[0].split()[0] for record in options if record in shared]
    more = [".PP", escaped(f"Also {', '.join(others)}: see below.")] if others else []
    return "\n".join(
        [f".SS {escaped(path)} {escaped(usage)}", prose(command.help), _listed(own), *more]
    ).replace("\n\n", "\n")


def _exit_codes(epilog: str) -> list[tuple[str, str]]:
    codes = " ".join(epilog.split()).partition(": ")[2].rstrip(".").split("; ")
    return [(number, meaning) for number, _, meaning in (code.partition(" ") for code in codes)]


def _variables() -> dict[tuple[str, str], None]:
    row = re.compile(r"^\| `([A-Z][A-Z_]+)` \| (.+?) \|$", re.MULTILINE)
    pages = sorted((generate_docs.ROOT / "docs").rglob("*.md"))
    return {found: None for page in pages for found in sorted(row.findall(page.read_text()))}


def _object(heading: str, model: dict[str, Any]) -> str:
    required = model.get("required", [])
    keys = [
        (name, f"{_kind(prop, name in required)} {prop['description']}")
        for name, prop in model["properties"].items()
    ]
    return "\n".join([f".SS {_inline(heading)}", prose(model["description"]), _listed(keys)])


def _kind(prop: dict[str, Any], required: bool) -> str:
    unit = f", {prop['unit']}" if "unit" in prop else ""
    default = "required" if required else f"default: {generate_docs.default_text(prop)}"
    return f"({generate_docs.type_text(prop)}{unit}; {default})"


def _listed(entries: Any) -> str:  # noqa: ANN401 -- pairs, in a list or as keys
    return "\n".join(f".TP\n\\fB{escaped(term)}\\fR\n{_inline(text)}" for term, text in entries)


def prose(text: str) -> str:
    """Turn paragraphs, lists, emphasis, code and links of Markdown into roff."""
    blocks = re.split(r"\n\s*\n|\n(?=- )", textwrap.dedent(text).strip())
    return "\n".join(
        f".IP \\(bu 2\n{_inline(block[2:])}" if block.startswith("- ") else f".PP\n{_inline(block)}"
        for block in blocks
    )


def _inline(text: str) -> str:
    """One paragraph: code, links and **names of pages**."""
    flat = re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", " ".join(text.split()))
    parts = re.split(r"`([^`]+)`|\*\*([^*]+)\*\*", flat)
    done = [
        escaped(parts[n]) + (f"\\fB{escaped(parts[n + 1] or parts[n + 2])}\\fR" if n + 1 < len(parts) else "")
        for n in range(0, len(parts), 3)
    ]
    line = "".join(done)
    return f"\\&{line}" if line.startswith((".", "'")) else line


def escaped(text: str) -> str:
    """Return text as roff prints it literally."""
    for plain, written in (
        ("\\", "\\e"),
        ("-", "\\-"),
        ("'", "\\(aq"),
        ("^", "\\(ha"),
        ("~", "\\(ti"),
        ("`", "\\(ga"),
    ):
        text = text.replace(plain, written)
    return f"\\&{text}" if text.startswith(".") else text


def main() -> None:
    """Write both pages into the directory that the argument names."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rrdnsd.1").write_text(command_page() + "\n")
    (folder / "rrdnsd.json.5").write_text(configuration_page() + "\n")


if __name__ == "__main__":
    main()
