"""What a configuration may say and an operator hardly means."""

import pytest

from rrdnsd.config import Config
from rrdnsd.config.cautions import cautions

NODES = [f"10.0.0.{number}:3333" for number in range(1, 6)]


def warned(first, *more, nodes=NODES, **top):
    services = [
        {
            "fqdn": f"s{number}.example.org",
            "zone": "example.org",
            "healthcheck": "http://{}/",
            "ipaddrs": ["192.0.2.1"],
            "voters": asked,
        }
        for number, asked in enumerate([first, *more])
    ]
    made = {"local_node": nodes[0], "nodes": nodes, "insecure_cluster": True, "services": services, **top}
    return [*cautions(Config.model_validate(made))]


@pytest.mark.parametrize(
    ("voters", "sentence"),
    [
        (1, "a single node decides, and its own network's trouble looks like that of the endpoints"),
        (2, "nothing is decided while either of the two is lost"),
        (4, "an even number survives no more lost voters than 3 would"),
    ],
)
def test_numbers_that_are_less_safe_than_they_look(voters, sentence):
    said = f"voters is {voters} for s0.example.org: {sentence}; 3 or 5 are what you want"
    assert warned(voters) == warned(None, voters=voters) == [said]


def test_one_sentence_for_each_number():
    assert [text.partition(":")[0] for text in warned(1, 2, 1, 1, 3)] == [
        "voters is 1 for s0.example.org and 2 other services",
        "voters is 2 for s1.example.org",
    ]


@pytest.mark.parametrize("voters", [None, 3, 5, 6])
def test_nothing_is_said_of_an_odd_number_or_of_all(voters):
    assert warned(voters) == []


@pytest.mark.parametrize("voters", [1, 2, 4])
def test_nothing_is_said_where_all_nodes_vote(voters):
    assert warned(voters, nodes=NODES[:voters]) == []
