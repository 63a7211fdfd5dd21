"""A DNS server that refuses or dies: the nodes keep trying, with back-off, and are right when it is back."""

import pytest


def refuses_updates(server):
    server.admit(updates=False)


def refuses_everything(server):
    server.admit(updates=False, queries=False)


@pytest.mark.parametrize("trouble", [refuses_updates, refuses_everything])
def test_a_dns_server_that_refuses_for_a_while(site, trouble):
    made = site(3)
    dead, other, _ = made.addresses
    trouble(made.server)
    made.down(dead)
    if trouble is refuses_updates:
        for node in made.nodes:
            node.complains("REFUSED")
    else:
        made.nodes[0].complains("REFUSED")
    made.keeps(made.all, 3)
    made.server.admit(updates=True)
    made.serves(made.all - {dead})
    made.settle()
    made.up(dead)
    made.down(other)
    made.serves(made.all - {other})


def test_a_dns_server_that_dies_and_comes_back(site):
    made = site(3)
    dead = made.addresses[0]
    made.server.kill()
    made.down(dead)
    for node in made.nodes:
        node.complains("10.77.0.1:53")
    made.server.start()
    made.serves(made.all - {dead})
    made.settle()
