"""Nodes agree on their list, whatever the network and the machines do."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rrdnsd.core.agreement import PATIENCE, Agreement
from rrdnsd.core.membership import Accepted, Change, Proposal, Round, Said, Settled, begin
from support.agreeing import NAMES, Cluster

A, B, C, D, E, F = NAMES


def grown(members=3, joiner=D):
    """A cluster that has just agreed on one node more, which is there."""
    cluster = Cluster(members)
    assert cluster.propose(A, "add", joiner) is None
    cluster.talk()
    cluster.join(joiner)
    cluster.talk()
    return cluster


def lists(cluster):
    return {box.core.record.nodes for box in cluster.boxes.values()}


@pytest.mark.parametrize("members", [1, 2, 3, 4, 5])
def test_a_node_is_added_and_hears_of_it(members):
    joiner = NAMES[members]
    cluster = grown(members, joiner)
    assert lists(cluster) == {NAMES[: members + 1]}
    assert {box.core.record.version for box in cluster.boxes.values()} == {1}
    settled = cluster[1].core.settled
    assert (settled.trouble, settled.changed, settled.version) == ("", True, 1)
    assert settled.sentence == f"adding {joiner} is agreed"
    assert not cluster[1].core.busy


@pytest.mark.parametrize("members", [2, 3, 4, 5])
@pytest.mark.parametrize("removed", [A, B])
def test_a_node_is_removed_also_by_its_own_order(members, removed):
    cluster = Cluster(members)
    assert cluster.propose(A, "remove", removed) is None
    cluster.talk()
    assert lists(cluster) == {tuple(n for n in NAMES[:members] if n != removed)}
    assert cluster[1].core.settled.changed


def test_a_dead_node_is_removed_by_the_others():
    cluster = Cluster(3)
    assert cluster.propose(A, "remove", C, heard=(A, B)) is None
    cluster.talk(silent=(C,))
    assert cluster[1].core.record.nodes == cluster[2].core.record.nodes == (A, B)
    assert cluster[3].core.record.nodes == (A, B, C)
    cluster.talk()
    assert cluster[3].core.record.nodes == (A, B)


def test_one_change_follows_the_other():
    cluster = grown(1, B)
    for node in (C, D, E):
        assert cluster.propose(B, "add", node) is None
        cluster.talk()
        cluster.join(node)
        cluster.talk()
    assert cluster.propose(E, "remove", A) is None
    cluster.talk()
    assert lists(cluster) == {(B, C, D, E)}
    assert cluster.lists[2] == (A, B, C)
    assert cluster[1].core.record.version == 5


def test_of_two_orders_at_once_one_wins_and_the_other_is_told():
    cluster = Cluster(3)
    assert cluster.propose(A, "add", D) is None
    assert cluster.propose(B, "remove", C) is None
    cluster.talk(rounds=60)
    won = [box for box in (cluster[1], cluster[2]) if box.core.settled.changed]
    lost = [box for box in (cluster[1], cluster[2]) if box.core.settled.trouble]
    assert len(won) == len(lost) == 1
    assert lost[0].core.settled.trouble == "conflict"
    nodes = ", ".join(won[0].core.record.nodes)
    assert lost[0].core.settled.sentence == (
        f"another change was agreed on first; the nodes are {nodes} now: look, and order again"
    )


def test_the_same_order_at_two_nodes_is_right_for_both():
    cluster = Cluster(3)
    assert cluster.propose(A, "add", D) is None
    assert cluster.propose(B, "add", D) is None
    cluster.talk(rounds=60)
    assert cluster[1].core.settled.changed
    assert cluster[2].core.settled.changed
    assert lists(cluster) == {(A, B, C, D)}


def test_without_a_quorum_the_order_is_given_up_and_says_who_was_missing():
    cluster = Cluster(3)
    cluster[2].durable = False
    cluster[2].start()
    assert cluster.propose(A, "add", D) is None
    cluster.talk(rounds=11, apart=PATIENCE / 10, silent=(C,))
    settled = cluster[1].core.settled
    assert settled.trouble == "unavailable"
    assert settled.sentence == (
        f"no quorum agreed within 10 s to adding {D}: 2 of 3 nodes are needed, and these have not agreed: "
        f"{A} (it waits for the others), {B} (it has no state_dir to keep a promise in, or could not read it), "
        f"{C} (nothing was heard of it); it may still come about"
    )
    assert cluster[1].core.said().proposal is None
    assert lists(cluster) == {(A, B, C)}


def test_who_does_not_agree_and_why():
    cluster = grown()
    cluster[2].core.record = cluster[2].disk = None
    cluster[2].file = (A, B)
    cluster[2].start()
    assert cluster.propose(A, "add", E) is None
    cluster[1].save()
    cluster.say(B, A)
    cluster.deliver(cluster.mail[-1])
    cluster[3].start()
    behind = Cluster(3)[3].core.said()
    cluster[1].core.hear(C, behind, cluster.now)
    cluster[1].core.tick(cluster.now + PATIENCE)
    sentence = cluster[1].core.settled.sentence
    assert f"{B} (it was started with another list of nodes)" in sentence
    assert f"{C} (it does not know the present list yet)" in sentence


def test_a_node_that_cannot_save_is_named_and_says_nothing():
    cluster = Cluster(1)
    assert cluster.propose(A, "add", B) is None
    assert cluster[1].core.said().promised == Round(0, "")
    assert cluster[1].core.said().proposal is None
    cluster[1].core.tick(PATIENCE)
    assert f"{A} (this node could not save its promise)" in cluster[1].core.settled.sentence


def test_what_was_given_up_may_come_about_later_and_is_then_finished_first():
    cluster = Cluster(3)
    cluster.propose(A, "add", D)
    for _ in range(2):  # B promises; A asks it to accept
        cluster[1].save()
        cluster.say(A, B)
        cluster.deliver(cluster.mail[-1])
        cluster[2].save()
        cluster.say(B, A)
        if len(cluster.mail) == 2:
            cluster.deliver(cluster.mail[-1])
    assert cluster[2].disk.accepted.change == Change("add", D)
    cluster.check()
    del cluster.boxes[A]  # its disk is gone with it
    assert cluster.propose(C, "add", E) is None
    cluster.talk()
    assert cluster[3].core.record.nodes == (A, B, C, D)
    assert cluster[3].core.settled.trouble == "conflict"


@pytest.mark.parametrize(
    ("action", "node", "heard", "trouble", "part"),
    [
        ("add", B, NAMES, "", "is a node already"),
        ("remove", F, NAMES, "", "is not a node"),
        ("add", D, (A,), "unavailable", "only 1 of 3 nodes are heard"),
        ("add", D, (A, B), "unavailable", f"{D} is not heard, and without it only 2 of 4 nodes would be"),
        ("remove", B, (A, B), "unavailable", "only 1 of then 2 nodes are heard"),
    ],
)
def test_refusals(action, node, heard, trouble, part):
    cluster = Cluster(3)
    refused = cluster.propose(A, action, node, heard)
    assert (refused.trouble, refused.changed, refused.version) == (trouble, False, 0)
    assert part in refused.sentence
    assert cluster[1].core.preview(Change(action, node), heard) == refused
    assert not cluster[1].core.busy


def test_the_only_node_stays_and_grows_only_by_a_node_that_is_there():
    cluster = Cluster(1)
    assert "the only node" in cluster.propose(A, "remove", A).sentence
    assert "start it first" in cluster.propose(A, "add", B, (A,)).sentence
    assert cluster.propose(A, "add", B, (A, B)) is None


def test_one_order_at_a_time_and_none_of_a_node_that_may_not():
    cluster = Cluster(3, forgetful=(B,))
    assert cluster.propose(A, "add", D) is None
    assert "still under way" in cluster.propose(A, "add", E).sentence
    assert "no state_dir" in cluster.propose(B, "add", E).sentence
    cluster = Cluster(3)
    cluster.propose(A, "remove", C)
    cluster.talk()
    refused = cluster.propose(C, "add", D)
    assert (refused.trouble, refused.sentence) == (
        "conflict",
        "this node was removed from the cluster: ask another one",
    )


def test_the_preview_tells_the_new_quorum():
    preview = Cluster(3)[1].core.preview(Change("add", D), NAMES)
    assert preview.sentence == (
        f"adding {D} needs the agreement of 2 of 3 nodes; from then on 3 of 4 nodes are a quorum"
    )


def test_a_node_without_a_disk_takes_over_what_others_agree_on_but_promises_nothing():
    cluster = Cluster(3, forgetful=(C,))
    cluster.propose(A, "add", D)
    cluster.talk()
    assert cluster[3].core.record.nodes == (A, B, C, D)
    assert not cluster[3].core.said().able
    assert cluster[3].core.unsaved is None


def test_a_promise_is_spoken_only_when_it_is_on_disk():
    cluster = Cluster(3)
    cluster.propose(A, "add", D)
    cluster[1].save()
    cluster[2].core.hear(A, cluster[1].core.said(), 0.0)
    assert cluster[2].core.said().promised == Round(0, "")
    cluster[2].save()
    assert cluster[2].core.said().promised == Round(1, A)
    asked = Proposal(Round(1, A), Change("add", D))
    said = cluster[1].core.said()
    cluster[2].core.hear(A, type(said)(said.base, proposal=asked), 0.0)
    assert cluster[2].core.said().accepted is None
    cluster[2].save()
    assert cluster[2].core.said().accepted == Accepted(*asked)
    cluster[2].start()
    assert cluster[2].core.said().accepted == Accepted(*asked)


def test_a_change_that_does_not_fit_the_list_is_not_accepted():
    cluster = Cluster(3)
    said = cluster[1].core.said()
    for change in (Change("add", B), Change("remove", D)):
        cluster[2].core.hear(A, type(said)(said.base, proposal=Proposal(Round(1, A), change)), 0.0)
        assert cluster[2].core.unsaved is None


def test_a_node_that_missed_everybody_it_knew_is_told_by_strangers():
    cluster = Cluster(3)
    asleep = cluster.boxes.pop(C)
    for action, node in (("add", D), ("add", E), ("remove", A), ("remove", B)):
        proposer = D if node in (A, B) else A
        assert cluster.propose(proposer, action, node) is None
        cluster.talk()
        if action == "add":
            cluster.join(node)
            cluster.talk()
    del cluster.boxes[A], cluster.boxes[B]
    cluster.boxes[C] = asleep
    cluster.talk()
    assert asleep.core.record.nodes == (C, D, E)


def test_a_node_with_a_history_of_its_own_is_not_drawn_into_another():
    cluster = Cluster(3)
    cluster.propose(A, "add", D)
    cluster.talk()
    other = Cluster(3)
    other[2].file = (A, B)
    other[2].disk = cluster[2].disk  # edited by hand
    other[2].start()
    other[2].core.hear(A, cluster[1].core.said(), 0.0)
    assert other[2].core.record.nodes == (A, B)
    other[2].file = (A, B, C, D, E)
    other[2].start()
    cluster.propose(A, "add", E)
    cluster.talk()
    other[2].core.hear(A, cluster[1].core.said(), 0.0)
    assert other[2].core.record.point == cluster[1].core.record.point


STEP = st.one_of(
    st.tuples(st.just("say"), st.integers(0, 5), st.integers(0, 5)),
    st.tuples(st.just("deliver"), st.integers(0, 200), st.just(0)),
    st.tuples(st.just("save"), st.integers(0, 5), st.just(0)),
    st.tuples(st.just("crash"), st.integers(0, 5), st.just(0)),
    st.tuples(st.just("propose"), st.integers(0, 5), st.integers(0, 5)),
    st.tuples(st.just("wait"), st.integers(0, 20), st.just(0)),
)


def live_through(cluster, steps):
    """Do what is drawn: mail is lost, repeated and overtaken, since any letter may be delivered at any time."""
    for what, one, other in steps:
        names = [*cluster.boxes]
        name = names[one % len(names)]
        box = cluster.boxes[name]
        if what == "say":
            cluster.say(name, names[other % len(names)])
        elif what == "deliver" and cluster.mail:
            cluster.deliver(cluster.mail[-1 - one % len(cluster.mail)])
        elif what == "save":
            box.save(cluster.now)
        elif what == "crash":
            cluster.restart(name)
        elif what == "propose":
            node = NAMES[other]
            action = "remove" if node in box.core.record.nodes else "add"
            if action == "add" and node not in cluster.boxes:
                cluster.join(node)
                cluster.say(node, name)
                cluster.deliver(cluster.mail[-1])
            cluster.propose(name, action, node, heard=None)
        else:
            cluster.now += one / 10
            box.core.tick(cluster.now)
        cluster.check()


@given(st.integers(1, 5), st.sets(st.sampled_from(NAMES[:5]), max_size=2), st.lists(STEP, max_size=200))
@settings(max_examples=150, deadline=None)
def test_no_two_lists_at_one_version_whatever_happens(members, forgetful, steps):
    live_through(Cluster(members, forgetful), steps)


def busy_day(seed, length=700):
    """A cluster with a long and mostly sensible history: what is said mostly arrives, and is mostly saved."""
    rng = random.Random(seed)
    cluster = Cluster(rng.randint(1, 5), rng.sample(NAMES[:5], rng.choice((0, 0, 1))))
    weights = {"say": 10, "deliver": 12, "save": 8, "crash": rng.choice((0, 0.3)), "propose": 1, "wait": 2}
    for what in rng.choices([*weights], [*weights.values()], k=length):
        one = min(int(rng.expovariate(0.3)), 100) if what == "deliver" else rng.randint(0, 20)
        live_through(cluster, [(what, one, rng.randrange(6))])
    return cluster


@pytest.mark.parametrize("block", range(4))
def test_after_a_busy_day_all_agree_and_can_go_on(block):
    versions = 0
    for seed in range(block * 30, block * 30 + 30):
        cluster = busy_day(seed)
        versions += max(cluster.lists)
        for _ in range(3):  # what was left behind is finished first
            last = settle_down(cluster)
            able = [name for name in last if cluster.boxes[name].durable]
            if 2 * len(able) <= len(last) or agrees_on_one_more_change(cluster, able[0]):
                break
        else:
            pytest.fail(f"seed {seed}: three times another change came first")
    assert versions > 5


def settle_down(cluster):
    """All listed nodes run and hear each other until orders that are under way have ended."""
    for name in cluster.lists[max(cluster.lists)]:
        if name not in cluster.boxes:
            cluster.join(name)
    cluster.settle(rounds=60)
    last = cluster.lists[max(cluster.lists)]
    assert {cluster.boxes[name].core.record.nodes for name in last} == {last}
    return last


def agrees_on_one_more_change(cluster, proposer):
    nodes = cluster.boxes[proposer].core.record.nodes
    node = next((name for name in NAMES if name not in nodes), NAMES[0])
    assert cluster.propose(proposer, "remove" if node in nodes else "add", node) is None
    cluster.settle(rounds=40)
    settled = cluster.boxes[proposer].core.settled
    assert settled.changed or settled.trouble == "conflict"
    return settled.changed


@pytest.mark.parametrize(
    "wrong", ["a disk that is never read", "a promise that is spoken before it is saved"]
)
def test_the_checks_notice(wrong, monkeypatch):
    import support.agreeing as support  # noqa: PLC0415 -- patched here alone

    if wrong == "a disk that is never read":
        monkeypatch.setattr(support.Box, "start", _start_without_disk(support.Box.start))
    else:
        monkeypatch.setattr(support.Agreement, "_held", lambda self: self.record)
    with pytest.raises(AssertionError):
        [busy_day(seed) for seed in range(400)]


def _start_without_disk(start):
    def forget(box):
        box.disk = None
        start(box)

    return forget


def test_the_preview_is_of_the_present_version():
    assert grown()[1].core.preview(Change("remove", D), NAMES) == Settled(
        "",
        f"removing {D} needs the agreement of 3 of 4 nodes; from then on 2 of 3 nodes are a quorum",
        1,
        changed=True,
    )


def test_a_file_that_is_read_again_is_taken_as_at_a_start():
    fresh = Cluster(3)[1].core
    assert fresh.reread((A, B)) == begin((A, B), None)
    core = grown()[1].core
    for file in ((A, B, C), (A, B, C, D), (A, B)):
        assert core.reread(file) == replace(begin(file, core.record), unsaved=True)


def test_what_begins_anew_is_of_the_same_node_and_knows_nothing_of_its_last_order():
    cluster = grown()
    cluster.propose(A, "remove", D)
    core = cluster[1].core
    start = core.reread((A, B))
    again = core.begun(start)
    assert (again.me, again.record, again.unsaved) == (A, start.record, start.record)
    assert (again.busy, again.settled, again.said().able) == (False, None, True)
    assert Cluster(3, forgetful=(B,))[2].core.begun(start).said().able is False


def test_who_has_agreed_is_not_among_those_who_have_not():
    cluster = Cluster(5)
    cluster.propose(A, "add", F)
    cluster.talk(rounds=1, silent=(D, E))  # a quorum promises
    cluster.talk(rounds=1, silent=(C, D, E))  # and one node accepts
    cluster[1].core.tick(cluster.now + PATIENCE)
    assert cluster[1].core.settled.sentence == (
        f"no quorum agreed within 10 s to adding {F}: 3 of 5 nodes are needed, and these have not agreed: "
        f"{C} (no answer), {D} (nothing was heard of it), {E} (nothing was heard of it); it may still come about"
    )


def test_pauses_double_up_to_two_seconds_and_are_spread_so_that_nodes_do_not_meet_again():
    cores = [Agreement(f"10.0.1.{number}:3333", begin((A,), None), durable=True) for number in range(200)]
    for tries in range(12):
        usual = min(2.0, 0.2 * 2**tries)
        pauses = [core._pause(tries) / usual for core in cores]
        assert 0.5 <= min(pauses) < 0.55
        assert 1.45 < max(pauses) < 1.5
        assert len(set(pauses)) > 100


def test_who_was_heard_before_the_list_changed_was_heard():
    cluster = Cluster(3)
    cluster.talk(rounds=1)
    cluster.propose(A, "add", D)
    cluster.talk(silent=(C,))
    cluster.propose(A, "add", E)
    cluster[1].core.tick(cluster.now + PATIENCE)
    assert (
        f"{C} (it does not know the present list yet), {D} (nothing was" in cluster[1].core.settled.sentence
    )


def test_each_time_another_round_comes_first_it_waits_longer():
    cluster = Cluster(3)
    core, now = cluster[1].core, 0.0
    cluster.propose(A, "add", D)
    for tries in (1, 2, 3):
        core.hear(B, replace(cluster[2].core.said(), promised=Round(10 * tries, B)), now)
        assert core.said().proposal is None
        assert core._order.again_at == now + core._pause(tries)
        now = core._order.again_at
        core.tick(now)
        assert core._proposal == Proposal(Round(10 * tries + 1, A))


def test_who_was_promised_a_round_proposes_what_was_accepted_last_before_it():
    """The heart of Paxos: what a quorum may have accepted already is what comes about, whoever asks next."""
    cluster = Cluster(5)
    core, mine = cluster[3].core, Round(4, C)
    core.hear(A, replace(core.said(), promised=Round(3, B)), 0.0)
    cluster.propose(C, "add", F)
    assert core._proposal == Proposal(mine)
    for node, round_, change in (
        (A, Round(2, B), Change("remove", E)),
        (B, Round(3, B), Change("remove", D)),
    ):
        cluster[3].save()
        core.hear(node, replace(core.said(), promised=mine, accepted=Accepted(round_, change)), 0.0)
    assert core._proposal == Proposal(mine, Change("remove", D))


def test_who_hears_of_nothing_accepted_proposes_its_own_change():
    cluster = Cluster(3)
    core = cluster[1].core
    cluster.propose(A, "add", D)
    cluster[1].save()
    core.hear(B, replace(core.said(), promised=Round(1, A)), 0.0)
    assert core._proposal == Proposal(Round(1, A), Change("add", D))


def test_who_accepts_in_a_round_refuses_earlier_ones():
    core = Cluster(3)[2].core
    late, early = Round(5, A), Round(4, C)
    core.hear(A, replace(core.said(), proposal=Proposal(late, Change("add", D))), 0.0)
    assert (core.record.promised, core.record.accepted) == (late, Accepted(late, Change("add", D)))
    core.hear(C, replace(core.said(), proposal=Proposal(early, Change("remove", A))), 0.0)
    core.hear(C, replace(core.said(), proposal=Proposal(early)), 0.0)
    assert (core.record.promised, core.record.accepted) == (late, Accepted(late, Change("add", D)))


def test_what_a_node_accepted_before_does_not_replace_what_it_accepted_later():
    core = Cluster(5)[1].core
    old, new = Accepted(Round(1, B), Change("remove", E)), Accepted(Round(2, C), Change("add", F))
    for node, accepted in ((B, new), (C, new), (B, old), (D, new)):
        assert core.record.version == 0
        core.hear(node, replace(core.said(), accepted=accepted), 0.0)
    assert (core.record.version, core.record.nodes) == (1, NAMES)


def test_the_nodes_of_version_0_are_not_told_since_their_digest_says_who_they_are():
    assert Cluster(3)[1].core.said().nodes == ()
    assert grown()[1].core.said().nodes == (A, B, C, D)


ELSEWHERE = Said(begin((A, B), None).record.base, 2, (A, B, C, D))


@pytest.mark.parametrize(
    ("sender", "said", "taken"),
    [
        (A, ELSEWHERE, True),
        (E, ELSEWHERE, False),
        (A, replace(ELSEWHERE, nodes=(A, B, D)), False),
        (A, replace(ELSEWHERE, version=0), False),
    ],
    ids=["one of these nodes", "a stranger", "without this node", "the beginning of it"],
)
def test_who_has_no_history_joins_that_of_the_nodes_it_was_configured_with(sender, said, taken):
    core = Cluster(3)[3].core
    core.hear(sender, said, 0.0)
    assert (core.record.base == ELSEWHERE.base) is taken
    assert core.record.nodes == ((A, B, C, D) if taken else (A, B, C))


def test_who_has_accepted_something_or_seen_a_change_has_a_history():
    bound = Cluster(3)
    bound[3].core.hear(
        A, replace(bound[1].core.said(), proposal=Proposal(Round(1, A), Change("add", D))), 0.0
    )
    for core in (bound[3].core, grown()[3].core):
        base = core.record.base
        core.hear(A, ELSEWHERE, 0.0)
        assert core.record.base == base


def test_refusals_of_what_is_so_already_or_cannot_be():
    core = grown()[1].core
    assert core.propose(Change("add", D), NAMES, 0.0) == Settled("", f"{D} is a node already", 1)
    assert core.propose(Change("remove", F), NAMES, 0.0) == Settled("", f"{F} is not a node", 1)
    assert core.propose(Change("add", E), NAMES, 0.0) is None
    assert core.settled is None
    assert core.propose(Change("add", F), NAMES, 0.0) == Settled(
        "conflict", f"adding {E} is still under way: wait for it", 1
    )
    assert Cluster(1).propose(A, "remove", A) == Settled(
        "conflict", f"{A} is the only node: there would be none left", 0
    )


def test_refusals_of_a_node_that_cannot_order_anything():
    cluster = Cluster(3, forgetful=(B,))
    cluster.propose(A, "remove", C)
    cluster.talk()
    assert cluster.propose(C, "add", D) == Settled(
        "conflict", "this node was removed from the cluster: ask another one", 1
    )
    assert cluster.propose(B, "add", D) == Settled(
        "unavailable",
        "this node has no state_dir, so it cannot propose a change of nodes: ask another one",
        1,
    )
    assert cluster.propose(A, "add", D, heard=(A,)) == Settled(
        "unavailable", "only 1 of 2 nodes are heard: no quorum can agree", 1
    )
