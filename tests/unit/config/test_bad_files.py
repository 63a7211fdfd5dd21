"""One bad file for each mistake; beside it, in NAME.txt, exactly what `rrdnsd check` prints of it."""

from pathlib import Path

import pytest

from support.commands import run

BAD = Path(__file__).parent / "bad"
FILES = sorted(path.name for path in BAD.iterdir() if path.suffix in {".json", ".toml"})


@pytest.mark.parametrize("name", FILES)
def test_check_prints_exactly_what_is_wrong(name, monkeypatch):
    monkeypatch.chdir(BAD)
    monkeypatch.delenv("LOCAL_NODE", raising=False)
    result = run("check", name)
    assert result.stdout == (BAD / name).with_suffix(".txt").read_text()
    assert result.exit_code == 2


def test_every_expected_output_has_its_bad_file():
    expected = {path.stem for path in BAD.glob("*.txt")}
    assert expected == {Path(name).stem for name in FILES}
    assert len(FILES) > 100


def test_no_expected_output_holds_a_secret():
    secrets = ("s3cr3t", "hunter2", "c2VjcmV0IQ==")
    held = [path.name for path in BAD.iterdir() if any(s.encode() in path.read_bytes() for s in secrets)]
    assert {Path(name).suffix for name in held} == {".json"}
