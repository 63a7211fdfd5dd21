"""Each recipe's configuration is a whole one that loads, and what it tells a vendor's module exists there."""

import importlib.util
import json
import re
import tomllib
import warnings
from pathlib import Path
from unittest.mock import patch

import pytest

from rrdnsd.compose.looking import look
from rrdnsd.config import load

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "docs" / "recipes"
PAGES = sorted(RECIPES.glob("*.md"))
SECRET = "hmac-sha256:rrkey:c2VjcmV0LW9mLXRlc3Rz"


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


def configurations():
    for page in PAGES:
        for language, read in (("json", json.loads), ("toml", tomllib.loads)):
            for number, block in enumerate(blocks(page, language)):
                yield pytest.param(block, read, id=f"{page.stem}-{language}{number}")


@pytest.fixture(scope="module")
def every_library():
    """As if the libraries that some vendors' modules need were there; the modules can be asked without."""
    from lexicon._private import discovery  # noqa: PLC0415 - dns-lexicon is loaded where it is needed

    found = dict.fromkeys(discovery.find_providers(), True)
    with patch.object(discovery, "find_providers", lambda: found):
        yield


def on_this_machine(text, folder):
    """Replace the files of the example's machine by some that exist here."""
    (folder / "secret").write_text(SECRET)
    (folder / "secret").chmod(0o600)
    text = re.sub(r"file:/etc/rrdnsd/[\w-]+", f"file:{folder / 'secret'}", text)
    return re.sub(r"/usr/(local/lib/rrdnsd/update-dns|bin/named-checkzone)", "/bin/true", text)


@pytest.mark.usefixtures("every_library")
@pytest.mark.parametrize(("text", "read"), list(configurations()))
def test_a_recipe_s_configuration_is_whole_and_right(text, read, tmp_path):
    path = tmp_path / ("rrdnsd.json" if read is json.loads else "rrdnsd.toml")
    path.write_text(on_this_machine(text, tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # in the modules of some vendors
        config = load(path, {"STATE_DIRECTORY": str(tmp_path)}, look)
    assert config.services[0].zone in config.services[0].fqdn


def test_json_and_toml_of_a_recipe_say_the_same():
    page = RECIPES / "builtin.md"
    assert json.loads(*blocks(page, "json")) == tomllib.loads(*blocks(page, "toml"))


@pytest.mark.parametrize("page", [page for page in PAGES if page.stem != "index"], ids=lambda page: page.stem)
def test_every_recipe_has_all_its_parts(page):
    if page.stem == "other-vendors":
        return
    headings = re.findall(r"^## (.*)$", page.read_text(), re.MULTILINE)
    assert headings[-2:] == ["Verify", "When it does not work"]
    assert blocks(page, "json")
    assert f"]({page.name})" in (RECIPES / "index.md").read_text()


def generator():
    spec = importlib.util.spec_from_file_location("generate_docs", ROOT / "tools" / "generate_docs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_of_vendors_is_fresh():
    assert (RECIPES / "other-vendors.md").read_text() == generator().vendors_page(), "run: make docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_is_told_a_vendor_s_module_exists_there(page):
    for made in map(json.loads, blocks(page, "json")):
        if made.get("update_method") == "lexicon":
            options = made["update_options"]
            known = generator().vendor_options(options["vendor"])
            assert options.keys() - {"vendor"} <= set(known)
            assert "auth_token" in known or "update_credentials" not in made
