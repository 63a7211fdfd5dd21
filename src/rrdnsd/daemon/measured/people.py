"""What people are told, in figures."""

from collections.abc import Iterator, Mapping

from rrdnsd.daemon.announcing.channel import Channel
from rrdnsd.daemon.measured.reading import Value, each
from rrdnsd.metrics import names
from rrdnsd.metrics.prometheus import Readings


def people_readings(channels: Mapping[str, Channel]) -> Iterator[Readings]:
    """Read each notifier."""
    channels = dict(channels)  # a reload may change them while this is read
    yield from each(names.NOTIFICATIONS, _results(channels))
    yield from each(names.NOTIFIER_WAITING, (((name,), len(of.queue)) for name, of in channels.items()))
    failing = (((name,), bool(of.tally.failing)) for name, of in channels.items())
    yield from each(names.NOTIFIER_FAILING, failing)


def _results(channels: Mapping[str, Channel]) -> Iterator[Value]:
    for name, channel in channels.items():
        tally = channel.tally
        yield (name, "sent"), tally.sent
        yield (name, "failed"), tally.failures
        yield (name, "given_up"), tally.given_up
