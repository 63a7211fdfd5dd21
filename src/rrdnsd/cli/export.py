"""`rrdnsd export`: the configuration file that would lead to what is watched now."""

import json
import sys

from rrdnsd.cli.asking import report
from rrdnsd.cli.session import Session


def export(session: Session) -> None:
    """Print the configuration as it is now.

    It results from the file and the changes since. Secrets are replaced by env:NAME; their names are told on stderr.
    """
    from rrdnsd.control.reports import Exported  # noqa: PLC0415 - the command line starts without pydantic

    found = report(session, Exported, "export", for_people=False)  # it is for a file
    if found is None:
        return
    print(json.dumps(found.config, indent=2))
    if found.secrets:
        print(
            f"rrdnsd: secrets are left out; the file reads them from {', '.join(found.secrets)}",
            file=sys.stderr,
        )
