"""Where the Unix socket of the local administrator is, for the daemon that opens it and the commands that use it."""

import os
from collections.abc import Mapping
from pathlib import Path

NAME = "api.sock"
USUAL_FOLDER = Path("/run/rrdnsd")


def socket_path(configured: str | None, env: Mapping[str, str]) -> Path | None:
    """Return the path: `api.socket`, else in systemd's $RUNTIME_DIRECTORY, else in /run/rrdnsd if that can be written.

    An empty `api.socket` means none.
    """
    if configured is not None:
        return Path(configured) if configured else None
    folder = env.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    if folder:
        return Path(folder) / NAME
    return USUAL_FOLDER / NAME if os.access(USUAL_FOLDER, os.W_OK | os.X_OK) else None
