import base64

from rrdnsd.providers.base import Resolver
from rrdnsd.providers.keys import TsigKey
from rrdnsd.providers.nsupdate_language import arguments, render
from support.changes import change, named, rrset

WWW = "www.example.test"
KEY = TsigKey("rrkey", "hmac-sha512", b"secret bytes")
PLAN = [
    named(
        change(WWW, rrset("192.0.2.1", "192.0.2.2"), rrset("192.0.2.2", "192.0.2.3", ttl=5)),
        change(WWW, None, rrset("2001:db8::1", ttl=5)),
    ),
    named(change("example.test", rrset("192.0.2.9"), None)),
]


def test_the_whole_script_of_a_plan():
    assert render(Resolver("2001:db8::53", 5353), KEY, "example.test", PLAN) == (
        "server 2001:db8::53 5353\n"
        "zone example.test.\n"
        f"key hmac-sha512:rrkey {base64.b64encode(b'secret bytes').decode()}\n"
        "prereq yxrrset www.example.test. IN A 192.0.2.1\n"
        "prereq yxrrset www.example.test. IN A 192.0.2.2\n"
        "prereq nxrrset www.example.test. IN AAAA\n"
        "prereq yxrrset example.test. IN A 192.0.2.9\n"
        "update delete www.example.test. IN A\n"
        "update add www.example.test. 5 IN A 192.0.2.2\n"
        "update add www.example.test. 5 IN A 192.0.2.3\n"
        "update add www.example.test. 5 IN AAAA 2001:db8::1\n"
        "update delete example.test. IN A\n"
        "send\n"
    )


def test_without_a_key_there_is_no_key_line():
    assert render(Resolver("192.0.2.53"), None, "example.test", PLAN[1:]) == (
        "server 192.0.2.53 53\n"
        "zone example.test.\n"
        "prereq yxrrset example.test. IN A 192.0.2.9\n"
        "update delete example.test. IN A\n"
        "send\n"
    )


def test_the_tools_take_whole_seconds():
    assert arguments(5.0) == ["-v", "-t", "5", "-r", "0"]
    assert arguments(0.2) == ["-v", "-t", "1", "-r", "0"]
