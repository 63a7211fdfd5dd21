import pytest

from rrdnsd.probes.request import Target, host_header, parse_template, render, request_path


@pytest.mark.parametrize(
    ("template", "target"),
    [
        ("http://{}:8778/", Target("http", 8778, "/")),
        ("http://{}", Target("http", None, "/")),
        ("https://[{}]:8443/a/b?c=d", Target("https", 8443, "/a/b?c=d")),
        ("https://{}?x", Target("https", None, "?x")),
        ("http://{}/a#part", Target("http", None, "/a")),
        ("tcp://{}:5432", Target("tcp", 5432, "/")),
    ],
)
def test_a_template_is_taken_apart(template, target):
    assert parse_template(template) == target


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("http://www.example.test/", "is not of the form"),
        ("http://www.example.test/{}", "is not of the form"),
        ("http://{}:http/", "is not of the form"),
        ("{}", "is not of the form"),
        ("http://{}:0/", "port must be between 1 and 65535"),
        ("http://{}:65536/", "port must be between 1 and 65535"),
        ("http://{}/a b", "printable ASCII"),
        ("http://{}/ä", "printable ASCII"),
    ],
)
def test_what_is_wrong_with_a_template(template, problem):
    with pytest.raises(ValueError, match=problem):
        parse_template(template)


def test_the_path_may_hold_the_address():
    assert request_path("/check?ip={}", "192.0.2.1") == "/check?ip=192.0.2.1"
    assert request_path("/{}/", "2001:db8::1") == "/[2001:db8::1]/"
    assert request_path("?x", "192.0.2.1") == "/?x"


@pytest.mark.parametrize(
    ("host", "scheme", "port", "header"),
    [
        ("a.test", "http", 80, "a.test"),
        ("a.test", "http", 8080, "a.test:8080"),
        ("a.test", "https", 443, "a.test"),
        ("a.test", "https", 80, "a.test:80"),
        ("2001:db8::1", "http", 80, "[2001:db8::1]"),
    ],
)
def test_the_host_header_names_a_port_that_is_not_the_usual(host, scheme, port, header):
    assert host_header(host, scheme, port) == header


def test_a_request_asks_to_close_unless_the_connection_is_kept():
    assert render("GET", "/", "a.test", (), keep_alive=False) == (
        b"GET / HTTP/1.1\r\nHost: a.test\r\nUser-Agent: rrdnsd\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    )
    assert b"Connection" not in render("GET", "/", "a.test", (), keep_alive=True)


def test_configured_headers_replace_the_usual_ones():
    sent = render("POST", "/", "a.test", (("host", "b.test"), ("X-A", "1")), keep_alive=True)
    assert b"a.test" not in sent
    assert b"host: b.test\r\nX-A: 1\r\n" in sent
    assert b"Content-Length: 0\r\n" in sent


@pytest.mark.parametrize(
    ("method", "headers", "problem"),
    [
        ("GET /", (), "method: 'GET /' is not an HTTP method"),
        ("GET", (("a b", "c"),), "headers: 'a b' is not a header name"),
        ("GET", (("a", "b\r\nc: d"),), "headers: the value of a holds a line break"),
    ],
)
def test_what_would_break_the_request_is_refused(method, headers, problem):
    with pytest.raises(ValueError, match=problem):
        render(method, "/", "a.test", headers, keep_alive=False)
