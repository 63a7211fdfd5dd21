"""Plays the scripts of scenarios/*.txt: every line is an event or, behind `>`, an effect it must have."""

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from rrdnsd.core.effects import Publish, Recheck, Retire, ServiceTransition, Suspected, Transition, Voted
from rrdnsd.core.engine import Engine
from rrdnsd.core.events import Ordered, Probed, Reconfigured, Ticked
from rrdnsd.core.model import Endpoint, EndpointKey, ProbeResult, Service, Thresholds, Timings
from rrdnsd.core.override import Kind, Override

SCENARIOS = sorted((Path(__file__).parent / "scenarios").glob("*.txt"))
WWW = "www.example.test"


def parse_service(words):
    fields, fqdn = dict(zip(words[1::2], words[2::2], strict=True)), words[0]
    endpoints = []
    for text in fields["endpoints"].split(","):
        address, _, priority = text.partition("/")
        endpoints.append(Endpoint(address, int(priority or 0)))
    threshold = fields.get("threshold", "0.5")
    return Service(
        fqdn, "example.test", "default", 60, tuple(endpoints),
        Thresholds(int(fields.get("rise", 2)), int(fields.get("fall", 2))),
        fail_open_threshold=None if threshold == "off" else float(threshold),
        fast_interval=0.1, definition=fields.get("definition", ""),
    )  # fmt: skip


def show(effect):
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
        self.services, self.overrides, self.now = {}, [], 0.0
        self.engine = Engine("a", ("a",), (), 0.0)

    def play(self, line):
        moment, verb, *words = shlex.split(line)
        effects = []
        while self.now + 1 < float(moment):
            self.now += 1
            effects += self.engine.handle(Ticked(), self.now)
        self.now = float(moment)
        effects += self.engine.handle(getattr(self, f"do_{verb}")(words), self.now)
        return [show(effect) for effect in effects if not isinstance(effect, Voted | Suspected)]

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
        return Probed([(EndpointKey(WWW, a), ProbeResult(True, "", Timings(0.01))) for a in words])

    def do_fail(self, words):
        *addresses, reason = words
        return Probed([(EndpointKey(WWW, a), ProbeResult(False, reason, Timings(0.01))) for a in addresses])

    def do_order(self, words):
        kind, target, *until = words
        service, _, address = target.partition("/")
        self.overrides.append(
            Override(
                Kind(kind),
                "" if service == "all" else service,
                address,
                float(until[0]) if until else None,
                why="work",
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
    assert len(SCENARIOS) >= 6
