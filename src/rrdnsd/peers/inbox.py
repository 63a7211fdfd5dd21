"""What comes in: authenticates a message, sees that it is no replay, how old it is, and hands it over."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rrdnsd.peers import wire
from rrdnsd.peers.base import Listen, NodeList
from rrdnsd.peers.refusals import Refusals
from rrdnsd.peers.sessions import Session

OK, BAD_REQUEST, UNAUTHORIZED, FORBIDDEN, CONFLICT = 200, 400, 401, 403, 409


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP status, the body and its MAC."""

    status: int
    body: bytes = b""
    mac: str = ""


class Inbox:
    """One node's ear. `clock` is monotonic, in seconds."""

    def __init__(
        self,
        me: str,
        nodes: Iterable[str],
        secret: bytes,
        listen: Listen,
        clock: Callable[[], float],
        membership: NodeList | None = None,
    ) -> None:
        self._me = me
        self._secret = secret
        self._listen = listen
        self._clock = clock
        self._membership = membership
        self._sessions = {node: Session() for node in nodes if node != me}
        self.refusals = Refusals(clock)

    def reseat(self, nodes: Iterable[str]) -> None:
        """Listen to these nodes from now on; the sessions of those that stay go on."""
        known = self._sessions
        self._sessions = {node: known.get(node) or Session() for node in nodes if node != self._me}

    def receive(
        self, body: bytes, mac: str, identity: Callable[[str], bool] = lambda _node: True, origin: str = ""
    ) -> Answer:
        """Answer a message.

        `identity` tells if the connection's certificate, if any, is that node's; `origin` is the address of
        the connection's other end, for the log.
        """
        if self._secret and not wire.is_authentic(wire.request_mac(self._secret, body), mac):
            text = "its signature is not made with this cluster_secret"
            return self._refuse(UNAUTHORIZED, "wrong key", origin, text)
        try:
            request = wire.parse_request(body)
        except wire.WireError as error:
            return self._refuse(BAD_REQUEST, "malformed", origin, str(error))
        heeded = self._heed(request, identity)
        cause, text = self._fault(request, identity)
        if cause == wire.UNKNOWN_NODE and heeded:
            self.refuse(cause, origin, text)
            return self._answer(mac, CONFLICT, "", error=cause, membership=self._differing(request))
        if cause:
            return self._refuse(FORBIDDEN, cause, origin, text)
        session = self._sessions[request.sender]
        why = session.admit(request.session, request.seq)
        if why == "replay":
            self.refuse("replay", origin, f"it repeats or comes after a later one of {request.sender}")
        if why:
            return self._answer(
                mac, CONFLICT, session.offer(), error=why, membership=self._differing(request)
            )
        receipt = self._listen(wire.statement(request, self._said_at(request)))
        want = "" if receipt.in_step else "full"
        return self._answer(
            mac,
            OK,
            request.session,
            want=want,
            error=receipt.refused[: wire.MAX_REASON],
            ledger=receipt.ledger,
            membership=self._differing(request),
        )

    def refuse(self, cause: str, origin: str, text: str) -> None:
        """Count and log a message that is not even read, or not believed."""
        self.refusals.note(cause, f"refused a message from {origin or 'a peer'}: {text}")

    def _heed(self, request: wire.Request, identity: Callable[[str], bool]) -> bool:
        """Take in what is said of the list of nodes, by a stranger as well: it may be a later list, with the stranger in it."""
        if not (self._membership and request.membership and request.receiver == self._me):
            return False
        if not identity(request.sender):
            return False
        self._membership.heed(request.sender, request.membership.said())
        return True

    def _differing(self, request: wire.Request) -> wire.Membership | None:
        """Return what this node says of the list of nodes if the sender knows another one."""
        if not (self._membership and request.membership):
            return None
        said = self._membership.said
        if (said.base, said.version) == (request.membership.base, request.membership.version):
            return None
        return wire.membership(said)

    def _fault(self, request: wire.Request, identity: Callable[[str], bool]) -> tuple[str, str]:
        """Say what is wrong about who speaks to whom: a cause and a sentence, both "" if nothing is."""
        if request.sender not in self._sessions:
            return wire.UNKNOWN_NODE, f"its sender {request.sender!r} is not among the nodes configured here"
        if request.receiver != self._me:
            text = f"{request.sender} sent it to {request.receiver!r}, which is not this node"
            return "wrong receiver", text
        if not identity(request.sender):
            return "certificate", f"the connection has no certificate of its sender {request.sender}"
        return "", ""

    def _said_at(self, request: wire.Request) -> float:
        """Return when the message was made at the latest, on this node's clock.

        It was made `held` after the sender got a stamp of ours, which it cannot have got before we gave it.
        Without an echo nothing is known: the message could be of any age.
        """
        if request.echo is None:
            return float("-inf")
        stamp, held = request.echo
        return min(self._clock(), (stamp + held) / 1000)

    def _answer(
        self,
        asked: str,
        status: int,
        session: str,
        *,
        want: str = "",
        error: str = "",
        ledger: str = "",
        membership: wire.Membership | None = None,
    ) -> Answer:
        reply = wire.Reply(
            sender=self._me,
            session=session,
            stamp=int(self._clock() * 1000),
            accepted=status == OK,
            want="full" if want else "",
            error=error,
            ledger=ledger,
            membership=membership,
        )
        body = wire.encode(reply)
        return Answer(status, body, wire.reply_mac(self._secret, asked, body))

    def _refuse(self, status: int, cause: str, origin: str, text: str) -> Answer:
        self.refuse(cause, origin, text)
        return Answer(status)
