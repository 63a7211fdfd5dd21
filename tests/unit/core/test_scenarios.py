"""Plays the scripts of scenarios/*.txt: every line is an event or, behind `>`, an effect it must have.

The engine is that of node a, alone unless the script begins with `nodes`. What `b says` is all that b has to say,
and b repeats it every second until `b is silent`.
"""

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from rrdnsd.core.effects import (
    Abstained,
    Mismatched,
    PeerChanged,
    Publish,
    Recheck,
    Retire,
    ServiceTransition,
    Suspected,
    Transition,
    Voted,
)
from rrdnsd.core.engine import Engine
from rrdnsd.core.events import Connectivity, Heard, Ordered, Probed, Reconfigured, Ticked
from rrdnsd.core.model import Endpoint, EndpointKey, ProbeResult, Service, State, Thresholds, Timings
from rrdnsd.core.override import Kind, Override
from rrdnsd.core.quorum import Ballot
from rrdnsd.core.votes import ServiceVotes, Span, Statement, VoteTable, electorate_digest

SCENARIOS = sorted((Path(__file__).parent / "scenarios").glob("*.txt"))
WWW = "www.example.test"


def key(where):
    service, _, address = where.rpartition("/")
    return EndpointKey(service or WWW, address)


def parse_service(words):
    fields, fqdn = dict(zip(words[1::2], words[2::2], strict=True)), words[0]
    endpoints, withdrawn = [], frozenset(filter(None, fields.get("withdrawn", "").split(",")))
    for text in filter(None, fields["endpoints"].split(",")):
        address, _, priority = text.partition("/")
        endpoints.append(Endpoint(address, int(priority or 0)))
    threshold = fields.get("threshold", "0.5")
    return Service(
        fqdn, "example.test", "default", 60, tuple(endpoints),
        Thresholds(int(fields.get("rise", 2)), int(fields.get("fall", 2))),
        fail_open_threshold=None if threshold == "off" else float(threshold),
        fast_interval=0.1, definition=fields.get("definition", "") + fields["endpoints"],
        question=fields.get("definition", ""), withdrawn=withdrawn,
    )  # fmt: skip


def show(effect):
    return (show_quorum(effect) or show_decision(effect)).strip()


def show_quorum(effect):
    match effect:
        case Voted(key):
            return f"vote on {key.address}"
        case Suspected(key):
            return f"suspect {key.address}"
        case Abstained(reason):
            return f"abstain: {reason}" if reason else "abstain no more"
        case PeerChanged(node, counted, reason):
            return f"{node} counts" if counted else f"{node} does not count: {reason}"
        case Mismatched(node, service, text):
            return f"{node} {service or 'nodes'}: {text or 'alike'}"
    return ""


def show_decision(effect):
    match effect:
        case Recheck(key, delay):
            return f"recheck {key.address} in {delay:g}"
        case Transition(key, before, after, reason, first_seen):
            return f"{key.address} {before} -> {after} ({reason}) first seen {first_seen:g}"
        case ServiceTransition(service, state, reason):
            return f"service {service} {state}: {reason}"
        case Retire(service, _, _):
            return f"retire {service}"
        case Publish(publication):
            if publication.held:
                return f"hold {publication.service}: {publication.held}"
            words = [f"+{a}" for addresses in publication.present.values() for a in sorted(addresses)]
            words += [f"-{a}" for addresses in publication.absent.values() for a in sorted(addresses)]
            return f"publish {publication.service}: {' '.join(words)}" + (
                " (fail-open)" if publication.fail_open else ""
            )


class Stage:
    def __init__(self):
        self.services, self.overrides, self.now, self.said = {}, [], 0.0, {}
        self.engine = Engine("a", ("a",), (), 0.0)

    def play(self, line):
        moment, verb, *words = shlex.split(line)
        effects = []
        if verb == "freeze":
            self.now = float(moment)
        while self.now + 1 < float(moment):
            self.now += 1
            for node in [*self.said]:
                effects += self.engine.handle(Heard(self.statement(node)), self.now)
            effects += self.engine.handle(Ticked(), self.now)
        self.now = float(moment)
        if words and words[0] in {"says", "is"}:
            verb, words = words[0], [verb, *words[1:]]
        effects += self.engine.handle(getattr(self, f"do_{verb}")(words), self.now)
        alone = self.engine.electorate.size == 1
        return [show(effect) for effect in effects if not (alone and isinstance(effect, Voted | Suspected))]

    def do_nodes(self, words):
        self.engine = Engine("a", tuple(words), (), self.now)
        return Ticked()

    def do_says(self, words):
        node, *said = words
        self.said[node] = said
        return Heard(self.statement(node))

    def do_is(self, words):
        assert words[1] == "silent"
        del self.said[words[0]]
        return Ticked()

    def do_freeze(self, _words):
        self.said.clear()
        return Ticked()

    def do_link(self, words):
        return Connectivity("" if words == ["good"] else words[0])

    def statement(self, node):
        """Read words such as `10.0.0.1 up 10.0.0.2 down abstains "no link" age 3`; other services by name/address."""
        words = dict(zip(self.said[node][::2], self.said[node][1::2], strict=True))
        own = {
            name: words.pop(name)
            for name in ("abstains", "age", "definition", "nodes", "suspects")
            if name in words
        }
        table = VoteTable()
        for name, service in self.services.items():
            if service.endpoints:
                table.put(ServiceVotes(name, own.get("definition", service.definition), {}))
        for where, state in words.items():
            ballot = Ballot(State(state), "refused" if state == "down" else "")
            table.cast(key(where), ballot)
        suspects = [key(address) for address in own.get("suspects", "").split(",") if address]
        return Statement(
            node,
            self.now - float(own.get("age", 0)),
            electorate_digest(
                own["nodes"].split(",") if "nodes" in own else self.engine.electorate.roster.nodes
            ),
            table.digest,
            tuple(table[name] for name in table.services()),
            Span(),
            own.get("abstains", ""),
            tuple(suspects),
        )

    def do_service(self, words):
        service = parse_service(words)
        self.services[service.fqdn] = service
        return Reconfigured(tuple(self.services.values()))

    def do_ttl(self, words):
        self.services[words[0]] = replace(self.services[words[0]], ttl=int(words[1]))
        return Reconfigured(tuple(self.services.values()))

    def do_remove(self, words):
        del self.services[words[0]]
        return Reconfigured(tuple(self.services.values()))

    def do_ok(self, words):
        return Probed([(key(a), ProbeResult(True, "", Timings(0.01))) for a in words])

    def do_fail(self, words):
        *addresses, reason = words
        return Probed([(key(a), ProbeResult(False, reason, Timings(0.01))) for a in addresses])

    def do_order(self, words):
        kind, target, *until = words
        service, _, address = target.partition("/")
        to = frozenset()
        if kind == "failover":
            to, address = frozenset(address.split(",")), ""
        self.overrides.append(
            Override(
                Kind(kind),
                "" if service == "all" else service,
                address,
                float(until[0]) if until else None,
                why="work",
                to=to,
            )
        )
        return Ordered(tuple(self.overrides))

    def do_lift(self, _words):
        self.overrides.clear()
        return Ordered(())

    def do_tick(self, _words):
        return Ticked()


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_scenario(path):
    stage, expected, actual = Stage(), [], []
    for line in path.read_text().splitlines():
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        expected.append(text)
        if not text.startswith(">"):
            actual.append(text)
            actual += [f"> {effect}" for effect in stage.play(text)]
    assert "\n".join(actual) == "\n".join(expected)


def test_there_are_scenarios():
    assert len(SCENARIOS) >= 15
