"""Why each address of a service is in DNS or is not, from the probe to the record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rrdnsd.control.reports import AddressExplanation, Explanation, VoteReport
from rrdnsd.core import override
from rrdnsd.core.model import Endpoint, EndpointKey, NameChange, Service, State
from rrdnsd.core.override import Effective, Override
from rrdnsd.core.publish import Publication
from rrdnsd.core.quorum import quorum
from rrdnsd.daemon.control.ballots import votes
from rrdnsd.daemon.control.drains import drain_report
from rrdnsd.daemon.control.figures import probe_text
from rrdnsd.daemon.control.scene import Scene, covering
from rrdnsd.daemon.control.served import is_right, is_served
from rrdnsd.daemon.control.standing import about, standing
from rrdnsd.daemon.control.status import is_published, service_state
from rrdnsd.daemon.control.words import clock, listed, span


@dataclass(frozen=True, slots=True)
class _Case:
    """One service as it is explained."""

    scene: Scene
    service: Service
    publication: Publication
    orders: Sequence[Override]
    states: Mapping[str, Effective]
    ballots: Mapping[str, list[VoteReport]]


def explain(scene: Scene, fqdn: str, address: str | None = None) -> Explanation:
    """Explain a service that is watched, or only one of its addresses."""
    service = scene.engine.services[fqdn]
    orders = covering(scene.orders(), fqdn)
    case = _Case(
        scene=scene,
        service=service,
        publication=scene.engine.publications[fqdn],
        orders=orders,
        states={e.address: scene.effective(EndpointKey(fqdn, e.address), orders) for e in service.endpoints},
        ballots=votes(scene, fqdn),
    )
    asked = [e for e in service.endpoints if address in (None, e.address)]
    return Explanation(
        service=fqdn,
        sentence=_whole(case),
        addresses=[_address(case, endpoint) for endpoint in asked],
        ballots={e.address: case.ballots[e.address] for e in asked},
        thresholds=_thresholds(case),
        orders=about(standing(scene.ledger, scene.wall), fqdn, address),
        writer=_writer(case),
        plan={keeper.server: _plan(case, keeper.proposal(fqdn)) for keeper in scene.keepers(fqdn)},
        last_rcode={
            keeper.server: keeper.status.last_answer or "nothing was written yet"
            for keeper in scene.keepers(fqdn)
        },
    )


def _whole(case: _Case) -> str:
    publication, fqdn = case.publication, case.service.fqdn
    state, reason = service_state(case.states)
    wrong = [
        keeper.server
        for keeper in case.scene.keepers(fqdn)
        if not all(is_right(keeper, publication, key) for key in publication.keys)
    ]
    dns = f"DNS differs on {listed(wrong)}" if wrong else "DNS is as it should be"
    parts = [f"{fqdn} is {state}: {reason}", publication.fail_open, publication.failover, dns]
    held = publication.held and f"nothing is written: {publication.held}"
    return "; ".join(filter(None, (*parts, held)))


def _address(case: _Case, endpoint: Endpoint) -> AddressExplanation:
    published = is_published(case.publication, endpoint.address)
    steps = (
        _probed(case, endpoint),
        _voted(case, endpoint),
        _verdict(case, endpoint),
        _ordered(case, endpoint),
        _decided(case, endpoint, published),
        *_dns(case, endpoint),
    )
    return AddressExplanation(
        address=endpoint.address,
        published=published,
        sentence=_sentence(case, endpoint, published),
        steps=[step for step in steps if step],
    )


def _sentence(case: _Case, endpoint: Endpoint, published: bool | None) -> str:
    served, address = is_served(case.scene, case.publication, endpoint.address), endpoint.address
    why = _cause(case, endpoint, published)
    known = {True: "in DNS", False: "not in DNS", None: "on some DNS servers only"}
    if not any(case.service.fqdn in k.read_at for k in case.scene.keepers(case.service.fqdn)):
        known[None] = "perhaps in DNS: no server was read yet"
    is_now = f"{address} is {known[served]}"
    if published is None:
        return f"{is_now} and is left so: {why}"
    if published is served:
        held = case.publication.held
        frozen = f" (and stays so while nothing is written: {held})" if held else ""
        return f"{is_now}: {why}{frozen}{_finish(case, endpoint)}"
    aim = "shall be in DNS" if published else "shall not be in DNS"
    return f"{is_now} but {aim}: {why}; {_delay(case)}"


def _cause(case: _Case, endpoint: Endpoint, published: bool | None) -> str:
    """Say which rule decided about an address."""
    effective, publication = case.states[endpoint.address], case.publication
    if effective.out:
        return effective.out
    if published is None:
        return (
            "no quorum stands behind its verdict now"
            if effective.pending
            else "it depends on one without a quorum"
        )
    if published:
        if effective.state is State.DOWN:
            return publication.fail_open or f"{effective.reason}, but health never empties a record set"
        return effective.reason
    if effective.state is State.UP:
        return publication.failover or _standby(case, endpoint)
    return effective.reason


def _standby(case: _Case, endpoint: Endpoint) -> str:
    rivals = [e for e in case.service.endpoints if e.rtype == endpoint.rtype]
    serving = {e.priority for e in rivals if is_published(case.publication, e.address)}
    tier = min(serving, default=None)
    if tier is None or tier == endpoint.priority:
        return "it is up, and others were chosen"
    ups = sum(case.states[e.address].state is State.UP for e in rivals if e.priority == tier)
    return f"it is a standby (priority {endpoint.priority}): the tier of priority {tier} serves with {ups} up"


def _delay(case: _Case) -> str:
    """Say what keeps DNS from being as it should."""
    if case.publication.held:
        return f"nothing is written: {case.publication.held}"
    if case.scene.config.mode == "shadow":
        return "mode shadow writes nothing"
    troubles = [
        f"{k.server}: {k.status.error}" for k in case.scene.keepers(case.service.fqdn) if k.status.error
    ]
    return "; ".join(troubles) or f"{_writer(case)} writes it"


def _finish(case: _Case, endpoint: Endpoint) -> str:
    drain = drain_report(case.scene, EndpointKey(case.service.fqdn, endpoint.address))
    if drain is None:
        return ""
    if drain.safe_at is None:
        return f"; not safe to stop: {drain.waiting_for}"
    return f"; safe to stop {'since' if drain.safe else 'at'} {clock(drain.safe_at, case.scene.wall)}"


def _probed(case: _Case, endpoint: Endpoint) -> str:
    status = case.scene.engine.endpoints[EndpointKey(case.service.fqdn, endpoint.address)]
    if not status.voted_here:
        return "probe: none, this node is not one of its voters"
    opinion, thresholds = status.opinion, case.service.thresholds
    said = f"probe: {probe_text(status.last) or 'no result yet'}; this node says {opinion.state}"
    if opinion.state is not State.DOWN and opinion.failures:
        return f"{said} ({opinion.failures} of {thresholds.fall} failures)"
    if opinion.successes:
        return f"{said} ({opinion.successes} of {thresholds.rise} successes)"
    return said


def _voted(case: _Case, endpoint: Endpoint) -> str:
    if case.scene.engine.electorate.size == 1:
        return ""
    said = [
        f"{vote.node} {vote.state}"
        + (f" ({vote.reason})" if vote.reason else "")
        + ("" if vote.counted else ", not counted")
        for vote in case.ballots[endpoint.address]
    ]
    return f"votes: {'; '.join(said)}"


def _verdict(case: _Case, endpoint: Endpoint) -> str:
    status = case.scene.engine.endpoints[EndpointKey(case.service.fqdn, endpoint.address)]
    if status.verdict is State.UNKNOWN:
        return "verdict: none yet" + (", the nodes are divided" if status.divided else "")
    since = clock(case.scene.at(status.verdict_since), case.scene.wall)
    pending = "; no quorum stands behind it now" if status.pending else ""
    return f"verdict since {since}: {status.reason}{pending}"


def _ordered(case: _Case, endpoint: Endpoint) -> str:
    key = EndpointKey(case.service.fqdn, endpoint.address)
    said = [order.sentence for order in case.orders if order.covers(key) and order.active(case.scene.now)]
    return f"orders: {'; '.join(said)}" if said else "orders: none"


def _decided(case: _Case, endpoint: Endpoint, published: bool | None) -> str:
    choice = {True: "shall be in DNS", False: "shall not be in DNS", None: "is left as it is found"}[
        published
    ]
    return f"decision: it {choice}: {_cause(case, endpoint, published)}"


def _dns(case: _Case, endpoint: Endpoint) -> list[str]:
    steps = []
    for keeper in case.scene.keepers(case.service.fqdn):
        read_at = keeper.read_at.get(case.service.fqdn)
        if read_at is None:
            steps.append(
                f"{keeper.server}: not read yet" + (f": {keeper.status.error}" if keeper.status.error else "")
            )
            continue
        found = any(
            endpoint.address in rrset.addresses
            for key in case.publication.keys
            if (rrset := keeper.served.get(key))
        )
        ago = span(case.scene.now - read_at)
        steps.append(f"{keeper.server}: {'serves it' if found else 'does not serve it'} (read {ago} ago)")
    return steps


def _thresholds(case: _Case) -> list[str]:
    service = case.service
    fall, rise = service.thresholds.fall, service.thresholds.rise
    found = [
        f"a node says down after {fall} failures and up again after {rise} successes in a row",
        _needed(case),
    ]
    if service.fail_open_threshold is not None:
        drained = sum(bool(state.out) for state in case.states.values())
        down = sum(s.state is State.DOWN and not s.out for s in case.states.values())
        counted = len(case.states) - drained
        found.append(
            f"fail-open when more than {service.fail_open_threshold:.0%} of the endpoints are down: {down} of {counted} are"
        )
    tiers = sorted({e.priority for e in service.endpoints})
    if len(tiers) > 1:
        said = ", ".join(f"priority {tier}: {_ups(case, tier)} up" for tier in tiers)
        found.append(f"the first tier with {service.min_up} up is published: {said}")
    order = override.failover(service.fqdn, case.orders, case.scene.now)
    return [*found, order.sentence] if order else found


def _needed(case: _Case) -> str:
    electorate = case.scene.engine.electorate
    voters = electorate.voters.of(case.service.fqdn)
    if electorate.size == 1:
        return "this node decides alone"
    if electorate.voters.are_all(case.service.fqdn):
        return f"a verdict needs {quorum(len(voters))} of {len(voters)} nodes"
    return f"a verdict needs {quorum(len(voters))} of {len(voters)} voters: {listed(voters)}"


def _ups(case: _Case, tier: int) -> int:
    return sum(
        case.states[e.address].state is State.UP and not case.states[e.address].out
        for e in case.service.endpoints
        if e.priority == tier
    )


def _writer(case: _Case) -> str:
    if case.scene.serves_itself(case.service.fqdn):
        return case.scene.config.local_node
    return next(iter(case.scene.writers(case.service.fqdn)), "")


def _plan(case: _Case, proposal: NameChange | None) -> str:
    if case.publication.held:
        return f"nothing is written: {case.publication.held}"
    return proposal.reason if proposal else "nothing to write"
