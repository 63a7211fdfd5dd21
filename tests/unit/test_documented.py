"""What a user can set, call or read is in the documents, and the documents' links and examples hold."""

import dataclasses
import importlib.util
import json
import re
from importlib.metadata import distribution
from pathlib import Path

import pytest
import typer.main

import rrdnsd
from rrdnsd.cli import app
from rrdnsd.config import load
from rrdnsd.config.jsonschema import described_schema
from rrdnsd.daemon.journal import FIELDS
from rrdnsd.errors import ConfigError
from rrdnsd.peers.inbox import Inbox
from rrdnsd.web.app import HealthReport, add_health, create_app
from rrdnsd.web.quorum import add_quorum

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.glob("*.md")])
SOURCES = [path.read_text() for path in Path(rrdnsd.__file__).parent.rglob("*.py")]


def page(name):
    return (DOCS / f"{name}.md").read_text()


def in_code(text):
    """The words that a page shows as code, in backticks or in blocks."""
    blocks = re.findall(r"```.*?```", text, re.DOTALL)
    spans = re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return {word for span in [*blocks, *spans] for word in re.split(r"[\s,:;\"'{}()=]+", span)}


def settings():
    schema = described_schema()
    objects = {"top": schema, **schema["$defs"]}
    return sorted({key for made in objects.values() for key in made.get("properties", {})})


@pytest.mark.parametrize("key", settings())
def test_every_setting(key):
    assert f"| `{key}` |" in page("configuration")


def test_the_generated_page_is_fresh():
    spec = importlib.util.spec_from_file_location("generate_docs", ROOT / "tools" / "generate_docs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert page("configuration") == module.configuration_page(), "run: make docs"


def routes():
    made = create_app()
    add_health(made, lambda: None)
    add_quorum(made, Inbox("127.0.0.1:1", ["127.0.0.1:1"], b"", lambda _: True, lambda: 0.0))
    return sorted(f"{method} {route.path}" for route in made.routes for method in route.methods)


def test_every_route_is_known_to_this_test():
    decorated = sum(
        len(re.findall(r"^ +@app\.(?:get|post|put|patch|delete)\(", text, re.MULTILINE)) for text in SOURCES
    )
    assert len(routes()) == decorated


@pytest.mark.parametrize("route", routes())
def test_every_route(route):
    assert f"## `{route}`" in page("api")


def health_fields(report=HealthReport):
    for field in dataclasses.fields(report):
        yield field.name
        for inner in (field.type, *getattr(field.type, "__args__", ())):
            if dataclasses.is_dataclass(inner):
                yield from health_fields(inner)


@pytest.mark.parametrize("name", sorted(set(health_fields())))
def test_every_field_of_health(name):
    assert any(
        f"`{name}`" in line.split("|")[1] for line in page("api").splitlines() if line.startswith("| `")
    )


COMMANDS = typer.main.get_command(app())


@pytest.mark.parametrize("name", sorted(COMMANDS.commands))
def test_every_command_and_its_options(name):
    (row,) = [line for line in page("operations").splitlines() if re.match(rf"\| .*`rrdnsd {name}\b", line)]
    options = {
        option for param in COMMANDS.commands[name].params for option in param.opts if option[0] == "-"
    }
    assert options <= in_code(row) | {"--help", "-h"}


def test_every_option_of_the_program_itself():
    options = {option for param in COMMANDS.params for option in param.opts}
    assert "--version" in options
    assert options <= in_code(page("operations"))


def plugins(group):
    return sorted(point.name for point in distribution("rrdnsd").entry_points if point.group == group)


@pytest.mark.parametrize("method", plugins("rrdnsd.providers"))
def test_every_update_method(method):
    assert f"| `{method}` |" in page("providers")
    assert f"`{method}`" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("scheme", plugins("rrdnsd.probes"))
def test_every_probe_type(scheme):
    assert f"| `{scheme}` |" in page("operations")


def tags():
    return sorted({tag for text in SOURCES for tag in re.findall(r'["\'](\[[a-z_]+\]) ', text)})


@pytest.mark.parametrize("tag", tags())
def test_every_log_tag(tag):
    assert f"| `{tag}` |" in page("operations")


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_of_the_journal(field):
    assert f"`{field.upper()}`" in page("operations")


def variables():
    found = r'env(?:iron)?(?:\.get\(|\[)"([A-Z_]+)"'
    return sorted({name for text in SOURCES for name in re.findall(found, text)})


@pytest.mark.parametrize("name", variables())
def test_every_variable_of_the_environment(name):
    assert f"| `{name}` |" in page("operations")


def anchors(text):
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links():
    for path in PAGES:
        text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if not re.match(r"[a-z]+:", target):
                yield pytest.param(path, target, id=f"{path.name}-{target}")


@pytest.mark.parametrize(("path", "target"), list(links()))
def test_every_relative_link(path, target):
    name, _, anchor = target.partition("#")
    found = (path.parent / name).resolve() if name else path
    assert found.exists()
    assert not anchor or anchor in anchors(found.read_text())


def test_every_page_can_be_reached_from_the_readme():
    reached, todo = set(), [ROOT / "README.md"]
    while todo:
        path = todo.pop()
        if path.suffix == ".md" and path not in reached:
            reached.add(path)
            targets = re.findall(r"\]\(([^)\s#:]+)", path.read_text())
            todo += [found for target in targets if (found := (path.parent / target).resolve()).is_file()]
    assert set(DOCS.glob("*.md")) <= reached


def configurations():
    for path in PAGES:
        for block in re.findall(r"```json\n(.*?)```|<<'END'\n(\{.*?)\nEND", path.read_text(), re.DOTALL):
            made = json.loads(block[0] or block[1])
            if "services" in made and "local_node" in made:
                yield pytest.param(made, id=path.name)


@pytest.mark.parametrize("config", list(configurations()))
def test_every_complete_configuration_in_the_documents_is_right(config, tmp_path):
    path = tmp_path / "rrdnsd.json"
    for secret, text in (
        ("update_credentials", "rrkey:c2VjcmV0IQ=="),
        ("cluster_secret", "0123456789abcdef"),
    ):
        if secret in config:
            (tmp_path / secret).write_text(text)
            config[secret] = f"file:{secret}"
    path.write_text(json.dumps(config))
    assert load(path, {}).services


def fragments():
    """Examples that show a few keys only."""
    for path in PAGES:
        for block in re.findall(r"```json\n(.*?)```", path.read_text(), re.DOTALL):
            made = json.loads(block)
            if "services" not in made:
                yield pytest.param(made, id=path.name)


@pytest.mark.parametrize("fragment", list(fragments()))
def test_every_fragment_has_only_keys_that_exist(fragment, tmp_path):
    path = tmp_path / "rrdnsd.json"
    path.write_text(json.dumps(fragment))
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    assert not [problem for problem in caught.value.problems if "unknown key" in problem]
