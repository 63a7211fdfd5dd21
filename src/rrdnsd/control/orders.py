"""What operators may order: one frozen model for each order, the body of `POST /api/v1/PATH`.

A new order is a class here, one line in `ORDERS`, and one handler in `daemon/control/handlers.py`.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from rrdnsd.config import values as v

_ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$"
"""No line breaks or other control characters: these texts stand in logs."""

Text = Annotated[str, Field(max_length=500, pattern=_ONE_LINE)]
Addresses = Annotated[tuple[v.Address, ...], Field(max_length=1000)]


class Order(BaseModel):
    """What every order carries. `who` adds to the name that the credentials stand for; it never replaces it."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    path: ClassVar[str]

    why: Text = Field(default="", description="The reason, for the other operators and the audit.")
    who: Annotated[str, Field(max_length=100, pattern=_ONE_LINE)] = Field(
        default="", description="The person, where the credentials are shared."
    )
    request_id: Annotated[str, Field(max_length=100, pattern=r"^[\x21-\x7e]*$")] = Field(
        default="", description="Repeating a request under the same identifier changes nothing more."
    )
    dry_run: bool = Field(default=False, description="Tell the effect and change nothing.")


class Drain(Order):
    """Take an address out of DNS; it is still probed. Without a service: out of every service that has it."""

    path = "drain"
    address: v.Address
    service: v.DomainName | None = None


class Undrain(Order):
    """End a drain: the address comes back as soon as its verdict allows."""

    path = "undrain"
    address: v.Address
    service: v.DomainName | None = None


class Maintenance(Order):
    """Freeze the records of a service, or of all of them, and keep notifiers silent."""

    path = "maintenance"
    service: v.DomainName | None = Field(default=None, description="Without a service: all of them.")
    until: AwareDatetime | None = Field(
        default=None,
        description="When it ends by itself (ISO 8601 with an offset); without it, when it is ended.",
    )


class EndMaintenance(Order):
    """End a maintenance before its time. Without a service: that of all services."""

    path = "maintenance/end"
    service: v.DomainName | None = None


class Pause(Order):
    """Let no node of the cluster write DNS; all still probe, vote and report."""

    path = "pause"


class Resume(Order):
    """End the pause."""

    path = "resume"


class Failover(Order):
    """Prefer these endpoints of a service, or those of a tier; by default, those of the next tier.

    While none of them is healthy the usual order of the tiers decides.
    """

    path = "failover"
    service: v.DomainName
    to: Addresses = ()
    tier: Annotated[int, Field(ge=0, le=65535)] | None = Field(
        default=None, description="The `priority` of the tier to prefer."
    )


class Failback(Order):
    """End a failover: the usual order of the tiers decides again."""

    path = "failback"
    service: v.DomainName


class Force(Order):
    """Take an endpoint for up or down, whatever the probes say."""

    path = "force"
    service: v.DomainName
    address: v.Address
    state: Literal["up", "down"]


class Unforce(Order):
    """Believe the probes of an endpoint again."""

    path = "unforce"
    service: v.DomainName
    address: v.Address


class Refresh(Order):
    """Write a name anew: first add all its live endpoints, then delete the unreachable ones."""

    path = "refresh"
    service: v.DomainName


class AddService(Order):
    """Watch one more service on all nodes; `config` is what would stand in `services` of the file."""

    path = "service/add"
    config: Mapping[str, object]


class RemoveService(Order):
    """Stop to watch a service on all nodes. Its records stay, unless they are to be withdrawn."""

    path = "service/remove"
    service: v.DomainName
    withdraw: bool = Field(default=False, description="Also delete its A and AAAA records.")


class AddEndpoint(Order):
    """Add an address to a service; it is published once it is up."""

    path = "endpoint/add"
    service: v.DomainName
    address: v.Address
    priority: Annotated[int, Field(ge=0, le=65535)] = 0
    label: v.Label = ""


class RemoveEndpoint(Order):
    """Remove an address from a service, and its record from DNS unless that is to be kept."""

    path = "endpoint/remove"
    service: v.DomainName
    address: v.Address
    keep: bool = Field(default=False, description="Leave its record as it is.")


class AddNode(Order):
    """Let one more node vote. A quorum of the present nodes must agree."""

    path = "node/add"
    node: v.NodeAddress


class RemoveNode(Order):
    """Let a node vote no longer. A quorum of the present nodes must agree."""

    path = "node/remove"
    node: v.NodeAddress


class Reload(Order):
    """Read the configuration file again on this node, and no other. A file with mistakes changes nothing.

    As a dry run it tells what the file would change.
    """

    path = "reload"


ORDERS: tuple[type[Order], ...] = (
    Drain, Undrain, Maintenance, EndMaintenance, Pause, Resume, Failover, Failback, Force, Unforce, Refresh,
    AddService, RemoveService, AddEndpoint, RemoveEndpoint, AddNode, RemoveNode, Reload,
)  # fmt: skip
