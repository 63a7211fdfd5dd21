"""What orders come to before anything is changed."""

import pytest

from rrdnsd.control import orders as o
from rrdnsd.control.base import OrderError
from rrdnsd.control.orders import ORDERS
from rrdnsd.core import orders
from rrdnsd.core.model import EndpointKey
from rrdnsd.daemon.control import handlers, placing
from rrdnsd.daemon.control.execution import HANDLERS
from support.names import NAME, ZONE
from support.scenes import NODES, ONE, THREE, TWO, WALL, Keeper, Stage

TIERS = {"ipaddrs": [{"address": ONE}, {"address": TWO, "priority": 5}, {"address": THREE, "priority": 9}]}


@pytest.fixture
def stage(tmp_path):
    return lambda **more: Stage(tmp_path, **more).all_up()


def problems(handler, order, scene):
    with pytest.raises(OrderError) as found:
        handler(order, scene)
    return found.value.trouble, [(p.field, p.sentence) for p in found.value.problems]


def test_every_order_has_a_handler_or_a_way_of_its_own():
    assert set(ORDERS) - {o.Refresh, o.AddNode, o.RemoveNode, o.Reload} == set(HANDLERS)


def test_a_drain_tells_what_it_removes_and_when_it_is_safe(stage):
    draft = handlers.drain(o.Drain(address=TWO), stage(keepers=[Keeper(ONE, TWO, THREE, ttl=300)]).scene())
    assert draft.settings == (orders.drain(NAME, TWO),)
    assert draft.effect == (
        f"removes {TWO} from {NAME}",
        f"{TWO} of {NAME}: safe to stop at 14:18:20 UTC (TTL 300 s)",
    )
    assert draft.drains == (EndpointKey(NAME, TWO),)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"mode": "shadow"}, "mode shadow writes nothing"),
        ({"setting": orders.pause()}, "nothing is written: paused by ann"),
        ({"setting": orders.maintenance("", None)}, "nothing is written: maintenance by ann"),
        ({"error": "it refuses"}, "it refuses"),
    ],
    ids=lambda value: "" if isinstance(value, str) else next(iter(value)),
)
def test_a_drain_that_dns_does_not_follow_now_promises_no_moment(stage, more, why):
    keeper = Keeper(ONE, TWO, THREE)
    keeper.status.error = more.pop("error", "")
    setting = more.pop("setting", None)
    played = stage(keepers=[keeper], **more)
    played = played.order(setting) if setting else played
    draft = handlers.drain(o.Drain(address=TWO), played.scene())
    assert draft.effect[-1] == f"{TWO} of {NAME}: do not stop it yet: {why}"
    assert draft.safe_at is None
    removed = placing.remove_endpoint(o.RemoveEndpoint(service=NAME, address=TWO), played.scene())
    assert removed.effect == (f"removes {TWO} from {NAME} on all nodes; do not stop it yet: {why}",)


def test_a_drain_without_a_quorum_does_not_call_it_out_of_dns(stage):
    played = stage(nodes=NODES)
    draft = handlers.drain(o.Drain(address=TWO), played.scene())
    assert draft.effect == (
        f"{TWO} of {NAME}: do not stop it yet: nothing is written: no quorum: only 1 of 3 nodes heard",
    )
    assert draft.safe_at is None


def test_a_drain_of_what_is_down_but_still_served_does_not_call_it_out_of_dns(stage):
    played = stage(keepers=[Keeper(ONE, TWO, THREE)]).probe(TWO, ok=False)
    draft = handlers.drain(o.Drain(address=TWO), played.scene())
    assert draft.effect == (f"{TWO} of {NAME}: safe to stop at 14:14:20 UTC (TTL 60 s)",)
    gone = stage(keepers=[Keeper(ONE, THREE)]).probe(TWO, ok=False)
    assert handlers.drain(o.Drain(address=TWO), gone.scene()).effect == (
        f"{TWO} is not published for {NAME} now, and stays out until the drain ends",
    )


def test_a_drain_promises_nothing_while_another_node_that_serves_the_zone_is_not_heard(stage):
    played = stage(nodes=NODES[:2], method="builtin", keepers=[Keeper(ONE, TWO, THREE)])
    for node in NODES[1:2]:
        played.hear(node, NODES[:2], n1="up", n2="up", n3="up")
    assert handlers.drain(o.Drain(address=TWO), played.scene()).safe_at is not None
    scene = played.scene()
    silent = played.scene(now=scene.now + 60, wall=scene.wall + 60)
    draft = handlers.drain(o.Drain(address=TWO), silent)
    assert draft.effect[-1] == (
        f"{TWO} of {NAME}: do not stop it yet: {NODES[1]} may go on to serve it, and cannot be told of it now"
    )
    assert draft.safe_at is None


def test_a_drain_that_brings_in_the_standby_warns(stage):
    draft = handlers.drain(o.Drain(address=ONE), stage(service=TIERS, keepers=[Keeper(ONE)]).scene())
    assert draft.effect[:3] == (
        f"adds {TWO} to {NAME}",
        f"removes {ONE} from {NAME}",
        f"warning: the tier of priority 5 of {NAME} takes over from that of 0",
    )


def test_a_drain_that_empties_a_record_set_warns(stage):
    played = stage().order(orders.drain(NAME, ONE)).order(orders.drain(NAME, TWO))
    draft = handlers.drain(o.Drain(address=THREE, service=NAME), played.scene())
    assert f"warning: {NAME} is left without any A record" in draft.effect


def test_an_unknown_address_is_answered_with_those_there_are(stage):
    order = o.Drain(address="192.0.2.77")
    assert problems(handlers.drain, order, stage().scene()) == (
        "not found",
        [("address", f"there is no address '192.0.2.77'; there is {ONE}, {TWO} and {THREE}")],
    )


def test_undrain_ends_all_drains_of_an_address(stage):
    played = stage().order(orders.drain(NAME, TWO))
    draft = handlers.undrain(o.Undrain(address=TWO), played.scene())
    assert draft.settings == (orders.drain(NAME, TWO).lifted(),)
    assert draft.effect == (f"adds {TWO} to {NAME}",)


def test_undrain_at_a_service_that_is_watched_no_more_does_not_speak_of_health(stage):
    setting = orders.drain("gone.example.test", TWO)
    draft = handlers.undrain(o.Undrain(address=TWO), stage().order(setting).scene())
    assert draft.settings == (setting.lifted(),)
    assert draft.effect == (f"the drain of {TWO} ends; gone.example.test is not watched now",)


def test_a_maintenance_that_ended_by_itself_cannot_be_ended_again(stage):
    played = stage().order(orders.maintenance(NAME, WALL + 5))
    order = o.EndMaintenance(service=NAME)
    assert handlers.end_maintenance(order, played.scene()).settings == (orders.maintenance(NAME, 0).lifted(),)
    draft = handlers.end_maintenance(order, played.later(6).scene())
    assert (draft.settings, draft.stands) == ((), "there is no such maintenance")


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_json_does_not_have_is_a_mistake_in_the_order(stage, number):
    config = {
        "fqdn": f"new.{ZONE}",
        "zone": ZONE,
        "healthcheck": "http://{}/",
        "ipaddrs": [ONE],
        "ttl": number,
    }
    order = o.AddService(config=config)
    assert problems(placing.add_service, order, stage().scene()) == (
        "invalid",
        [("config", "holds a number that is too large, or none at all (NaN)")],
    )


@pytest.mark.parametrize(
    ("order", "to"),
    [({}, [TWO]), ({"tier": 9}, [THREE]), ({"to": (THREE, TWO)}, [TWO, THREE])],
)
def test_a_failover_goes_to_the_next_tier_or_where_it_is_told(stage, order, to):
    draft = handlers.failover(o.Failover(service=NAME, **order), stage(service=TIERS).scene())
    assert draft.settings == (orders.failover(NAME, to),)


def test_a_failover_that_makes_no_sense(stage):
    one_tier, three_tiers = stage(), stage(service=TIERS)
    failover = handlers.failover
    assert problems(failover, o.Failover(service=NAME), one_tier.scene())[1][0][0] == "to"
    assert problems(failover, o.Failover(service=NAME, tier=4), three_tiers.scene())[0] == "not found"
    assert (
        problems(failover, o.Failover(service=NAME, tier=5, to=(ONE,)), three_tiers.scene())[0] == "invalid"
    )
    three_tiers.order(orders.failover(NAME, [THREE]))
    assert problems(failover, o.Failover(service=NAME), three_tiers.scene())[0] == "conflict"


def test_a_forced_endpoint_that_changes_nothing_says_so(stage):
    draft = handlers.force(o.Force(service=NAME, address=ONE, state="up"), stage().scene())
    assert draft.effect[0].startswith("DNS stays as it is")


def test_a_service_is_checked_by_the_rules_of_the_file_before_it_is_taken(stage):
    order = o.AddService(
        config={"fqdn": f"NEW.{ZONE}.", "zone": ZONE, "healthcheck": "tcp://{}:99999", "ipaddrs": [ONE, ONE]}
    )
    trouble, found = problems(placing.add_service, order, stage().scene())
    assert trouble == "invalid"
    assert {field for field, _ in found} == {"config.healthcheck", "config.ipaddrs[1]"}
    assert problems(placing.add_service, o.AddService(config={}), stage().scene())[1][0][0] == "config.fqdn"


def test_a_service_that_is_watched_already(stage):
    played = stage()
    same = {"fqdn": NAME, "zone": ZONE, "healthcheck": "http://{}/", "ipaddrs": [ONE, TWO, THREE]}
    assert placing.add_service(o.AddService(config=same), played.scene()).settings == ()
    other = o.AddService(config={**same, "ttl": 5})
    assert problems(placing.add_service, other, played.scene())[0] == "conflict"


def test_endpoints(stage):
    scene = stage().scene()
    add = o.AddEndpoint(service=NAME, address="192.0.2.9", priority=3)
    assert placing.add_endpoint(add, scene).settings == (orders.place_endpoint(NAME, "192.0.2.9", 3, ""),)
    assert placing.add_endpoint(o.AddEndpoint(service=NAME, address=ONE), scene).settings == ()
    removed = placing.remove_endpoint(o.RemoveEndpoint(service=NAME, address=ONE), scene)
    assert removed.settings == (orders.remove_endpoint(NAME, ONE, withdraw=True),)
    assert "safe to stop at 14:14:20 UTC (TTL 60 s)" in removed.effect[0]


def test_the_only_endpoint_of_a_service_is_not_removed(stage):
    scene = stage(service={"ipaddrs": [ONE]}).scene()
    remove = o.RemoveEndpoint(service=NAME, address=ONE)
    sentence = f"{ONE} is the only endpoint of {NAME}: add another one first, or remove the service"
    assert problems(placing.remove_endpoint, remove, scene) == ("conflict", [("", sentence)])
