"""docs/clustering.md is enough: a second implementation, written from it alone, agrees with its figures and with ours."""

import hashlib
import hmac
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrdnsd.config import load
from rrdnsd.core import ledger
from rrdnsd.core.agreement import PATIENCE
from rrdnsd.core.ledger import Ledger
from rrdnsd.core.model import State
from rrdnsd.core.quorum import Ballot
from rrdnsd.core.votes import ServiceVotes, VoteTable
from rrdnsd.peers import courier, wire
from rrdnsd.peers.outbox import Outbox
from rrdnsd.providers.builtin.edition import digest_text, entry
from support.builtin import RRsetKey, rrset
from support.channel import NODES, SECRET, A, B, Listener, Words, content, services

PAGE = (Path(__file__).parents[3] / "docs" / "clustering.md").read_text()
KEY = b"only for this example"
PAGE_ENDPOINTS, MAX_BODY, MAX_ENTRIES = 500, 524_288, 200


def block(kind):
    return re.search(rf"^```{kind}\n(.*?)\n```", PAGE, re.DOTALL | re.MULTILINE)[1]


def quoted(before):
    return re.search(rf"{before}\s+`([^`]+)`", PAGE)[1]


def request_mac(key, body):
    return hmac.new(key, b"request\n" + body, hashlib.sha256).hexdigest()


def reply_mac(key, asked, body):
    return hmac.new(key, b"reply\n" + asked.encode() + b"\n" + body, hashlib.sha256).hexdigest()


def hash_of(line):
    return int.from_bytes(hashlib.blake2b(line.encode(), digest_size=16).digest(), "big")


def table_digest(table):
    """`table` is {service: {"definition": ..., "votes": {address: state}}}."""
    total = 0
    for name, entry_ in table.items():
        total += hash_of(f"{name}|{entry_['definition']}||unknown")
        for address, state in entry_["votes"].items():
            if state != "unknown":
                total += hash_of(f"{name}|{entry_['definition']}|{address}|{state}")
    return f"{total % 2**128:032x}"


def ledger_digest(entries):
    """`entries` are as on the wire, one for each key."""
    total = 0
    for entry_ in entries:
        wall, counter, node = entry_["stamp"]
        texts = entry_["key"], str(wall), str(counter), node, entry_.get("value") or ""
        texts = (*texts, entry_.get("who", ""), entry_.get("why", ""))
        total += hash_of("".join(f"{len(text.encode())}:{text}" for text in texts))
    return f"{total % 2**128:032x}"


def latest(entries):
    """The entries that stay of these, by key."""
    best = {}
    for entry_ in entries:
        rank = [entry_["stamp"], entry_.get("value") or "", entry_.get("who", ""), entry_.get("why", "")]
        best[entry_["key"]] = max(best.get(entry_["key"], (rank, entry_)), (rank, entry_), key=lambda b: b[0])
    return {key: entry_ for key, (_, entry_) in best.items()}


def electorate(nodes):
    return hashlib.blake2b("\n".join(sorted(nodes)).encode(), digest_size=16).hexdigest()


class Sender:
    """The sending half of a second implementation."""

    def __init__(self, me, peer, nodes, secret, table, entries=()):
        self.me, self.peer, self.nodes, self.secret, self.table = me, peer, nodes, secret, table
        self.session, self.seq, self.echo, self.after = "", 0, None, None
        self.entries, self.due = latest(entries), {}
        self.pushed = False

    def message(self, now):
        self.seq += 1
        request = {
            "sender": self.me,
            "receiver": self.peer,
            "session": self.session,
            "seq": self.seq,
            "electorate": electorate(self.nodes),
            "digest": table_digest(self.table),
            "hello": "a field of the future",
        }
        if self.echo:
            request["echo"] = [self.echo[0], now - self.echo[1]]
        if self.after is not None:
            request["services"], request["span"] = self.page()
        request["ledger"] = ledger_digest(self.entries.values())
        request["entries"] = [*self.due.values()][:MAX_ENTRIES]
        body = json.dumps(request).encode()
        return request, body, request_mac(self.secret, body)

    def page(self):
        chosen, size = {}, 0
        for name in sorted(name for name in self.table if name > self.after):
            if size >= PAGE_ENDPOINTS:
                return chosen, [self.after, max(chosen)]
            chosen[name] = self.table[name]
            size += len(self.table[name]["votes"]) + 1
        return chosen, [self.after, None]

    def answered(self, request, body, now):
        reply = json.loads(body)
        self.session, self.echo = reply["session"], (reply["stamp"], now)
        if not reply["accepted"]:
            return True
        orders = self.confirmed(request, reply)
        if "span" in request:
            self.after = request["span"][1]
        else:
            self.after = "" if reply.get("want") == "full" else None
        return orders or self.after is not None

    def confirmed(self, request, reply):
        for entry_ in request["entries"]:
            if not reply.get("error"):
                self.due.pop(entry_["key"])
        if reply["ledger"] == ledger_digest(self.entries.values()):
            self.due.clear()
        elif not self.due and not self.pushed:
            self.pushed, self.due = True, dict(self.entries)
        return bool(self.due)


class Receiver:
    """The receiving half of a second implementation."""

    def __init__(self, me, secret):
        self.me, self.secret, self.table = me, secret, {}
        self.current, self.last, self.offered, self.clock = None, -1, "0" * 31 + "1", 7000
        self.said_at = None
        self.entries = {}

    def receive(self, body, mac):
        assert hmac.compare_digest(mac, request_mac(self.secret, body))
        request = json.loads(body)
        if request["session"] == self.offered:
            self.current, self.offered = self.offered, f"{int(self.offered, 16) + 1:032x}"
        elif request["session"] != self.current or request["seq"] <= self.last:
            return self.answer(mac, session=self.offered, accepted=False, error="session")
        self.last = request["seq"]
        if request.get("echo"):
            self.said_at = min(self.clock, sum(request["echo"]))
        if request.get("span"):
            after, upto = request["span"]
            inside = [name for name in self.table if name > after and (upto is None or name <= upto)]
            self.table = {name: votes for name, votes in self.table.items() if name not in inside}
        self.table |= request.get("services", {})
        self.entries = latest([*self.entries.values(), *request.get("entries", [])])
        want = "" if table_digest(self.table) == request["digest"] else "full"
        ledger = ledger_digest(self.entries.values())
        return self.answer(mac, session=self.current, accepted=True, want=want, ledger=ledger)

    def answer(self, asked, **fields):
        body = json.dumps({"sender": self.me, "stamp": self.clock, **fields, "also": ["unknown"]}).encode()
        return body, reply_mac(self.secret, asked, body)


def test_the_example_has_its_macs():
    request, reply = block("json request").encode(), block("json reply").encode()
    mac = quoted("has the MAC")
    assert mac == request_mac(KEY, request) == wire.request_mac(KEY, request)
    answer = re.findall(r"has the MAC `([0-9a-f]+)`", PAGE)[1]
    assert answer == reply_mac(KEY, mac, reply) == wire.reply_mac(KEY, mac, reply)


def test_the_example_is_what_we_would_send():
    request, reply = block("json request").encode(), block("json reply").encode()
    assert wire.encode(wire.parse_request(request)) == request
    assert wire.encode(wire.parse_reply(reply)) == reply


def test_the_digest_of_the_votes():
    *lines, (_, total) = [line.rsplit(maxsplit=1) for line in block("text votes").splitlines()]
    assert all(f"{hash_of(line.strip()):032x}" == value for line, value in lines)
    assert f"{sum(int(value, 16) for _, value in lines) % 2**128:032x}" == total
    example = json.loads(block("json request"))
    votes = example["services"]["www.example.org"]
    other = {"definition": quoted("with\nthe definition"), "votes": {}}
    assert table_digest({"www.example.org": votes, "api.example.org": other}) == total == example["digest"]
    ours = VoteTable()
    ballots = {address: Ballot(State(vote)) for address, vote in votes["votes"].items()}
    ours.put(ServiceVotes("www.example.org", votes["definition"], ballots))
    ours.put(ServiceVotes("api.example.org", other["definition"], {}))
    assert ours.digest == total


def test_the_digest_of_the_nodes():
    nodes = ["10.0.1.1:3333", "10.0.2.1:3333", "10.0.3.1:3333"]
    assert (
        electorate(nodes)
        == quoted("For the three nodes above it is")
        == json.loads(block("json request"))["electorate"]
    )


def test_the_digest_of_the_ledger():
    *lines, (_, total) = [line.rsplit(maxsplit=1) for line in block("text ledger").splitlines()]
    assert all(f"{hash_of(line.rstrip()):032x}" == value for line, value in lines)
    example = block("json entries")
    entries = json.loads(example)
    assert ledger_digest(entries) == total
    head = '{"sender":"a","receiver":"b","session":"","seq":1,"electorate":"e","digest":"d","entries":'
    request = wire.parse_request(f"{head}{example}}}".encode())
    assert wire.encode(request) == f"{head}{example}}}".encode()
    ours = Ledger()
    ours.merge(wire.statement(request, 0.0).entries)
    assert ours.digest == total


ORDERS = st.lists(
    st.builds(
        lambda key, stamp, value, who: {"key": key, "stamp": stamp, "value": value, "who": who, "why": "ä"},
        st.sampled_from(["pause", "drain|a.test|192.0.2.1", "maintenance|"]),
        st.tuples(st.integers(0, 2), st.integers(0, 1), st.sampled_from([A, B])).map(list),
        st.sampled_from([None, "{}", '{"until":null}']),
        st.sampled_from(["", "ann"]),
    ),
    max_size=8,
)


@given(ORDERS)
def test_both_implementations_keep_the_same_orders(orders):
    ours = Ledger()
    ours.merge(wire.LedgerEntry.model_validate_json(json.dumps(order)).entry() for order in orders)
    assert ledger_digest(latest(orders).values()) == ours.digest


def test_the_definition_of_the_example(tmp_path):
    example = json.loads(re.search(r"```json\n(\{\n  \"conf_version\".*?)\n```", PAGE, re.DOTALL)[1])
    example |= {"cluster_secret": "of no importance here", "update_credentials": ""}
    path = tmp_path / "rrdnsd.json"
    path.write_text(json.dumps(example))
    config = load(path, {})
    stated = quoted("all else by default, it is")
    assert hashlib.sha256(block("json definition").encode()).hexdigest()[:16] == stated
    assert config.effective(config.services[0]).definition == stated


def test_the_digest_of_an_edition():
    line, stated = quoted("such as"), quoted("which alone has the digest")
    assert f"{hash_of(line):032x}" == stated
    www = RRsetKey("www.example.org", "A")
    assert digest_text(entry(www, rrset("192.0.2.11", "192.0.2.10", ttl=30))) == stated


def test_the_limits():
    assert (wire.MAX_BODY, wire.PAGE, wire.MAX_REASON) == (MAX_BODY, PAGE_ENDPOINTS, 200)
    assert f"{wire.MAX_BODY:,} bytes" in PAGE
    assert wire.MAX_ENTRIES == MAX_ENTRIES
    assert f"list of orders, at most {MAX_ENTRIES}" in PAGE
    assert f"A ledger holds {ledger.MAX_ENTRIES:,} entries" in PAGE
    assert f"1 to {ledger.MAX_KEY} printable" in PAGE
    assert f"text of at most {ledger.MAX_VALUE:,} bytes" in PAGE
    assert f"text, at most {ledger.MAX_WHO} and {ledger.MAX_WHY:,} characters" in PAGE
    assert (ledger.MAX_NODE, ledger.MAX_COUNTER, courier.MAX_BYTES) == (255, 2**31 - 1, 128 * 1024)
    assert datetime.fromtimestamp(ledger.MAX_WALL_MS // 1000, UTC).isoformat() == "9999-12-31T23:59:59+00:00"
    assert f"list of nodes, at most {wire.MAX_NODES:,}" in PAGE
    assert f"or after {PATIENCE:g} seconds" in PAGE
    assert (courier.PATIENCE, courier.MOST_PATIENCE) == (1, 60)


@pytest.mark.parametrize(
    "kind", [wire.Request, wire.ServiceBallots, wire.LedgerEntry, wire.Membership, wire.Reply]
)
def test_every_field_is_in_a_table(kind):
    for name in kind.model_fields:
        assert re.search(rf"^\| (`\w+`, )?`{name}`(, `\w+`)? \|", PAGE, re.MULTILINE), name


def drained(count):
    return [
        {"key": f"drain|s{number:04}.example.test|192.0.2.1", "stamp": [1000 + number, 0, A], "value": "{}"}
        for number in range(count)
    ]


def told(count):
    names = [f"s{number:04}.example.test" for number in range(count)]
    return {
        name: {"definition": "d", "votes": {"192.0.2.1": "up", "2001:db8::1": "down", "192.0.2.3": "unknown"}}
        for name in names
    }


def test_our_receiver_understands_the_second_sender():
    listener = Listener(lambda: 5000.0)
    sender = Sender(A, B, NODES, SECRET, told(700), drained(900))
    now, more, count = 0, True, 0
    while more:
        request, body, mac = sender.message(now)
        assert len(body) < MAX_BODY
        answer = listener.inbox.receive(body, mac)
        assert answer.status == (409 if count == 0 else 200)
        assert answer.mac == reply_mac(SECRET, mac, answer.body)
        more, now, count = sender.answered(request, answer.body, now + 20), now + 30, count + 1
    assert 6 < count < 12
    assert listener.peer.in_step
    assert listener.statements[-1].said_at == pytest.approx(5000.0)
    held = content(listener.peer.table)
    assert held["s0000.example.test"] == (
        "d",
        {"192.0.2.1": State.UP, "2001:db8::1": State.DOWN, "192.0.2.3": State.UNKNOWN},
    )
    assert listener.peer.table.digest == table_digest(sender.table)
    assert len(listener.ledger) == 900
    assert listener.ledger.digest == ledger_digest(sender.entries.values())


def test_the_second_receiver_understands_our_sender():
    words = Words()
    for votes in services(*(f"s{number:04}.example.test" for number in range(700)), definition="d"):
        words.table.put(votes)
    words.ledger.merge(
        wire.LedgerEntry(**order | {"stamp": tuple(order["stamp"])}).entry() for order in drained(900)
    )
    outbox, receiver, more = Outbox(A, B, SECRET, words, lambda: 100.0), Receiver(B, SECRET), True
    while more:
        sent = outbox.build()
        more = outbox.confirmed(sent, *receiver.receive(sent.body, sent.mac))
        receiver.clock += 5
    assert table_digest(receiver.table) == words.table.digest
    assert len(receiver.entries) == 900
    assert ledger_digest(receiver.entries.values()) == words.ledger.digest
    words.table.drop("s0003.example.test")
    outbox.voted("s0003.example.test", 0)
    more = True
    while more:
        sent = outbox.build()
        more = outbox.confirmed(sent, *receiver.receive(sent.body, sent.mac))
    assert len(receiver.table) == 699
    assert receiver.said_at <= receiver.clock
