import json
import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from support.packaging import bare_debian, copy_of_the_tree, once, run

IMAGE = "localhost/rrdnsd:bookworm"

# crun wants one hierarchy of cgroups and takes none of them here; a mix of both versions makes it give up.
_ONE_HIERARCHY = 'umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup && exec "$0" "$@"'


class Podman:
    """Podman with a storage of its own in a folder, which needs neither a registry nor cgroups."""

    def __init__(self, storage, running, driver):
        # What it mounts to have layers goes with it.
        self.words = [
            "unshare", "--mount", "podman",
            f"--root={storage}", f"--runroot={running}/run", f"--tmpdir={running}/tmp",
            f"--storage-driver={driver}", "--cgroup-manager=cgroupfs", "--events-backend=none",
        ]  # fmt: skip

    def __call__(self, *words):
        return run([*self.words, *words])

    def command(self, *words):
        """The command line of `podman run` with these words; it becomes podman."""
        limits = [f"--ulimit={name}=4096:4096" for name in ("nofile", "nproc")]
        own = ["run", "--rm", "--cgroups=disabled", *limits, *words]
        enter = ["unshare", "--mount", "--propagation=private", "sh", "-c", _ONE_HIERARCHY]
        return [*enter, *self.words, *own]

    def run(self, *words):
        """Run a container to its end and return what it prints on stdout."""
        return run(self.command(*words))

    def start(self, name, *words, log):
        """Run a container beside the test."""
        with log.open("wb") as out:
            return subprocess.Popen(
                self.command(f"--name={name}", *words), stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )


@pytest.fixture(scope="session")
def podman(tmp_path_factory):
    """Podman that has the image, built by `make podman-build-bookworm` on a Debian that was made here."""
    base = bare_debian(tmp_path_factory)
    storage = base.parent / "podman"

    def build(folder):
        running = tempfile.mkdtemp(prefix="podman", dir="/var/tmp")  # Podman wants a short path
        driver = _driver(folder)
        (folder / "made").write_text(f"{running} {driver}")
        made = Podman(storage, running, driver)
        made("import", "--quiet", base, "localhost/debian:test")
        tree = copy_of_the_tree(tmp_path_factory.mktemp("source"))
        args = [
            "--isolation=chroot", "--quiet", "--layers=false", "--build-arg=BASE=localhost/debian:test",
            *(f"--volume={path}:{path}:ro" for path in _authorities()),
        ]  # fmt: skip
        variables = [f"PODMAN={' '.join(made.words)}", f"PODMAN_ARGS={' '.join(args)}"]
        run(["make", "podman-build-bookworm", *variables], cwd=tree, env={**os.environ, "MAKEFLAGS": ""})

    folder = once(tmp_path_factory, "container-image", build)
    return Podman(storage, *(folder / "made").read_text().split())


def _driver(folder):
    """Layers where they can be mounted; else each container is a copy, which takes seconds."""
    for name in ("lower", "upper", "work", "merged"):
        (folder / "layers" / name).mkdir(parents=True, exist_ok=True)
    options = "lowerdir=lower,upperdir=upper,workdir=work"
    command = ["unshare", "--mount", "mount", "-t", "overlay", "overlay", "-o", options, "merged"]
    done = subprocess.run(command, check=False, capture_output=True, cwd=folder / "layers")
    return "vfs" if done.returncode else "overlay"


def _authorities():
    """The certificate authorities of this machine's administrator: its way to the package registries may need them."""
    path = Path("/usr/local/share/ca-certificates")
    return [path] if path.is_dir() else []


@pytest.fixture(scope="session")
def image(podman):
    """What the image says of itself."""
    return json.loads(podman("image", "inspect", IMAGE))[0]
