"""A zone file is replaced in one step, and looks as it did but for its text."""

import os

import pytest

from rrdnsd.errors import ProviderError
from rrdnsd.providers.zonefile import file


@pytest.fixture
def path(tmp_path):
    made = tmp_path / "example.test.zone"
    made.write_bytes(b"old \xff\n")
    made.chmod(0o640)
    return made


def test_replaced_byte_by_byte_with_its_mode(path):
    seen = file.read(path)
    file.write_beside(path, seen.text + "new\n")
    assert path.read_bytes() == b"old \xff\n"
    assert file.put(path, seen)
    assert path.read_bytes() == b"old \xff\nnew\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert [found.name for found in path.parent.iterdir()] == [path.name]


def test_what_was_changed_meanwhile_is_not_replaced(path):
    seen = file.read(path)
    file.write_beside(path, "new\n")
    path.write_text("an operator's\n")
    assert not file.put(path, seen)
    assert path.read_text() == "an operator's\n"
    assert not file.beside(path).exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a file away needs root")
def test_owner_and_group_stay(path):
    os.chown(path, 1234, 2345)
    seen = file.read(path)
    file.write_beside(path, "new\n")
    assert file.put(path, seen)
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 2345)


def test_where_the_owner_cannot_be_kept_nothing_is_written(path, monkeypatch):
    def forbidden(*_):
        raise PermissionError

    real = os.fstat

    def of_another(opened):
        found = real(opened)
        return os.stat_result((*found[:4], found.st_uid + 1, *found[5:]))

    monkeypatch.setattr(os, "fchown", forbidden)
    monkeypatch.setattr(os, "fstat", of_another)
    with pytest.raises(
        ProviderError, match=r"would not keep its owner and group .*: let the user that runs rrdnsd own it"
    ):
        file.write_beside(path, "new\n")
    assert not file.beside(path).exists()


def test_what_an_earlier_run_left_behind_is_replaced(path):
    file.beside(path).write_text("half")
    seen = file.read(path)
    file.write_beside(path, "new\n")
    assert file.put(path, seen)
    assert path.read_text() == "new\n"


def test_a_file_or_folder_that_is_not_there(path):
    missing = path.parent / "none" / "zone"
    with pytest.raises(ProviderError, match=r"the zone file .* cannot be read: No such file or directory"):
        file.read(missing)
    with (
        pytest.raises(ProviderError, match=r"zone\.lock cannot be written: No such file"),
        file.opened_lock(missing),
    ):
        pass
    with pytest.raises(ProviderError, match=r"/\.zone\.rrdnsd cannot be written: No such file"):
        file.write_beside(missing, "new\n")


def test_the_lock_is_held_by_one(path):
    with file.opened_lock(path) as one, file.opened_lock(path) as other:
        assert file.locks(one)
        assert not file.locks(other)
    with file.opened_lock(path) as third:
        assert file.locks(third)
