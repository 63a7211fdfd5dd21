"""Which plug-ins are installed: read once, and anew as soon as a package comes or goes."""

import importlib.metadata

from rrdnsd.config import plugins


def install(folder, name, point):
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{plugins.PROBES}]\n{point}\n")


def test_packages_that_come_while_it_runs_are_found(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "mine" not in plugins.names(plugins.PROBES)
    install(tmp_path, "strangers", "mine = here:build")
    assert "mine" in plugins.names(plugins.PROBES)
    install(tmp_path, "others", "mine = there:build")
    assert plugins.claims(plugins.PROBES, "mine") == ("here:build", "there:build")


def test_packages_are_read_once(monkeypatch):
    before = plugins.names(plugins.PROVIDERS)
    monkeypatch.setattr(importlib.metadata.Distribution, "entry_points", None)
    assert plugins.names(plugins.PROVIDERS) == before
    assert plugins.points(plugins.PROBES)
    assert plugins.claims(plugins.NOTIFIERS, "webhook")
