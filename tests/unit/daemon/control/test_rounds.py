"""What is noticed by looking again and again."""

from types import SimpleNamespace

import pytest

from rrdnsd.core import orders
from rrdnsd.daemon.control.rounds import Rounds
from support.names import NAME
from support.scenes import WALL, Stage


class Office:
    """The parts of the office that are looked at, around a played engine."""

    known_everywhere = True
    troubles = ()

    def __init__(self, stage):
        self.stage = stage
        self.told = []
        self.beats = 0
        self.confirmed = {}
        self.enforcement = SimpleNamespace(heed_the_time=lambda: None)
        self.book = SimpleNamespace(ledger=stage.ledger)
        self.runtime = stage.scene().runtime
        self.chronicle = SimpleNamespace(note=lambda *said: self.told.append(said))
        self.pulse = SimpleNamespace(beat=self.beat)

    def beat(self):
        self.beats += 1

    def clock(self):
        return self.stage.now

    def wall(self):
        return self.stage.wall

    def scene(self):
        return self.stage.scene()


@pytest.fixture
def stage(tmp_path):
    return Stage(tmp_path).all_up()


@pytest.mark.parametrize(("service", "about"), [(NAME, NAME), ("", "the cluster")])
def test_a_maintenance_that_ends_by_itself_is_written_down_once(stage, service, about):
    office = Office(stage.order(orders.maintenance(service, WALL + 5)))
    rounds = Rounds(office)
    rounds.once()
    before = office.beats
    assert office.told == []
    stage.later(6)
    rounds.once()
    rounds.once()
    assert office.told == [("order", f"{about}: the maintenance is over", service)]
    assert office.beats == before + 1


@pytest.mark.parametrize(
    "then",
    [
        orders.maintenance(NAME, None),
        orders.maintenance(NAME, WALL + 60),
        orders.maintenance(NAME, 0).lifted(),
    ],
)
def test_a_maintenance_that_an_order_ends_or_prolongs_is_not_called_over(stage, then):
    office = Office(stage.order(orders.maintenance(NAME, WALL + 5)))
    rounds = Rounds(office)
    rounds.once()
    stage.order(then).later(6)
    rounds.once()
    assert office.told == []
