"""The daemon's own process: `python -P -m rrdnsd.compose LOG_FORMAT [FILE]`, which `rrdnsd run` becomes."""

import os
import sys
from pathlib import Path
from typing import cast

from rrdnsd.compose import run_daemon
from rrdnsd.config import config_path
from rrdnsd.daemon.journal import LogFormat
from rrdnsd.errors import ConfigError, RrdnsdError

FAILED, INVALID = 1, 2


def main(log_format: LogFormat, file: str = "") -> int:
    """Run the daemon and return its exit code: 2 for mistakes in the configuration, 1 if it cannot start."""
    path = config_path(os.environ, Path(file) if file else None)
    try:
        run_daemon(path, os.environ, log_format)
    except ConfigError as error:
        print(error.lines(), file=sys.stderr)  # noqa: T201 -- there is no log yet
        return INVALID
    except RrdnsdError as error:
        print(f"rrdnsd: {error}", file=sys.stderr)  # noqa: T201 -- as above
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main(cast("LogFormat", sys.argv[1]), *sys.argv[2:]))
