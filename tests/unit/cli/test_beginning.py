"""What `init` and `adopt` say when something is missing or wrong; nothing is asked where there is nobody."""

import json

import pytest
import typer

from rrdnsd.cli import dialogue
from rrdnsd.cli.dialogue import Dialogue
from rrdnsd.cli.exits import CommandError, Exit
from support import commands


@pytest.fixture
def run(tmp_path):
    def call(*words, **more):
        env = {"CONF": str(tmp_path / "rrdnsd.json"), "LOCAL_NODE": None, **more}
        return commands.run(*words, env=env)

    return call


def words(text):
    if not text:
        raise ValueError("must not be empty")
    return text.upper()


def test_what_was_given_is_taken_and_checked():
    nobody = Dialogue(person=False, yes=False)
    assert nobody.value("a", "--it", "It", words) == "A"
    with pytest.raises(CommandError, match="--it: must not be empty") as caught:
        nobody.value("", "--it", "It", words)
    assert caught.value.code == Exit.INVALID


def test_what_is_missing_is_named_where_there_is_nobody_to_ask():
    nobody = Dialogue(person=False, yes=False)
    with pytest.raises(CommandError, match=r"^give --it: there is nobody to ask$"):
        nobody.value(None, "--it", "It", words)
    with pytest.raises(CommandError, match=r"^give --it, or --yes for 7: there is nobody to ask$"):
        nobody.value(None, "--it", "It", words, "7")
    assert nobody.confirm("Sure?", default=False) is False


def test_yes_takes_the_defaults():
    for person in (True, False):
        assert Dialogue(person, yes=True).value(None, "--it", "It", words, "x") == "X"
        assert Dialogue(person, yes=True).confirm("Sure?", default=True) is True


def test_a_wrong_answer_is_told_and_asked_again(monkeypatch, capsys):
    answers = iter(["", " b "])
    monkeypatch.setattr(typer, "prompt", lambda *_, **__: next(answers))
    assert Dialogue(person=True, yes=False).value(None, "--it", "It", words) == "B"
    assert "must not be empty" in capsys.readouterr().err


@pytest.mark.parametrize("error", [typer.Abort, KeyboardInterrupt])
def test_an_interruption_is_told_and_is_130(error):
    def work():
        raise error

    with pytest.raises(CommandError, match="nothing was written") as caught:
        dialogue.interruptible(work)
    assert caught.value.code == Exit.INTERRUPTED


WRONG = [
    (["init"], 2, "give --service: there is nobody to ask"),
    (["init", "--service", "*.example.org"], 2, "is a wildcard"),
    (["init", "--service", "a.b", "--method", "bind"], 2, "--method: 'bind' is none of builtin"),
    (["init", "--service", "a.b"], 2, "give --method, or --yes for rfc2136"),
    (["init", "--service", "a.b", "--method", "dynu", "--server", "127.0.0.1"], 2, "dynu has no servers"),
    (["init", "--service", "a.b", "--method", "rfc2136", "--server", "::1:x"], 2, "--server: "),
    (
        ["init", "--service", "a.b", "--method", "rfc2136", "--server", "127.0.0.1"],
        2,
        "give --key-file, --key-env, --new-key or --no-key",
    ),
    (["init", "--service", "a.b", "--method", "dynu"], 2, "the token of the API"),
    (["init", "--service", "a.b", "--method", "lexicon"], 2, "give --option vendor=...: there is nobody"),
    (["init", "--service", "a.b", "--method", "dynu", "--option", "x"], 2, "--option 'x' must be KEY=VALUE"),
    (["init", "--service", "a.b", "--yes", "--key-env", "NOT_SET"], 2, "NOT_SET is not set"),
    (["init", "--service", "a.b", "--yes", "--new-key", "a key"], 2, "the name of the TSIG key"),
    (["init", "--service", "a.b", "--yes", "--new-key", "k", "-o", "-"], 2, "give --key-file as well"),
    (["init", "--yes", "-o", "/not/there/x.json"], 2, "/not/there is no folder"),
    (["adopt"], 2, "give --server: the primary DNS server"),
    (["adopt", "--server", "127.0.0.1"], 2, "give --zone to read a whole zone, or the names"),
    (["adopt", "--server", "x y"], 2, "--server: "),
    (["adopt", "--server", "127.0.0.1", "not/a/name"], 2, '"not/a/name" is not a domain name'),
    (["adopt", "--server", "127.0.0.1", "--names", "/not/there"], 2, "/not/there cannot be read"),
    (["adopt", "--server", "127.0.0.1", "a.b", "c.d", "--limit", "1"], 2, "more than 1 names are given"),
    (["adopt", "--zone", "a.b", "--method", "dynu"], 2, "give --server: where the zone is transferred from"),
    (["adopt", "--json", "-o", "-"], 2, "cannot both have stdout"),
    (
        ["adopt", "--server", "127.0.0.1", "--zone", "a.b", "--zone-file", "/not/there"],
        1,
        "the zone file /not/there cannot be read",
    ),
    (
        ["adopt", "--server", "127.0.0.1", "--zone", "a.b", "--healthcheck", "http://x/"],
        2,
        '--healthcheck: has no "{}"',
    ),
    (["adopt", "--server", "127.0.0.1", "--key-env", "A", "--key-file", "b", "c.d"], 2, "not both"),
]


@pytest.mark.parametrize(("given", "code", "sentence"), WRONG, ids=lambda value: str(value)[:60])
def test_what_is_wrong_is_one_sentence(run, tmp_path, given, code, sentence):
    result = run(*given)
    *_, last = result.stderr.strip().splitlines()
    assert last.startswith("rrdnsd: ")
    assert sentence in last
    assert result.exit_code == code
    assert [*tmp_path.iterdir()] == []


def test_a_bad_key_is_told_without_its_secret(run, tmp_path):
    (tmp_path / "key").write_text("hmac-foo:rrkey:c2VjcmV0IQ==")
    for words_ in (["init", "--service", "a.b", "--yes"], ["adopt", "a.b", "--server", "127.0.0.1"]):
        result = run(*words_, "--key-file", tmp_path / "key")
        assert result.exit_code == 2
        assert 'unknown TSIG algorithm "hmac-foo"' in result.stderr
        assert "c2VjcmV0" not in result.stderr


def test_a_file_that_is_there_is_left_alone(run, tmp_path):
    (tmp_path / "rrdnsd.json").write_text("mine")
    for command in ("init", "adopt"):
        result = run(command, "--yes") if command == "init" else run(command)
        assert result.exit_code == 2
        assert "is there already: give --force" in result.stderr
    assert (tmp_path / "rrdnsd.json").read_text() == "mine"


def test_a_zone_without_such_names_is_told(run, tmp_path):
    zone = tmp_path / "zone"
    zone.write_text(
        "@ 60 IN SOA ns h 1 1 1 1 1\n@ 60 IN NS ns\nns 60 IN A 192.0.2.1\none 60 IN A 192.0.2.1\n"
    )
    result = run("adopt", "--zone", "example.org", "--zone-file", zone, "--server", "127.0.0.1")
    assert result.exit_code == 1
    assert "left out, has one address only: one.example.org" in result.stderr
    assert "no name has two or more addresses" in result.stderr
    zone.write_text("@ 60 IN SOA ns\n")
    result = run("adopt", "--zone", "example.org", "--zone-file", zone, "--server", "127.0.0.1")
    assert f"{zone} is no zone file of example.org" in result.stderr


def test_a_builtin_server_needs_nobody_else(run, tmp_path):
    result = run(
        *("init", "--yes", "--service", "www.lb.test", "--method", "builtin", "--zone", "lb.test"),
        *(
            "--address",
            "127.0.0.1",
            "--healthcheck",
            "tcp://{}:1",
            "--accept-failures",
            "--ttl",
            "7",
            "--shadow",
        ),
    )
    assert result.exit_code == 0, result.stderr
    assert "FAILED www.lb.test, probe tcp://127.0.0.1:1: connection refused" in result.stderr
    assert "DNS: not asked: rrdnsd itself will answer on 127.0.0.1:5300" in result.stderr
    made = json.loads((tmp_path / "rrdnsd.json").read_text())
    assert (made["update_method"], made["ttl"], made["mode"]) == ("builtin", 7, "shadow")
    assert result.stdout.splitlines()[0] == f"wrote {tmp_path / 'rrdnsd.json'}"


def test_what_failed_is_not_written(run, tmp_path):
    result = run(
        *("init", "--yes", "--service", "www.lb.test", "--method", "builtin", "--zone", "lb.test"),
        *("--address", "127.0.0.1", "--healthcheck", "tcp://{}:1", "--node", "10.0.0.2:3333"),
    )
    assert result.exit_code == 1
    assert "nothing was written: 1 of what was tried failed" in result.stderr
    assert [*tmp_path.iterdir()] == []


def test_a_cluster_gets_a_secret_in_a_file_of_its_own(run, tmp_path):
    result = run(
        *("init", "--yes", "--service", "www.lb.test", "--method", "builtin", "--zone", "lb.test"),
        *("--address", "127.0.0.1", "--healthcheck", "tcp://{}:1", "--accept-failures"),
        *("--local-node", "10.0.0.1:3333", "--node", "10.0.0.2:3333", "--node", "10.0.0.3:3333"),
    )
    assert result.exit_code == 0, result.stderr
    secret = tmp_path / "rrdnsd.secret"
    assert secret.stat().st_mode & 0o007 == 0
    made = json.loads((tmp_path / "rrdnsd.json").read_text())
    assert made["cluster_secret"] == f"file:{secret}"
    assert made["nodes"] == ["10.0.0.1:3333", "10.0.0.2:3333", "10.0.0.3:3333"]
    assert secret.read_text().strip() not in result.output


def test_every_mistake_of_the_whole_is_told(run, tmp_path):
    (secret := tmp_path / "secret").write_text("short")
    result = run(
        *("init", "--yes", "--service", "www.lb.test", "--method", "builtin", "--zone", "lb.test"),
        *("--address", "127.0.0.1", "--healthcheck", "tcp://{}:1", "--ttl", "-1", "--accept-failures"),
        *("--node", "127.0.0.1:3334", "--cluster-secret-file", str(secret)),
    )
    assert result.exit_code == 2
    assert "cluster_secret: " in result.stderr
    assert "ttl: " in result.stderr
    assert [*tmp_path.iterdir()] == [secret]


def test_a_name_outside_its_zone_is_told_at_once(run, tmp_path):
    result = run("init", "--yes", "--service", "www.lb.test", "--method", "builtin", "--zone", "other.test")
    assert result.exit_code == 2
    assert '--zone: "www.lb.test" is outside the zone "other.test"' in result.stderr
    assert [*tmp_path.iterdir()] == []
