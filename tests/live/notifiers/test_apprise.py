"""Apprise with a URL of its own that posts to a real HTTP server."""

import pytest

from rrdnsd.errors import ConfigError, NotifierError
from rrdnsd.notifiers.apprise import build
from rrdnsd.notifiers.base import NotifierSpec
from rrdnsd.notifiers.message import trial

# Not ours: a library that it loads for mail.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


def apprise(url, timeout=60.0):
    return build(NotifierSpec("a", "apprise", url=url, timeout=timeout))


def message():
    return trial("10.0.0.1:3333", "a", 1_800_000_000.0)


async def test_title_and_text_arrive(receiver):
    url = receiver.url.replace("http://", "json://")
    assert await apprise(url).send(message()) == "apprise delivered it"
    (delivery,) = receiver.taken
    assert delivery.document["title"].startswith("rrdnsd: rrdnsd is working")
    assert "a test of the notifier a" in delivery.document["message"]


async def test_a_receiver_that_refuses(receiver):
    receiver.status = 500
    with pytest.raises(NotifierError, match="apprise could not deliver it"):
        await apprise(receiver.url.replace("http://", "json://")).send(message())


async def test_one_that_hangs_holds_up_nobody_and_is_not_piled_up(receiver):
    receiver.gate.clear()
    notifier = apprise(receiver.url.replace("http://", "json://"), timeout=0.3)
    with pytest.raises(NotifierError, match=r"not done within 0\.3 s"):
        await notifier.send(message())
    with pytest.raises(NotifierError, match="still busy"):
        await notifier.send(message())


def test_a_url_that_it_cannot_read_is_not_repeated():
    with pytest.raises(ConfigError, match="url: apprise cannot read it") as caught:
        apprise("nonsense://T0P-S3CRET")
    assert "T0P" not in str(caught.value)
