"""What is watched: the services, and all that is known of each of their endpoints."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from rrdnsd.core.health import Opinion
from rrdnsd.core.model import EndpointKey, ProbeResult, Service, State


@dataclass(slots=True)
class EndpointStatus:
    """Everything known of one endpoint. `verdict` is the quorum's; the opinion is only this node's.

    `pending` means that no quorum of fresh ballots stands behind the verdict at the moment, `divided` that a
    quorum of voters has voted all the same. Only `voted_here` does this node probe it and vote on it.
    """

    key: EndpointKey
    service: Service
    opinion: Opinion = field(default_factory=Opinion)
    verdict: State = State.UNKNOWN
    verdict_since: float = 0.0
    reason: str = ""
    pending: bool = True
    divided: bool = False
    suspected_at: float | None = None
    rechecked_at: float = float("-inf")
    last: ProbeResult | None = None
    voted_here: bool = True


@dataclass(slots=True)
class Watched:
    """The services by name, and the endpoints' statuses; those of a service together as well."""

    services: dict[str, Service] = field(default_factory=dict)
    endpoints: dict[EndpointKey, EndpointStatus] = field(default_factory=dict)
    _together: dict[str, tuple[EndpointStatus, ...]] = field(default_factory=dict)

    def of(self, service: str) -> tuple[EndpointStatus, ...]:
        """Return the statuses of a service's endpoints, in the order of its configuration."""
        return self._together[service]

    def reconfigure(self, services: Iterable[Service]) -> dict[str, Service]:
        """Take in a new set of services and return the old one. An endpoint that is asked the same question keeps its status."""
        old, known = self.services, self.endpoints
        self.services, self.endpoints, self._together = {}, {}, {}
        for service in services:
            same = service.fqdn in old and old[service.fqdn].question == service.question
            statuses = []
            for endpoint in service.endpoints:
                key = EndpointKey(service.fqdn, endpoint.address)
                status = known.get(key) if same else None
                if status is None:
                    status = EndpointStatus(key, service)
                status.service = service
                self.endpoints[key] = status
                statuses.append(status)
            self.services[service.fqdn] = service
            self._together[service.fqdn] = tuple(statuses)
        return old
