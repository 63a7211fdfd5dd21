"""The configuration file that would lead to what is watched now, without a secret in it."""

import re
from collections.abc import Mapping, Sequence

from rrdnsd.config.hiding import Place, hide
from rrdnsd.config.overlay import changed_services
from rrdnsd.config.text import HIDDEN
from rrdnsd.core.orders import Changes


def export(
    raw: Mapping[str, object], changes: Changes, nodes: Sequence[str] | None = None
) -> tuple[dict[str, object], list[str]]:
    """Return the resulting configuration, comments kept, and the variables that must hold its secrets.

    `raw` is the file as it is. A secret that stands in it is replaced by `env:RRDNSD_...`, named after its
    place; references to variables and files stay. `rrdnsd.config.hiding` tells what a secret is.
    """
    whole = dict(raw)
    if not changes.leaves_the_file:
        whole["services"] = changed_services(raw, changes)
    if nodes is not None:
        whole["nodes"] = list(nodes)
    names: list[str] = []

    def instead(place: Place) -> str:
        # A comment needs no variable.
        return HIDDEN if any(part.startswith("_") for part in place) else f"env:{_variable(place, names)}"

    clean = hide(whole, instead)
    return (clean if isinstance(clean, dict) else {}), names


def _variable(place: Place, names: list[str]) -> str:
    base = "RRDNSD_" + re.sub(r"[^A-Z0-9]+", "_", "_".join(place).upper())
    name, number = base, 2
    while name in names:
        name, number = f"{base}_{number}", number + 1
    names.append(name)
    return name
