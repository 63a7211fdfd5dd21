"""What a DNS server answers, to the look of a provider, to an update and to a probe."""

from rrdnsd.config.dnsquestion import parse
from rrdnsd.core.model import RRset, RRsetKey
from rrdnsd.errors import ProviderError
from rrdnsd.probes import dns as probe
from rrdnsd.providers.keys import TsigKey
from rrdnsd.providers.message import Sent, read_reply, render_query, sign
from rrdnsd.providers.plain import read_plain
from rrdnsd.providers.query import read_answer
from rrdnsd.providers.rcodes import Asked, explain

KEYS = (RRsetKey("www.example.org", "A"), RRsetKey("www.example.org", "AAAA"))
KEY = TsigKey("rrkey", "hmac-sha256", b"secret secret secret")
ASKED = Asked("query", "192.0.2.53:53", "example.org", KEY)
QUESTION = parse("/www.example.org", "?type=A&expect=192.0.2.1")


def target(data: bytes) -> None:
    """The octets are one message."""
    for key in KEYS:
        query = render_query(1, key)
        _look(key, data, Sent(query), None)
        _look(key, data, sign(query, KEY.for_dnspython(), 1_700_000_000), KEY)
    _probe(data)


def _look(key: RRsetKey, data: bytes, sent: Sent, signed: TsigKey | None) -> None:
    secret = signed.for_dnspython() if signed else None
    plain = read_plain(data, secret, sent)
    assert not (signed and plain), "an unsigned answer was believed"
    try:
        reply = read_reply(data, secret, sent)
        if reply.tsig_error:
            assert explain(ASKED, reply.rcode, reply.tsig_error, reply.clock_ahead)
        found = read_answer(ASKED, key, reply)
    except ProviderError as error:
        assert str(error)
        return
    assert not signed or reply.verified, "an unsigned answer was believed"
    assert plain is None or plain.rrset == found, "the quick reader reads something else"
    if isinstance(found, RRset):
        assert found.ttl >= 0
        assert all((":" in address) == (key.rtype == "AAAA") for address in found.addresses)


def _probe(data: bytes) -> None:
    query = data[:2] + probe._query(QUESTION.name, QUESTION.rtype)
    if not probe.is_answer(query, data):
        return
    try:
        message = probe._read(data)
    except probe._Bad as why:
        assert str(why)
        return
    reason = probe.judge(QUESTION, message)
    assert reason.isprintable() or not reason
