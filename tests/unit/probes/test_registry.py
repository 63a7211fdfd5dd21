from importlib.metadata import EntryPoint

import pytest

from rrdnsd.core.model import EndpointKey
from rrdnsd.errors import PluginError
from rrdnsd.probes.base import CheckSpec
from rrdnsd.probes.http import HttpProbe
from rrdnsd.probes.registry import GROUP, ProbeTypes


def types(**points):
    return ProbeTypes(EntryPoint(name, value, GROUP) for name, value in points.items())


def test_built_ins_are_installed_like_strangers():
    assert {"http", "https", "tcp"} <= set(ProbeTypes().schemes)


def test_the_scheme_chooses_the_type():
    key = EndpointKey("a.test", "192.0.2.1")
    assert isinstance(ProbeTypes().builder("http")(CheckSpec("http://{}/", "a.test", 1.0), key), HttpProbe)


def test_an_unknown_scheme_is_one_sentence_with_the_known_ones():
    with pytest.raises(PluginError) as caught:
        types(http="rrdnsd.probes.http:build", tcp="rrdnsd.probes.tcp:build").builder("ftp")
    assert str(caught.value) == "no probe type is installed for ftp://; known are http, tcp"


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("no.such.module:build", "cannot be loaded: ModuleNotFoundError"),
        ("rrdnsd.probes.http:missing", "cannot be loaded: AttributeError"),
        ("rrdnsd.probes.request:DEFAULT_PORTS", "is not a function that builds probes"),
    ],
)
def test_a_broken_plug_in_is_named(value, problem):
    with pytest.raises(PluginError, match=problem) as caught:
        types(x=value).builder("x")
    assert value in str(caught.value)


def test_two_packages_cannot_claim_one_scheme():
    points = [EntryPoint("x", "one:build", GROUP), EntryPoint("x", "two:build", GROUP)]
    with pytest.raises(PluginError, match="two probe types claim x://: one:build and two:build"):
        ProbeTypes(points)


def test_the_same_package_found_twice_is_no_quarrel():
    points = [EntryPoint("tcp", "rrdnsd.probes.tcp:build", GROUP)] * 2
    assert ProbeTypes(points).schemes == ("tcp",)
