from importlib.metadata import EntryPoint

import pytest

from rrdnsd.config import plugins
from rrdnsd.errors import PluginError
from rrdnsd.providers import nsupdate, registry


@pytest.fixture
def strangers(monkeypatch):
    """Replaces the installed entry points."""

    def install(**methods):
        entries = tuple(EntryPoint(name, value, registry.GROUP) for name, value in methods.items())
        monkeypatch.setattr(plugins, "points", lambda _: entries)

    return install


def test_the_built_in_methods_are_there_as_strangers_would_be():
    assert {"builtin", "knsupdate", "nsupdate", "rfc2136"} <= set(registry.known_methods())
    assert registry.find_build("nsupdate") is nsupdate.build


def test_an_unknown_method_is_told_with_the_known_and_the_nearest():
    with pytest.raises(PluginError) as caught:
        registry.find_build("nsupdat")
    known = ", ".join(registry.known_methods())
    assert str(caught.value) == (
        f'update_method "nsupdat" is not installed; known methods are {known}; did you mean "nsupdate"?'
    )


def test_nothing_installed_at_all(strangers):
    strangers()
    with pytest.raises(PluginError, match=r'^update_method "x" is not installed; known methods are none$'):
        registry.find_build("x")


def test_a_stranger_is_found(strangers):
    strangers(mine="rrdnsd.providers.nsupdate:build")
    assert registry.known_methods() == ("mine",)
    assert registry.find_build("mine") is nsupdate.build


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("no.such.module:build", r"cannot be loaded: ModuleNotFoundError: No module named 'no'"),
        ("rrdnsd.providers.nsupdate:nothing", r"cannot be loaded: AttributeError: "),
        ("rrdnsd.providers.nsupdate:__doc__", r"is not a function that builds providers"),
    ],
)
def test_a_broken_stranger_is_one_sentence(strangers, value, reason):
    strangers(broken=value)
    with pytest.raises(PluginError, match=rf'^update_method "broken" \({value}\) {reason}'):
        registry.find_build("broken")
