"""Arguments and options that several commands share, and their completion from what the daemon knows."""

import contextlib
import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from rrdnsd.cli.access import choose_access
from rrdnsd.cli.exits import CommandError

_QUICK = 0.5
"""Seconds that a person who presses TAB may have to wait."""


def complete_service(context: typer.Context, incomplete: str) -> list[str]:
    """Complete the name of a service."""
    names = {str(service["fqdn"]) for service in _services(context)}
    return sorted(name for name in names if name.startswith(incomplete))


def complete_address(context: typer.Context, incomplete: str) -> list[str]:
    """Complete an address, of the service that was named before if there is one."""
    wanted = context.params.get("fqdn") or context.params.get("service")
    found = {
        str(endpoint["address"])
        for service in _services(context)
        if wanted in (None, service["fqdn"])
        for endpoint in service["endpoints"]
    }
    return sorted(address for address in found if address.startswith(incomplete))


def complete_node(context: typer.Context, incomplete: str) -> list[str]:
    """Complete the address of a node."""
    status = _status(context)
    cluster = status.get("cluster", {})
    nodes = {str(status.get("node", "")), *(str(peer["node"]) for peer in cluster.get("peers", []))}
    return sorted(node for node in nodes if node and node.startswith(incomplete))


Fqdn = Annotated[
    str, typer.Argument(metavar="FQDN", help="The name of the service.", autocompletion=complete_service)
]
FqdnOrAll = Annotated[
    str | None,
    typer.Argument(
        metavar="FQDN",
        help="The name of the service. Without it: all services.",
        autocompletion=complete_service,
        show_default=False,
    ),
]
Address = Annotated[
    str,
    typer.Argument(metavar="ADDRESS", help="The address of the endpoint.", autocompletion=complete_address),
]
AddressOrAll = Annotated[
    str | None,
    typer.Argument(
        metavar="ADDRESS",
        help="The address of one endpoint. Without it: all of the service.",
        autocompletion=complete_address,
        show_default=False,
    ),
]
ServiceOption = Annotated[
    str | None,
    typer.Option(
        "--service",
        metavar="FQDN",
        help="Only this service.",
        autocompletion=complete_service,
        show_default=False,
    ),
]
AddressOption = Annotated[
    str | None,
    typer.Option(
        "--address",
        metavar="ADDRESS",
        help="Only this endpoint.",
        autocompletion=complete_address,
        show_default=False,
    ),
]


def _services(context: typer.Context) -> list[dict[str, Any]]:
    services: list[dict[str, Any]] = _status(context).get("services", [])
    return services


def _status(context: typer.Context) -> dict[str, Any]:
    from rrdnsd.cli import client  # noqa: PLC0415 - only completion needs a connection here

    def path(name: str) -> Path | None:
        given = context.params.get(name)
        return Path(given) if given else None

    with contextlib.suppress(CommandError, ValueError):
        access = choose_access(
            os.environ, path("socket"), context.params.get("url"), path("token_file"), path("ca_file")
        )
        found = json.loads(client.ask(access, "status", within=_QUICK))
        return found if isinstance(found, dict) else {}
    return {}
