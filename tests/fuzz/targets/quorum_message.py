"""What comes to POST /quorum/v1/message: always an answer that the sender can verify and read, never an exception."""

from rrdnsd.core.membership import Said
from rrdnsd.peers import wire
from rrdnsd.peers.base import Receipt
from rrdnsd.peers.inbox import BAD_REQUEST, CONFLICT, FORBIDDEN, OK, UNAUTHORIZED, Inbox
from rrdnsd.peers.sessions import Session

ME, PEER, THIRD = (f"10.0.0.{number}:3333" for number in (1, 2, 3))
SECRET = b"a secret of the fuzzer, long enough"
SESSION = "ab" * 16
WORDS = tuple(
    f'"{word}":'
    for kind in (wire.Request, wire.Reply, wire.Membership, wire.LedgerEntry, wire.ServiceBallots)
    for word in kind.model_fields
)


class _List:
    """A list of nodes that anybody may speak of."""

    said = Said("base", 3, (ME, PEER, THIRD))

    def heed(self, node: str, said: Said) -> None:
        """Take it in."""
        assert isinstance(node, str)
        assert isinstance(said, Said)


def target(data: bytes) -> None:
    """The octets are a body, authentic and not, and a reply to what this node has sent."""
    inbox = Inbox(ME, (ME, PEER, THIRD), SECRET, _listen, lambda: 5000.0, _List())
    inbox._sessions[PEER] = Session(offered=SESSION)
    assert inbox.receive(data, "00" * 32).status == UNAUTHORIZED
    mac = wire.request_mac(SECRET, data)
    answer = inbox.receive(data, mac)
    assert answer.status in {OK, BAD_REQUEST, FORBIDDEN, CONFLICT}
    if answer.body:
        assert wire.is_authentic(wire.reply_mac(SECRET, mac, answer.body), answer.mac)
        wire.parse_reply(answer.body)
    again = inbox.receive(data, mac)
    assert answer.status != OK or again.status == CONFLICT, "a replay was accepted"
    try:
        wire.parse_reply(data)
    except wire.WireError as error:
        assert str(error)


def _listen(statement: object) -> Receipt:
    assert statement is not None
    return Receipt(in_step=True, ledger="0" * 32)
