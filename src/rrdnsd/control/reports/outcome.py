"""What is answered to those who change something or take it with them."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Exported:
    """A configuration file. Secrets that stood in it are replaced by `env:NAME`; `secrets` are those names."""

    config: Mapping[str, object]
    secrets: list[str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an order.

    `changed` is False if it stood already. `effect` says what it does or, in a dry run, would do.
    `known_by` are the nodes that have it, `unknown_to` those of the cluster that did not confirm it in time;
    they learn of it as soon as they are heard. `safe_at` is when a drained address may be stopped, as DNS
    follows at once; None while something keeps it from that, which `effect` names.
    """

    changed: bool
    effect: list[str]
    known_by: list[str]
    unknown_to: list[str]
    safe_at: float | None = None
    dry_run: bool = False
