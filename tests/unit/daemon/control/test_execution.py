"""Orders on their way from the request to the answer."""

from types import SimpleNamespace

import pytest

from rrdnsd.control import orders as o
from rrdnsd.control.base import OrderError
from rrdnsd.core.membership import Settled
from rrdnsd.daemon.control.execution import Execution
from rrdnsd.errors import StoreError

ME, OTHER = "10.0.0.1:3333", "10.0.0.2:3333"


async def test_nodes_that_have_agreed_are_told_of_although_the_audit_cannot_be_written():
    async def agreed(_change):
        return Settled("", f"removing {OTHER} is agreed", 1, changed=True)

    async def full(_row):
        raise StoreError("the disk is full")

    told = []
    office = SimpleNamespace(
        node=ME,
        membership=SimpleNamespace(change=agreed, nodes=(ME,)),
        store=SimpleNamespace(audit=SimpleNamespace(record=full)),
        chronicle=SimpleNamespace(note=lambda *said: told.append(said)),
        wall=lambda: 0.0,
    )
    outcome = await Execution(office).order(o.RemoveNode(node=OTHER, why="gone"), "ann")
    assert outcome.changed
    assert outcome.effect == [f"removing {OTHER} is agreed", "it is not in the audit: the disk is full"]
    assert len(told) == 1


@pytest.mark.parametrize(
    "order", [o.Drain(address="192.0.2.1"), o.Pause(dry_run=True), o.Refresh(service="www.example.test")]
)
async def test_a_node_that_was_removed_takes_no_orders(order):
    office = SimpleNamespace(node=ME, membership=SimpleNamespace(nodes=(OTHER,)))
    with pytest.raises(OrderError) as found:
        await Execution(office).order(order, "ann")
    assert found.value.trouble == "conflict"
    assert str(found.value.problems[0].sentence) == "this node was removed from the cluster: ask another one"
