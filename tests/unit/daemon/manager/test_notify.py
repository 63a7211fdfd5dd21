import pytest

from rrdnsd.daemon.manager.notify import Asked, Line, asked
from support.notified import Notified


@pytest.fixture
def listen(tmp_path):
    made = []

    def at(address=tmp_path / "notify"):
        made.append(Notified(address))
        return made[-1]

    yield at
    for one in made:
        one.close()


@pytest.mark.parametrize(
    ("env", "found"),
    [
        ({}, Asked()),
        ({"WATCHDOG_USEC": "30000000"}, Asked()),
        ({"NOTIFY_SOCKET": ""}, Asked()),
        ({"NOTIFY_SOCKET": "relative/path"}, Asked()),
        ({"NOTIFY_SOCKET": "@"}, Asked()),
        ({"NOTIFY_SOCKET": "/run/n"}, Asked("/run/n")),
        ({"NOTIFY_SOCKET": "@abstract", "WATCHDOG_USEC": "30000000"}, Asked("@abstract", 30.0)),
        ({"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "500000", "WATCHDOG_PID": "7"}, Asked("/run/n", 0.5)),
        ({"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "500000", "WATCHDOG_PID": "8"}, Asked("/run/n")),
        ({"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "0"}, Asked("/run/n")),
        ({"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "-1"}, Asked("/run/n")),
        ({"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "soon"}, Asked("/run/n")),
    ],
)
def test_what_the_manager_asks_for(env, found):
    assert asked(env, pid=7) == found


def test_a_datagram_has_a_line_for_each_value(listen):
    manager = listen()
    Line(manager.address).say(READY=1, STATUS="watching 3 services")
    assert manager.told == [{"READY": "1", "STATUS": "watching 3 services"}]


def test_an_abstract_socket(listen, tmp_path):
    manager = listen(f"@{tmp_path}/abstract")
    Line(manager.address).say(WATCHDOG=1)
    assert manager.told == [{"WATCHDOG": "1"}]


def test_a_status_cannot_forge_another_line(listen):
    manager = listen()
    Line(manager.address).say(STATUS="oh\nREADY=1\udcff")
    assert [list(each) for each in manager.told] == [["STATUS"]]


def test_what_could_not_be_said_is_said_with_the_next(listen, tmp_path):
    line = Line(str(tmp_path / "notify"))
    line.say(READY=1)
    manager = listen()
    line.say(WATCHDOG=1)
    assert manager.told == [{"READY": "1"}, {"WATCHDOG": "1"}]


def test_a_manager_who_does_not_read_holds_up_nothing(listen):
    manager = listen()
    line = Line(manager.address)
    for number in range(2000):  # many times what the kernel keeps for a socket
        line.say(STATUS=number)
    assert len(manager.told) < 2000
    line.say(READY=1)
    assert manager.told[-1] == {"READY": "1"}


def test_nobody_asked():
    Line().say(READY=1)
