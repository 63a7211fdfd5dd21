"""What is kept on disk: read back whole, written whole, and set aside when it is broken."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrdnsd.providers.builtin.store import Saved, from_text, load, load_all, path_of, save, to_text
from rrdnsd.providers.builtin.zone import changed
from support.builtin import ZONE, key, records, rrset, zone

TEXT = "@ A 192.0.2.9\nwww A 192.0.2.1 192.0.2.2\nwww AAAA 2001:db8::1"


def test_the_file_is_a_master_file_for_people():
    assert to_text(zone(TEXT, serial=42)).splitlines() == [
        "; Written by rrdnsd, which reads it only when it starts. Stop rrdnsd before you change it.",
        "example.test. 3600 IN SOA ns.example.test. hostmaster.example.test. 42 300 60 1209600 60",
        "example.test. 3600 IN NS ns.example.test.",
        "example.test. 5 IN A 192.0.2.9",
        "www.example.test. 5 IN A 192.0.2.1",
        "www.example.test. 5 IN A 192.0.2.2",
        "www.example.test. 5 IN AAAA 2001:db8::1",
    ]


addresses = {
    "A": st.frozensets(st.sampled_from(["192.0.2.1", "0.0.0.0", "255.255.255.255"]), min_size=1),
    "AAAA": st.frozensets(st.sampled_from(["2001:db8::1", "::", "::ffff:c000:201", "ff02::1"]), min_size=1),
}


@st.composite
def published(draw):
    names = st.sampled_from(["@", "www", "_a._tcp", "x-y.z", "123"])
    kinds = draw(st.sets(st.tuples(names, st.sampled_from(["A", "AAAA"])), max_size=5))
    changes = {
        key(*kind): rrset(*draw(addresses[kind[1]]), ttl=draw(st.integers(0, 2**31 - 1))) for kind in kinds
    }
    one = changed(
        zone("gone A 192.0.2.1", names=draw(st.sampled_from([(), ("later.example.test",)]))), changes, 8
    )
    return changed(one, {key("gone"): None}, draw(st.integers(1, 2**32 - 1)))


@given(published())
def test_what_is_written_is_read_back(one):
    saved = from_text(to_text(one), ZONE)
    assert saved == Saved(ZONE, one.serial, one.records, one.withdrawn, one.complete)


def test_saving_replaces_the_file_and_leaves_nothing_beside_it(tmp_path):
    path = path_of(str(tmp_path / "state"), ZONE)
    for serial in (1, 2):
        save(path, zone(TEXT, serial=serial))
    assert load(path, ZONE) == Saved(ZONE, 2, records(TEXT))
    assert [file.name for file in path.parent.iterdir()] == ["example.test.zone"]


def test_a_crash_before_the_rename_leaves_the_old_file(tmp_path, monkeypatch):
    path = path_of(str(tmp_path), ZONE)
    save(path, zone(TEXT, serial=1))

    def crash(_descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", crash)
    with pytest.raises(KeyboardInterrupt):
        save(path, zone("www A 192.0.2.7", serial=2))
    assert load(path, ZONE) == Saved(ZONE, 1, records(TEXT))


def test_nothing_was_saved(tmp_path, caplog):
    assert load_all(str(tmp_path), [ZONE]) == []
    assert caplog.records == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\0\0\0",
        b"\xff\xfe",
        b"example.test. 3600 IN NS ns.example.test.\n",
        b"example.test. 3600 IN SOA ns hostmaster 1 2 3\n",
        to_text(zone(TEXT)).replace("192.0.2.1", "192.0.2.").encode(),
        to_text(zone(TEXT)).encode()[:150],
        b'$INCLUDE "/etc/passwd"\n',
        b"$GENERATE 1-99999999 x$ A 192.0.2.1\n",
    ],
)
def test_a_broken_file_is_set_aside_and_said_so(tmp_path, caplog, content):
    path = path_of(str(tmp_path), ZONE)
    path.parent.mkdir()
    path.write_bytes(content)
    assert load(path, ZONE) is None
    assert not path.exists()
    assert path.with_suffix(".broken").read_bytes() == content
    assert "is broken" in caplog.text
    assert "set aside as example.test.broken" in caplog.text


def test_an_unreadable_file_stays_where_it_is(tmp_path, caplog):
    path = path_of(str(tmp_path), ZONE)
    path.mkdir(parents=True)
    assert load(path, ZONE) is None
    assert path.is_dir()
    assert "cannot be read: Is a directory" in caplog.text


def test_no_zone_name_leads_out_of_the_folder(tmp_path):
    assert path_of(str(tmp_path), "0/25.2.0.192.in-addr.arpa").parent == tmp_path / "zones"
    assert path_of(str(tmp_path), "../../x").parent == tmp_path / "zones"
