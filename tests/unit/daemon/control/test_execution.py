"""Orders on their way from the request to the answer."""

from types import SimpleNamespace

import pytest

from rrdnsd.control import orders as o
from rrdnsd.control.base import OrderError
from rrdnsd.core.membership import Settled
from rrdnsd.daemon.control.execution import Execution
from rrdnsd.errors import StoreError

ME, OTHER, THIRD = "10.0.0.1:3333", "10.0.0.2:3333", "10.0.0.3:3333"


class Nodes:
    """The nodes agree to everything; the audit takes `room` rows before the disk is full."""

    def __init__(self, room):
        self.room = room
        self.rows, self.told, self.changes = [], [], []
        self.office = SimpleNamespace(
            node=ME,
            membership=SimpleNamespace(
                preview=lambda _: Settled("", "", 0, changed=True),
                change=self.agree,
                nodes=(ME, THIRD),
                heard=lambda: {ME},
            ),
            store=SimpleNamespace(audit=SimpleNamespace(record=self.record)),
            chronicle=SimpleNamespace(note=lambda *said: self.told.append(said)),
            wall=lambda: 0.0,
        )

    async def agree(self, change):
        self.changes.append(change)
        return Settled("", f"removing {OTHER} is agreed", 1, changed=True)

    async def record(self, row):
        if len(self.rows) == self.room:
            raise StoreError("the disk is full")
        self.rows.append(row)
        return True

    async def order(self):
        return await Execution(self.office).order(o.RemoveNode(node=OTHER, why="gone"), "ann")


async def test_who_asked_for_other_nodes_is_kept_before_they_are_asked():
    nodes = Nodes(room=2)
    outcome = await nodes.order()
    assert [row.after["effect"] for row in nodes.rows] == [
        ["the nodes are asked"],
        [f"removing {OTHER} is agreed"],
    ]
    assert (outcome.known_by, outcome.unknown_to) == ([ME], [THIRD])


async def test_nodes_are_not_asked_if_the_audit_cannot_be_written():
    nodes = Nodes(room=0)
    with pytest.raises(OrderError) as found:
        await nodes.order()
    assert found.value.trouble == "unavailable"
    assert nodes.changes == []


async def test_nodes_that_have_agreed_are_told_of_although_the_audit_cannot_be_written():
    nodes = Nodes(room=1)
    outcome = await nodes.order()
    assert outcome.changed
    assert outcome.effect == [f"removing {OTHER} is agreed", "it is not in the audit: the disk is full"]
    assert len(nodes.told) == 1


@pytest.mark.parametrize(
    "order", [o.Drain(address="192.0.2.1"), o.Pause(dry_run=True), o.Refresh(service="www.example.test")]
)
async def test_a_node_that_was_removed_takes_no_orders(order):
    office = SimpleNamespace(node=ME, membership=SimpleNamespace(nodes=(OTHER,)))
    with pytest.raises(OrderError) as found:
        await Execution(office).order(order, "ann")
    assert found.value.trouble == "conflict"
    assert str(found.value.problems[0].sentence) == "this node was removed from the cluster: ask another one"
