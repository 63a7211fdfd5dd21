"""What a reader asked to see of the overview."""

from dataclasses import dataclass
from urllib.parse import urlencode

from rrdnsd.control.reports import ServiceReport
from rrdnsd.web.dashboard import words
from rrdnsd.web.dashboard.board import View

STATES = (
    ("", "any"), ("trouble", "in trouble"), ("down", "down"), ("degraded", "degraded"), ("up", "up"),
    ("unknown", "unknown"), ("drained", "with a drain"), ("maintenance", "in maintenance"), ("differs", "DNS differs"),
)  # fmt: skip
"""The choices of the filter: value and words."""

_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Asked:
    """A filter of services: a piece of a name, an address or a label, and a state."""

    q: str = ""
    state: str = ""

    @property
    def query(self) -> str:
        """The same as the query part of a URL."""
        return urlencode({key: value for key, value in (("q", self.q), ("state", self.state)) if value})


def asked(q: str, state: str) -> Asked:
    """Read a filter; what is not understood counts as not asked."""
    return Asked(q.strip().lower()[:_LONGEST], state if state in dict(STATES) else "")


def shown(view: View, wanted: Asked) -> list[ServiceReport]:
    """Return the services that match, those in trouble first."""
    return sorted((found for found in view.services.values() if _matches(found, wanted)), key=words.rank)


def _matches(service: ServiceReport, wanted: Asked) -> bool:
    return _is(service, wanted.state) and (
        wanted.q in service.fqdn
        or any(
            wanted.q in endpoint.address or wanted.q in endpoint.label.lower()
            for endpoint in service.endpoints
        )
    )


def _is(service: ServiceReport, state: str) -> bool:
    match state:
        case "":
            return True
        case "trouble":
            return service.state != "up" or words.attention(service)
        case "drained":
            return any(endpoint.state == "drained" for endpoint in service.endpoints)
        case "maintenance":
            return bool(service.maintenance)
        case "differs":
            return any(not served.right for served in service.served)
        case _:
            return service.state == state
