"""Plug-ins of strangers, right and wrong: what `rrdnsd check` says of them."""

import json
import sys

import pytest

from support.commands import run

RIGHT = """
from rrdnsd.core.model import Applied, ZoneView
from rrdnsd.errors import ConfigError, StartupError

class Right:
    label = "x"
    key = timeout = None
    async def start(self): pass
    async def fetch(self, zone, keys): return ZoneView({})
    async def apply(self, plan): return Applied(frozenset())
    async def send(self, message): return "ok"
    async def probe(self): return None
    async def close(self): pass

class Probe(Right):
    def close(self): pass

def build(spec, key=None):
"""
KINDS = {"probe": "rrdnsd.probes", "provider": "rrdnsd.providers", "notifier": "rrdnsd.notifiers"}
CALLED = {
    "probe": "the probe type mine://",
    "provider": 'update_method "mine"',
    "notifier": 'the notifier "mine"',
}
PLACE = {"probe": "services[0]: ", "provider": "", "notifier": "notifiers[0]: "}
SECRET = "hunter2-in-the-settings"


@pytest.fixture
def package(tmp_path):
    """Make a package whose entry points are told, `name = module:build`; of each module the end of `build`."""

    def make(name, points, **modules):
        folder = tmp_path / name
        info = folder / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        lines = [f"[{group}]\n{line}\n" for group, line in points]
        (info / "entry_points.txt").write_text("\n".join(lines))
        for module, code in modules.items():
            (folder / f"{module}.py").write_text(
                RIGHT + "    " + code if code.startswith(("return", "raise")) else code
            )
        return str(folder)

    return make


@pytest.fixture
def check(tmp_path, monkeypatch):
    """Check a configuration that uses `mine` for everything, with these packages installed."""

    def check(packages, **config):
        service = {
            "fqdn": "www.e.test",
            "zone": "e.test",
            "healthcheck": "mine://{}:1",
            "ipaddrs": ["127.0.0.1"],
        }
        whole = {
            "local_node": "127.0.0.1:3333",
            "nodes": ["127.0.0.1:3333"],
            "update_method": "mine",
            "update_credentials": SECRET,
            "services": [service | config.pop("service", {})],
            "notifiers": [{"type": "mine", "secret": SECRET}],
            **config,
        }
        (tmp_path / "c.json").write_text(json.dumps(whole))
        monkeypatch.chdir(tmp_path)
        monkeypatch.delenv("LOCAL_NODE", raising=False)
        for folder in packages:
            monkeypatch.syspath_prepend(folder)
        result = run("check", "c.json")
        assert SECRET not in result.output
        return result.exit_code, result.output

    yield check
    for module in ("a_probe", "a_provider", "a_notifier", "other"):
        sys.modules.pop(module, None)


def points(**modules):
    return [(KINDS[kind], f"mine = {module}:build") for kind, module in modules.items()]


GOOD = {"probe": "return Probe()", "provider": "return (Right(),)", "notifier": "return Right()"}


def all_but(kind, code):
    return {f"a_{one}": code if one == kind else right for one, right in GOOD.items()}


ALL = points(probe="a_probe", provider="a_provider", notifier="a_notifier")


def test_strangers_are_used(package, check):
    made = package("strangers", ALL, **all_but("", ""))
    assert check([made]) == (0, "c.json: ok, 1 service, 1 endpoint, update method mine\n")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("code", "told"),
    [
        (
            "import no_such_library\n",
            "cannot be loaded: ModuleNotFoundError: No module named 'no_such_library'",
        ),
        ("1 / 0\n", "cannot be loaded: ZeroDivisionError: division by zero"),
        ("build = 5\n", "is not a function that builds"),
        ("def other(): pass\n", "cannot be loaded: AttributeError: "),
        ("def build(*_):\n    raise ValueError('SECRET')\n", "has a bug: ValueError in FILE, line 2"),
        ("def build(): pass\n", "has a bug: TypeError in building.py, line "),
        ("return None", "does not keep its contract: "),
    ],
)
def test_a_broken_plug_in_is_one_sentence(package, check, kind, code, told):
    made = package("broken", ALL, **all_but(kind, code.replace("SECRET", SECRET)))
    status, said = check([made])
    assert status == 2
    (line,) = said.splitlines()
    assert line.startswith(f"c.json: {PLACE[kind]}{CALLED[kind]} ")
    assert told.replace("FILE", f"a_{kind}.py") in line


@pytest.mark.parametrize(
    ("kind", "code", "told"),
    [
        ("probe", "return object()", "a object lacks key, timeout, probe, close"),
        ("provider", "return Right()", "build gave a Right, not a tuple of providers"),
        ("provider", "return ()", "build gave a tuple, not a tuple of providers"),
        ("provider", "return (object(),)", "a object lacks label, start, fetch, apply, close"),
        ("notifier", "return object()", "a object lacks send"),
    ],
)
def test_what_build_gives_is_looked_at(package, check, kind, code, told):
    made = package("shapeless", ALL, **all_but(kind, code))
    line = f"c.json: {PLACE[kind]}{CALLED[kind]} does not keep its contract: {told}\n"
    assert check([made]) == (2, line)


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_that_two_packages_claim(package, check, kind):
    one = package("one", ALL, **all_but("", ""))
    two = package("two", points(**{kind: "other"}), other=GOOD[kind])
    status, said = check([one, two])
    assert status == 2
    (line,) = said.splitlines()
    assert all(f"{module}:build" in line for module in (f"a_{kind}", "other"))
    assert line.endswith("; keep one of them")
    assert "mine" in line


def test_mistakes_of_all_plug_ins_have_their_places_beside_those_of_the_schema(package, check):
    code = 'raise ConfigError("x", {})'
    made = package(
        "strict",
        ALL,
        a_probe=code.format(
            '["probe_options.list[1].x: is wrong", "ca_file: is bad", "host: is bad", "it fails"]'
        ),
        a_provider=code.format('["options.a: is wrong", "update_credentials: are short", "nothing: here"]'),
        a_notifier=code.format('["options.a.b: is wrong", "url: is missing"]'),
    )
    second = {"update_method": "mine", "options": {"a": 1}}
    status, said = check([made], loglevel="loud", service={"host": "www.e.test"}, providers={"b": second})
    assert status == 2
    assert {line.removeprefix("c.json: ") for line in said.splitlines()} == {
        'loglevel: must be "trace", "debug", "info", "warning" or "error", got "loud"',
        "services[0].probe_options.list[1].x: is wrong",
        "ca_file: is bad",
        "services[0].host: is bad",
        "services[0]: it fails",
        "update_options.a: is wrong",
        "update_credentials: are short",
        "nothing: here",
        "providers.b.options.a: is wrong",
        "providers.b.update_credentials: are short",
        "providers.b: nothing: here",
        "notifiers[0].options.a.b: is wrong",
        "notifiers[0].url: is missing",
    }


@pytest.mark.parametrize("kind", KINDS)
def test_what_this_process_lacks_is_no_mistake_of_the_file(package, check, kind):
    made = package("lacking", ALL, **all_but(kind, 'raise StartupError("no such device")'))
    assert check([made])[0] == 0


def test_a_wrong_value_makes_no_plug_in_speak_of_it(package, check):
    made = package(
        "strict",
        ALL,
        **all_but("provider", 'raise ConfigError("x", ["update_timeout_ms: is long", "it fails"])'),
    )
    status, said = check([made], update_timeout_ms="5s")
    assert (status, said) == (2, 'c.json: update_timeout_ms: must be a whole number, got "5s"\n')


def test_a_connectivity_check_by_a_stranger(package, check):
    made = package("link", ALL, **all_but("probe", 'raise ConfigError("x", ["healthcheck: is wrong"])'))
    status, said = check(
        [made], connectivity_check=["mine://192.0.2.1:5"], service={"healthcheck": "tcp://{}:5"}
    )
    assert (status, said) == (2, "c.json: connectivity_check[0]: healthcheck: is wrong\n")
