"""What the manual pages are given is what they show."""

import importlib
import re
import subprocess

import pytest

from support.packaging import ROOT


@pytest.fixture
def man(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "tools")
    return importlib.import_module("generate_man")


@pytest.mark.parametrize(
    "text", [".start", "'quote'", "back\\slash", "a-b --c", "~x^`y", "[link](page.md) `code`"]
)
def test_text_comes_out_as_it_was(man, text):
    source = f".TH T 1\n.SH S\n{man.prose(text)}\n"
    shown = subprocess.run(
        ["groff", "-man", "-Tascii", "-P-c", "-P-b", "-P-u"],
        input=source,
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stderr == ""
    wanted = re.sub(r"\[(\w+)\]\([^)]*\)", r"\1", text).replace("`code`", "code")
    assert wanted in " ".join(shown.stdout.split())
