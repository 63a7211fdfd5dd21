"""The `__main__` of the one-file rrdnsd: unpacks itself once for each version, and becomes the rrdnsd in there.

Compiled libraries cannot be loaded from within a zip file.
"""

import hashlib
import os
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path


def main() -> None:
    """Run the command that the arguments name."""
    archive = Path(__file__).parent
    with zipfile.ZipFile(archive) as content:
        wanted = next(name.split("/")[1] for name in content.namelist() if name.startswith("lib/python"))
        here = f"python{sys.version_info.major}.{sys.version_info.minor}"
        if here != wanted:
            sys.exit(
                f"rrdnsd: this file was made for {wanted}, and this is {here}: run it as `{wanted} {archive}`"
            )
        try:
            place = _unpacked(content)
        except OSError as error:
            sys.exit(
                f"rrdnsd: cannot unpack itself into {error.filename}: {error.strerror}; set XDG_CACHE_HOME"
            )
    python = str(place / "bin" / "python3")
    os.execv(python, [python, "-I", "-m", "rrdnsd", *sys.argv[1:]])  # noqa: S606 -- no shell is wanted


def _unpacked(content: zipfile.ZipFile) -> Path:
    """Return the folder with what is in the archive; it appears there as a whole or not at all."""
    sums = [f"{entry.filename} {entry.CRC} {entry.file_size}" for entry in content.infolist()]
    sums.append(os.path.realpath(sys.executable))
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rrdnsd"
    place = folder / hashlib.sha256("\n".join(sums).encode()).hexdigest()[:32]
    if place.is_dir():
        return place
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=folder, prefix="unpacking-"))
    try:
        content.extractall(fresh)
        (fresh / "bin").mkdir()
        # A virtual environment is this link and this file.
        interpreter = Path(sys.executable).resolve()
        (fresh / "bin" / "python3").symlink_to(interpreter)
        (fresh / "pyvenv.cfg").write_text(
            f"home = {interpreter.parent}\ninclude-system-site-packages = false\n"
        )
        fresh.rename(place)
    except OSError:
        shutil.rmtree(fresh, ignore_errors=True)
        if not place.is_dir():  # else another process was faster
            raise
    return place


if __name__ == "__main__":
    main()
