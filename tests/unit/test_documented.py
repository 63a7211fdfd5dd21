"""What a user can set, call or read is in the documents, and the documents' links and examples hold."""

import dataclasses
import importlib.util
import json
import re
from importlib.metadata import distribution
from pathlib import Path
from typing import get_args

import pytest
import typer.main

import rrdnsd
from rrdnsd.cli import app
from rrdnsd.config import load
from rrdnsd.config.jsonschema import described_schema
from rrdnsd.control.reports import HealthReport
from rrdnsd.daemon.journal import FIELDS
from rrdnsd.errors import ConfigError
from rrdnsd.metrics import names
from rrdnsd.peers.inbox import Inbox
from rrdnsd.store.events import EventKind
from rrdnsd.turns import Readers
from rrdnsd.web.access import Access
from rrdnsd.web.api import add_api
from rrdnsd.web.app import create_app
from rrdnsd.web.dashboard import add_dashboard
from rrdnsd.web.heartbeat import add_heartbeat
from rrdnsd.web.metrics import add_metrics
from rrdnsd.web.quorum import add_quorum
from support.control import SampleControl

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.rglob("*.md")])
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


@pytest.mark.parametrize("kind", get_args(EventKind))
def test_every_kind_of_event(kind):
    (table,) = re.findall(r"### Kinds of events\n(.*?)\n\n[^|]", page("store"), re.DOTALL)
    assert f"`{kind}`" in table


def test_the_generated_page_is_fresh():
    spec = importlib.util.spec_from_file_location("generate_docs", ROOT / "tools" / "generate_docs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert page("configuration") == module.configuration_page(), "run: make docs"


def routes(add, *given):
    made = create_app()
    add(made, *given)
    return sorted(f"{method} {route.path}" for route in made.routes for method in route.methods)


@pytest.mark.parametrize(
    "route",
    routes(add_api, SampleControl(), Readers())
    + routes(add_metrics, None)
    + routes(add_quorum, Inbox("127.0.0.1:1", ["127.0.0.1:1"], b"", lambda _: True, lambda: 0.0))
    + routes(add_heartbeat, str, lambda _key, _trouble: True),
)
def test_every_route(route):
    assert f"## `{route}`" in page("api")


def pages():
    """What the dashboard adds for people; what its pages load is their own business."""
    found = routes(add_dashboard, SampleControl(), Access(), Readers())
    return [route for route in found if "/static/" not in route and not route.startswith("GET /dash/")]


@pytest.mark.parametrize("route", pages())
def test_every_page(route):
    assert f"`{route.removeprefix('GET ')}`" in page("dashboard")


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


def programs():
    """Every command with its whole name, and those that are described beside the running of the daemon."""
    for name, command in COMMANDS.commands.items():
        for inner, its in getattr(command, "commands", {"": command}).items():
            yield f"{name} {inner}".strip(), its


def options_of(command):
    return {option for param in command.params for option in param.opts if option[0] == "-"}


@pytest.mark.parametrize(("name", "command"), sorted(programs()))
def test_every_command_and_its_options(name, command):
    rows = [line for line in page("operations").splitlines() if re.match(rf"\| .*`rrdnsd {name}\b", line)]
    common = page("commands").partition("## Exit codes")[0]
    section = page("commands").partition(f"## `rrdnsd {name}`\n")[2].partition("\n## ")[0]
    assert bool(rows) is not bool(section)
    assert options_of(command) <= in_code("".join(rows) or common + section) | {"--help", "-h"}


def test_every_option_of_the_program_itself():
    assert options_of(COMMANDS) == {"--version", "--help", "-h"}
    assert options_of(COMMANDS) <= in_code(page("commands"))


def plugins(group):
    return sorted(point.name for point in distribution("rrdnsd").entry_points if point.group == group)


@pytest.mark.parametrize("method", plugins("rrdnsd.providers"))
def test_every_update_method(method):
    assert f"| `{method}` |" in page("providers")
    assert f"`{method}`" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("scheme", plugins("rrdnsd.probes"))
def test_every_probe_type(scheme):
    assert f"| `{scheme}` |" in page("operations")


@pytest.mark.parametrize("metric", names.metrics(), ids=lambda metric: metric.name)
def test_every_metric(metric):
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    assert f"| `{metric.name}` | {metric.kind} | {labels} | {metric.text} |" in page("metrics")


@pytest.mark.parametrize("stat", names.stats(), ids=lambda stat: stat.name)
def test_every_metric_of_statsd(stat):
    assert f"| `{stat.name}` | {stat.kind} | {stat.text} |" in page("metrics")


def test_no_metric_is_documented_that_does_not_exist():
    known = {metric.name for metric in (*names.metrics(), *names.stats())}
    rows = re.findall(
        r"^\| `([a-z_.]+)` \| (?:counter|gauge|histogram|timer) \|", page("metrics"), re.MULTILINE
    )
    assert set(rows) == known


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
    assert f"| `{name}` |" in page("operations") + page("commands")


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
    assert set(DOCS.rglob("*.md")) <= reached


def configurations():
    """What is shown whole; the recipes are tried in test_recipes.py, with their files and plug-ins."""
    for path in [page for page in PAGES if page.parent.name != "recipes"]:
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
