"""The Debian package and Debians to install it in: each made once for all tests of a run, whichever worker asks."""

import fcntl
import os
import platform
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
# The package as it is, but packed in a second instead of twenty.
_QUICK = {"DPKG_DEB_COMPRESSOR_TYPE": "gzip", "DPKG_DEB_COMPRESSOR_LEVEL": "1"}
_ENTER = 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"'


def run(command, **options):
    """Run a command and return what it prints on stdout; AssertionError with all it printed when it fails."""
    words = [str(word) for word in command]
    done = subprocess.run(words, check=False, capture_output=True, text=True, errors="replace", **options)
    assert done.returncode == 0, (
        f"{' '.join(words)}: exit code {done.returncode}\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}"
    )
    return done.stdout


def copy_of_the_tree(folder):
    """Copy what git knows, and what it would if it were told, as it is now: what a clean clone holds."""
    listed = run(["git", "ls-files", "-coz", "--exclude-standard"], cwd=ROOT)
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def once(tmp_path_factory, name, make):
    """Return a folder that `make(folder)` filled, by this worker or, before or meanwhile, by another one."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with _locked(base / f"{name}.lock"):
        if not (base / name).exists():
            made = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=base))
            made.chmod(0o755)
            make(made)
            made.rename(base / name)
    return base / name


def built_package(tmp_path_factory):
    """Build the Debian package from a clean copy of the tree; returns the path of its .changes and of the .deb."""
    folder = once(tmp_path_factory, "debian-package", _build_package)
    return next(folder.glob("*.changes")), next(folder.glob("*.deb"))


def bare_debian(tmp_path_factory):
    """Make a Debian of this machine's release with nothing but apt; returns it as a tar archive for `System`."""
    return once(tmp_path_factory, "bare-debian", _bootstrap) / "root.tar"


def booting_debian(tmp_path_factory):
    """Make a Debian that has the package and can be booted, not started yet; returns it as a tar archive for `System`."""
    deb = built_package(tmp_path_factory)[1]
    bare = bare_debian(tmp_path_factory)

    def make(folder):
        system = System(bare, folder / "root")
        system.install(deb, "systemd")
        packed = folder / "root.tar"
        run(["tar", "--create", "--numeric-owner", "--file", packed, "--directory", system.root, "."])
        shutil.rmtree(system.root)

    return once(tmp_path_factory, "booting-debian", make) / "root.tar"


class System:
    """A Debian in a folder of its own: `start`, `run` and `install` work in it as root, without its own init."""

    def __init__(self, archive, folder):
        self.root = Path(folder)
        self.root.mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o755)
        run(["tar", "--extract", "--numeric-owner", "--file", archive, "--directory", self.root])

    def command(self, *words):
        """Return the command line that runs a command in here; it becomes that command, under the same pid."""
        return ["unshare", "--mount", "sh", "-c", _ENTER, str(self.root), *map(str, words)]

    def run(self, *words, **options):
        """Run a command in here and return what it prints on stdout."""
        return run(self.command(*words), **{"env": self.environment(), **options})

    def environment(self):
        """Return what a fresh login of root has."""
        paths = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return {"PATH": paths, "HOME": "/root", "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}

    def install(self, *packages):
        """Install packages by name, or .deb files of this machine, with apt and without what is only recommended."""
        names = []
        for package in packages:
            if isinstance(package, Path):
                shutil.copy(package, self.root / "tmp")
                names.append(f"/tmp/{package.name}")
            else:
                names.append(package)
        return self.run("apt-get", "install", "--yes", "--no-install-recommends", *names)


def _build_package(folder):
    tree = copy_of_the_tree(folder / "rrdnsd")
    run(["dpkg-buildpackage", "-us", "-uc", "-b"], cwd=tree, env={**os.environ, **_QUICK})
    shutil.rmtree(tree)


def _bootstrap(folder):
    release = platform.freedesktop_os_release()["VERSION_CODENAME"]
    (folder / "apt.conf").write_text(_apt_settings())
    command = [
        "mmdebstrap",
        "--quiet",
        "--variant=minbase",
        "--skip=cleanup/apt",
        "--dpkgopt=force-unsafe-io",  # a system that lives for a minute need not survive a power cut
        f"--aptopt={folder / 'apt.conf'}",
    ]
    run([*command, release, folder / "root.tar", *_apt_sources()])


def _apt_settings():
    """How this machine reaches its mirror: proxies, and what it does not check."""
    wanted = ("Acquire::http", "Acquire::https", "Acquire::Check", "Acquire::Retries")
    lines = run(["apt-config", "dump"]).splitlines()
    return "".join(f"{line}\n" for line in lines if line.startswith(wanted) and not line.endswith('"";'))


def _apt_sources():
    for name in ("sources.list.d/debian.sources", "sources.list"):
        path = Path("/etc/apt", name)
        if path.exists() and path.read_text().strip():
            return [path]
    return []


@contextmanager
def _locked(path):
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
