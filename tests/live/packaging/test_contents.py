"""What the Debian package is made of."""

import re
from pathlib import PurePosixPath

import pytest

from support.packaging import ROOT, run

pytestmark = pytest.mark.timeout(600)

SITE = re.compile(r"/usr/lib/rrdnsd/lib/python3\.\d+/site-packages/")
PLACES = (
    "/etc/rrdnsd.json",
    "/usr/bin/rrdnsd",
    "/usr/lib/rrdnsd/bin/python3",
    "/usr/lib/rrdnsd/bin/rrdnsd",
    "/usr/share/bash-completion/completions/rrdnsd",
    "/usr/share/doc/rrdnsd/README.md",
    "/usr/share/doc/rrdnsd/copyright",
    "/usr/share/doc/rrdnsd/docs/install.md",
    "/usr/share/doc/rrdnsd/examples/rrdnsd.toml",
    "/usr/share/fish/vendor_completions.d/rrdnsd.fish",
    "/usr/share/man/man1/rrdnsd.1.gz",
    "/usr/share/man/man5/rrdnsd.json.5.gz",
    "/usr/share/zsh/vendor-completions/_rrdnsd",
)


@pytest.fixture(scope="module")
def files(package):
    lines = run(["dpkg-deb", "--contents", package[1]]).splitlines()
    return {line.split(maxsplit=5)[5].split(" -> ")[0][1:] for line in lines if not line.startswith("d")}


@pytest.fixture(scope="module")
def fields(package):
    return run(["dpkg-deb", "--field", package[1]])


def test_lintian_has_nothing_to_say(package):
    assert run(["lintian", "--allow-root", "--fail-on", "error,warning", package[0]]) == ""


@pytest.mark.parametrize("place", PLACES)
def test_everything_is_in_its_place(files, place):
    assert place in files


def test_the_service_is_there(files):
    assert any(name.endswith("/lib/systemd/system/rrdnsd.service") for name in files)


def test_nothing_is_where_another_package_would_put_it(files):
    ours = ("/usr/lib/rrdnsd/", "/usr/share/doc/rrdnsd/", "/usr/share/lintian/overrides/rrdnsd")
    own_name = re.compile(r"_?rrdnsd(\..*)?")
    assert [
        f for f in files if not f.startswith(ours) and not own_name.fullmatch(PurePosixPath(f).name)
    ] == []


def test_the_libraries_of_all_extras_are_in_it(files):
    locked = re.findall(
        r"^([a-z0-9-]+)==(?!.*win32)", (ROOT / "requirements" / "all.txt").read_text(), re.MULTILINE
    )
    found = {
        m[1].replace("_", "-").lower()
        for f in files
        if (m := re.search(r"/([^/]+)-[^/-]+\.dist-info/METADATA$", f))
    }
    assert found == {*locked, "rrdnsd"}


def test_nothing_is_in_it_that_nobody_runs(files):
    useless = re.compile(
        r"/(pip|setuptools|wheel|hatchling|pytest|sphinx|tests?)/|\.(pyx|pxd|c|h|po)$|direct_url.json$|/activate"
    )
    assert [name for name in files if SITE.match(name) and useless.search(name)] == []


def test_each_module_is_compiled(files):
    modules = {name for name in files if SITE.match(name) and name.endswith(".py")}
    compiled = {
        re.sub(r"__pycache__/(.*)\.cpython-\d+\.pyc$", r"\1.py", name)
        for name in files
        if name.endswith(".pyc")
    }
    assert modules == compiled


def test_templates_and_static_files_are_in_it(files):
    wanted = {
        path.relative_to(ROOT / "src").as_posix()
        for path in (ROOT / "src").rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc"}
    }
    assert {f"{SITE.match(f)[0]}" for f in files if SITE.match(f)}
    assert wanted <= {SITE.sub("", name) for name in files}


def test_it_needs_the_python_that_it_was_compiled_for(fields):
    minor = int(run(["/usr/bin/python3", "-c", "import sys; print(sys.version_info.minor)"]))
    assert f"python3 (>= 3.{minor}~), python3 (<< 3.{minor + 1}~)" in fields
    assert re.search(r"libc6 \(>= ", fields)


def test_no_path_of_the_build_is_in_it(package, tmp_path):
    run(["dpkg-deb", "--extract", package[1], tmp_path])
    found = [
        path
        for path in (tmp_path / "usr/lib").rglob("*")
        if path.is_file()
        and not path.is_symlink()
        and (b"debian/built" in (held := path.read_bytes()) or b"debian-package" in held)
    ]
    assert found == []
