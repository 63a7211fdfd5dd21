"""A handful of nodes that agree on their list, with disks that are slow, messages that get lost, and an oracle.

The oracle knows nothing of how nodes agree: it reads disks, and counts who has accepted what.
"""

from dataclasses import dataclass, field

from rrdnsd.core.agreement import Agreement
from rrdnsd.core.membership import Change, begin

NAMES = tuple(f"10.0.0.{number}:3333" for number in range(1, 7))


@dataclass
class Box:
    """One machine: what is on its disk outlives the process. `file` is what the configuration lists."""

    name: str
    file: tuple[str, ...]
    durable: bool = True
    disk: object = None
    wrote: list = field(default_factory=list)
    core: Agreement = field(init=False)

    def __post_init__(self):
        self.start()

    def start(self):
        self.core = Agreement(self.name, begin(self.file, self.disk), durable=self.durable)

    def save(self, now=0.0):
        record = self.core.unsaved
        if record:
            self.disk = record
            self.wrote.append((self.name, record))
            self.core.saved(record, now)


class Cluster:
    """The machines and the messages between them; `check` holds after each step."""

    def __init__(self, members, forgetful=()):
        self.now = 0.0
        first = NAMES[:members]
        self.boxes = {name: Box(name, first, name not in forgetful) for name in first}
        self.lists = {0: tuple(first)}
        self.base = begin(first, None).record.base
        self.mail = []
        self.accepted = {}
        self.heard = set()
        self.seen = {}

    def __getitem__(self, number):
        return self.boxes[NAMES[number - 1]]

    def join(self, name, durable=True):
        """A new machine, configured with the present list and itself, once it is in the list or about to be."""
        nodes = max((box.core.record for box in self.boxes.values()), key=lambda r: r.version).nodes
        self.boxes[name] = Box(name, tuple({*nodes, name}), durable)

    def restart(self, name):
        """Kill it and start it again: it knows what is on its disk."""
        self.heard = {(receiver, sender) for receiver, sender in self.heard if receiver != name}
        self.boxes[name].start()

    def say(self, sender, receiver):
        self.mail.append((sender, receiver, self.boxes[sender].core.said()))

    def deliver(self, letter):
        sender, receiver, said = letter
        if receiver in self.boxes:
            self.heard.add((receiver, sender))
            self.boxes[receiver].core.hear(sender, said, self.now)

    def propose(self, name, action, node, heard=NAMES):
        """Order a change; `heard` None means those of whom anything has ever come."""
        if heard is None:
            heard = {name, *(sender for receiver, sender in self.heard if receiver == name)}
        return self.boxes[name].core.propose(Change(action, node), heard, self.now)

    def talk(self, rounds=12, apart=0.2, silent=()):
        """A good network: all save at once and hear all the others, many times over."""
        for _ in range(rounds):
            self.now += apart
            for box in self.boxes.values():
                box.core.tick(self.now)
            for sender in self.boxes:
                for receiver in self.boxes:
                    if sender != receiver and not {sender, receiver} & {*silent}:
                        self.boxes[sender].save(self.now)
                        self.deliver((sender, receiver, self.boxes[sender].core.said()))
                        self.boxes[receiver].save(self.now)
                        self.check()
            for box in self.boxes.values():
                box.save(self.now)
            self.check()

    def settle(self, rounds):
        """Talk until nobody has anything new to say and no order is under way: nothing would change any more."""
        said = None
        for _ in range(rounds):
            before, said = said, [box.core.said() for box in self.boxes.values()]
            if said == before and not any(box.core.busy for box in self.boxes.values()):
                return
            self.talk(rounds=1)

    def check(self):
        """Nothing can have gone wrong since the last time if everybody knows and has written the same."""
        seen = {name: box.core.record for name, box in self.boxes.items()}
        if seen == self.seen and not any(box.wrote for box in self.boxes.values()):
            return
        self.seen = seen
        self._one_list_a_version()
        self._one_group_with_a_quorum()
        self._only_what_a_quorum_accepted()

    def _one_list_a_version(self):
        for box in self.boxes.values():
            record = box.core.record
            if record.base == self.base:
                known = self.lists.setdefault(record.version, record.nodes)
                assert record.nodes == known, f"version {record.version} is {known} and {record.nodes}"

    def _only_what_a_quorum_accepted(self):
        for box in self.boxes.values():
            while box.wrote:
                name, record = box.wrote.pop()
                if record.accepted and record.base == self.base:
                    self.accepted.setdefault((record.version, record.accepted), set()).add(name)
        for version, nodes in self.lists.items():
            if version:
                before = self.lists[version - 1]
                chosen = [
                    accepted.change.applied(before)
                    for (at, accepted), who in self.accepted.items()
                    if at == version - 1 and 2 * len(who & {*before}) > len(before)
                ]
                assert chosen, f"version {version} came from nowhere"
                assert {*chosen} == {nodes}

    def _one_group_with_a_quorum(self):
        groups = {}
        for name, box in self.boxes.items():
            record = box.core.record
            if name in record.nodes:
                groups.setdefault(record.nodes, set()).add(name)
        able = [nodes for nodes, group in groups.items() if 2 * len(group) > len(nodes)]
        assert len(able) <= 1, f"each of {able} has a quorum of its own"
