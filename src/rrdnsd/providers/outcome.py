"""What became of one UPDATE message, whoever sent it."""

from dataclasses import dataclass

from rrdnsd.errors import ProviderError
from rrdnsd.providers import rcodes
from rrdnsd.providers.message import Reply


@dataclass(frozen=True, slots=True)
class Written:
    """The server took the whole message."""


@dataclass(frozen=True, slots=True)
class Stale:
    """A prerequisite failed, so nothing was applied; the server does not say which."""


@dataclass(frozen=True, slots=True)
class TooBig:
    """The changes do not fit in one message; nothing was sent."""


@dataclass(frozen=True, slots=True)
class Denied:
    """The server refused the message; that may be because of one of its names only."""

    sentence: str


Outcome = Written | Stale | TooBig | Denied


def judge(asked: rcodes.Asked, reply: Reply) -> Outcome:
    """Read the reply to an UPDATE.

    A failed prerequisite is believed unsigned as well: it only makes the names be read again.

    Raises:
        ProviderError: the server failed, or refuses everything from us, or its success is not signed.

    """
    if reply.rcode in rcodes.STALE and not reply.tsig_error:
        return Stale()
    if reply.rcode == "NOERROR" and reply.verified:
        return Written()
    if reply.rcode == "NOERROR" and not reply.tsig_error:
        raise ProviderError(rcodes.unsigned(asked))
    sentence = rcodes.explain(asked, reply.rcode, reply.tsig_error, reply.clock_ahead)
    if (reply.tsig_error or reply.rcode) in rcodes.PER_NAME:
        return Denied(sentence)
    raise ProviderError(sentence)
