import gc

from rrdnsd.daemon import collecting
from rrdnsd.daemon.collecting import THRESHOLDS, Tamer, tamed

OLDEST = {"generation": 2}


class Watch:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Book:
    """Notes what the collector is told to do."""

    def __init__(self):
        self.told = []

    def freeze(self):
        self.told.append("freeze")

    def unfreeze(self):
        self.told.append("unfreeze")


def world():
    watch, book = Watch(), Book()
    return watch, book, Tamer(watch, book.freeze, book.unfreeze)


def collect(watch, tamer, seconds, generation=2):
    tamer("start", {"generation": generation})
    watch.now += seconds
    tamer("stop", {"generation": generation})


def test_what_survives_a_long_full_collection_is_left_out_of_the_next_ones():
    watch, book, tamer = world()
    collect(watch, tamer, collecting.LONG * 2)
    assert book.told == ["freeze"]


def test_a_short_collection_and_one_of_the_young_change_nothing():
    watch, book, tamer = world()
    collect(watch, tamer, collecting.LONG / 2)
    collect(watch, tamer, 1.0, generation=1)
    assert not book.told


def test_everything_is_looked_through_once_an_hour():
    watch, book, tamer = world()
    watch.now += collecting.WHOLE_SECONDS - 1
    collect(watch, tamer, 0.0)
    assert not book.told
    watch.now += 1
    collect(watch, tamer, collecting.LONG * 2)
    assert book.told == ["unfreeze", "freeze"]
    collect(watch, tamer, 0.0)
    assert book.told == ["unfreeze", "freeze"]


def test_the_collector_is_as_it_was_afterwards():
    thresholds, callbacks = gc.get_threshold(), list(gc.callbacks)
    with tamed():
        assert gc.get_threshold() == THRESHOLDS
        assert len(gc.callbacks) == len(callbacks) + 1
    assert gc.get_threshold() == thresholds
    assert gc.callbacks == callbacks
