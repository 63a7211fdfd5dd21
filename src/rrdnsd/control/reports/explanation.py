"""Why records are as they are."""

from collections.abc import Mapping
from dataclasses import dataclass

from rrdnsd.control.reports.endpoints import VoteReport
from rrdnsd.control.reports.status import StandingOrder


@dataclass(frozen=True, slots=True)
class AddressExplanation:
    """Why an address is in DNS or not: `sentence` in one line, `steps` from probe to record."""

    address: str
    published: bool | None
    sentence: str
    steps: list[str]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a service's records are as they are.

    `ballots` are by address; `thresholds` are the rule's numbers in words; `writer` is the node that writes first,
    `plan` what would be written now on each server, `last_rcode` what the last update of each server was answered.
    """

    service: str
    sentence: str
    addresses: list[AddressExplanation]
    ballots: Mapping[str, list[VoteReport]]
    thresholds: list[str]
    orders: list[StandingOrder]
    writer: str
    plan: Mapping[str, str]
    last_rcode: Mapping[str, str]
