import pytest

from support.endpoints import HOST, ask, endpoint, probe
from support.talkers import dovecot, redis


def talking(port, *steps, **settings):
    given = tuple((step.get("expect"), step.get("send"), step.get("starttls", False)) for step in steps)
    options = {"query_response": given, "min_cert_days": settings.pop("days", 0)}
    return probe(f"tcp://{{}}:{port}", options=options, **{"timeout": 20.0, **settings})


def expect(pattern):
    return {"expect": pattern}


def send(text):
    return {"send": text}


STARTTLS = {"starttls": True}


@pytest.fixture(scope="module")
def mail(tmp_path_factory, certificates):
    with dovecot(tmp_path_factory.mktemp("dovecot"), certificates.good) as ports:
        yield ports


async def test_redis(tmp_path):
    with redis(tmp_path) as port:
        good = await ask(talking(port, send("PING\r\n"), expect(r"^\+PONG")))
        role = await ask(
            talking(port, send("ROLE\r\n"), expect("^slave")),
        )
    assert (good.ok, good.reason) == (True, "")
    assert good.timings.first_byte is not None
    assert not role.ok


async def test_redis_with_a_password(tmp_path):
    with redis(tmp_path, "hunter2") as port:
        steps = [send("AUTH hunter2\r\n"), expect(r"^\+OK"), send("PING\r\n"), expect(r"^\+PONG")]
        assert (await ask(talking(port, *steps))).ok
        wrong = await ask(talking(port, send("PING\r\n"), expect(r"^\+PONG"), timeout=2.0))
    assert wrong.reason.startswith("timeout after 2 s waiting for '^\\\\+PONG', got '-NOAUTH ")
    assert "hunter2" not in wrong.reason


async def test_smtp(mail):
    steps = [
        expect("^220 .*ESMTP|^220 "),
        send("EHLO probe.example.test\r\n"),
        expect("^250-STARTTLS"),
        expect("^250 "),
        send("QUIT\r\n"),
        expect("^221 "),
    ]
    result = await ask(talking(mail[0], *steps))
    assert (result.ok, result.reason) == (True, "")


SMTP_TLS = [
    expect("^220 "),
    send("EHLO probe.example.test\r\n"),
    expect("^250-STARTTLS"),
    expect("^250 "),
    send("STARTTLS\r\n"),
    expect("^220 ") | STARTTLS,
    send("EHLO probe.example.test\r\n"),
    expect("^250 "),
    send("QUIT\r\n"),
    expect("^221 "),
]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({}, ""),
        ({"days": 30}, ""),
        ({"days": 60}, "certificate expires in 30 days, at least 60 are wanted"),
        ({"host": "other.example"}, "certificate is not for other.example"),
        ({"ca_file": None}, "certificate is signed by an unknown authority"),
    ],
)
async def test_smtp_with_starttls(mail, certificates, settings, reason):
    result = await ask(talking(mail[0], *SMTP_TLS, **{"ca_file": certificates.ca_file, **settings}))
    assert (result.ok, result.reason) == (not reason, reason)
    if not reason:
        assert result.cert_days == 30
        assert result.timings.tls > 0


async def test_imap_with_starttls(mail, certificates):
    steps = [
        expect(r"^\* OK .*STARTTLS"),
        send("a STARTTLS\r\n"),
        expect("^a OK") | STARTTLS,
        send("b LOGOUT\r\n"),
        expect("^b OK"),
    ]
    result = await ask(talking(mail[1], *steps, ca_file=certificates.ca_file))
    assert (result.ok, result.reason, result.cert_days) == (True, "", 30)


def saying(*parts):
    def behave(connection, stopped):
        for part in parts:
            connection.sendall(part)
        stopped.wait()

    return behave


def hanging_up(*parts):
    def behave(connection, _stopped):
        for part in parts:
            connection.sendall(part)

    return behave


def endlessly(part):
    def behave(connection, stopped):
        while not stopped.is_set():
            connection.sendall(part)

    return behave


def dripping(data):
    def behave(connection, stopped):
        for byte in data:
            connection.sendall(bytes([byte]))
            stopped.wait(0.01)
        stopped.wait()

    return behave


@pytest.mark.parametrize(
    ("behave", "reason"),
    [
        (saying(), "timeout after 2 s waiting for '^220 '"),
        (saying(b"554 no service\r\n"), "timeout after 2 s waiting for '^220 ', got '554 no service'"),
        (hanging_up(b"554 go \x1b[31maway\r\n"), "closed, '^220 ' was expected, got '554 go \\x1b[31maway'"),
        (hanging_up(), "closed, '^220 ' was expected"),
        (endlessly(b"x" * 5000), "more than 64 KiB without '^220 '"),
        (dripping(b"220 hi\r\n"), ""),
        (saying(b"not yet\r\n220"), "timeout after 2 s waiting for '^220 ', got '220'"),
    ],
)
async def test_odd_servers(behave, reason):
    with endpoint(behave) as served:
        result = await ask(talking(served.port, expect("^220 "), timeout=2.0))
    assert (result.ok, result.reason) == (not reason, reason)


async def test_a_server_that_repeats_what_it_was_told_does_not_spread_a_secret():
    def behave(connection, stopped):
        connection.sendall(b"500 what is " + connection.recv(1000))
        stopped.wait()

    with endpoint(behave) as served:
        steps = [send("AUTH PLAIN s3cret\r\n"), expect("^235 ")]
        result = await ask(talking(served.port, *steps, timeout=2.0))
    assert (
        result.reason == "timeout after 2 s waiting for '^235 ', got '500 what is (hidden) (hidden) (hidden)'"
    )


async def test_what_was_matched_is_not_matched_again():
    with endpoint(saying(b"250 one\r\n")) as served:
        result = await ask(talking(served.port, expect("^250 "), expect("^250 "), timeout=2.0))
    assert result.reason == "timeout after 2 s waiting for '^250 ', got 'one'"


async def test_an_expression_that_never_ends_is_ended():
    with endpoint(saying(b"a" * 40 + b"!")) as served:
        result = await ask(talking(served.port, expect("^(a+)+$")))
    assert result.reason == "searching for what is expected took more than 100 ms"


async def test_what_an_attacker_says_before_starttls_proves_nothing(certificates):
    """The answer that is expected inside TLS was sent before, in the clear."""

    def behave(connection, stopped):
        connection.sendall(b"220 go\r\n250 injected\r\n")
        stopped.wait()

    with endpoint(behave) as served:
        steps = [expect("^220 ") | STARTTLS, expect("^250 ")]
        result = await ask(talking(served.port, *steps, ca_file=certificates.ca_file, timeout=2.0))
    assert not result.ok
    assert HOST not in result.reason
