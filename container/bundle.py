"""Packs a tree that tools/make-tree made into one file that runs wherever there is the same Python: `bundle.py TREE FILE`."""

import shutil
import sys
import tempfile
import zipapp
from pathlib import Path

_LAUNCHER = Path(__file__).with_name("launcher.py")


def bundle(tree: Path, target: Path) -> None:
    """Write the file. What is compiled is left out: it is compiled where it is unpacked."""
    with tempfile.TemporaryDirectory() as folder:
        content = Path(folder)
        shutil.copytree(tree / "lib", content / "lib", ignore=shutil.ignore_patterns("__pycache__", "*.pth"))
        shutil.copy(_LAUNCHER, content / "__main__.py")
        zipapp.create_archive(content, target, interpreter="/usr/bin/env python3", compressed=True)
    target.chmod(0o755)


if __name__ == "__main__":
    bundle(Path(sys.argv[1]), Path(sys.argv[2]))
