"""What the recipes say of each DNS server's own configuration is taken by the server's own program."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
SECRET = "c2VjcmV0LW9mLXRoZS1kb2N1bWVudGF0aW9uLW9ubHk="
KEY = f'key "rrkey" {{ algorithm hmac-sha256; secret "{SECRET}"; }};\n'
ZONE = "$TTL 300\n@ IN SOA ns hostmaster 1 3600 600 86400 5\n@ IN NS ns\nns IN A 192.0.2.53\n"


def blocks(page, *, under=""):
    """The blocks without a language: below a heading, if one is given."""
    text = (DOCS / page).read_text()
    if under:
        text = re.split(r"^#{1,3} ", text.partition(f"\n### {under}\n")[2], flags=re.MULTILINE)[0]
    found = re.findall(r"^```(\w*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [block for language, block in found if not language]


def examples(recipe, kind):
    """The server's sides on its recipe, and as a secondary of rrdnsd on the page of the built-in DNS server."""
    found = [*blocks(f"recipes/{recipe}.md"), *(blocks("builtin-dns.md", under=kind))]
    assert len(found) > 1
    return [pytest.param(text, id=f"{recipe}{number}") for number, text in enumerate(found)]


def takes(command, *words):
    done = subprocess.run(
        [command, *map(str, words)], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("text", examples("bind", "BIND"))
def test_bind(text, tmp_path):
    (tmp_path / "rrkey.conf").write_text(KEY)
    (tmp_path / "zone").write_text(ZONE)
    conf = tmp_path / "named.conf"
    text = text.replace("/etc/bind/rrkey.conf", str(tmp_path / "rrkey.conf")).replace(
        '"SECRET"', f'"{SECRET}"'
    )
    text = re.sub(r'file "/var/lib/bind/[^"]*"', f'file "{tmp_path / "zone"}"', text)
    conf.write_text(f'options {{ directory "{tmp_path}"; }};\n{text}')
    takes("named-checkconf", "-z", conf)


@pytest.mark.parametrize("text", examples("knot", "Knot"))
def test_knot(text, tmp_path):
    conf = tmp_path / "knot.conf"
    conf.write_text(text.replace(": SECRET", f": {SECRET}"))
    takes("knotc", "-c", conf, "conf-check")


@pytest.mark.parametrize("text", blocks("recipes/powerdns.md"))
def test_powerdns(text, tmp_path):
    (tmp_path / "pdns.conf").write_text(f"launch=\n{text}")
    takes("pdns_server", f"--config-dir={tmp_path}", "--config=check")


@pytest.mark.parametrize("text", examples("nsd", "NSD"))
def test_nsd(text, tmp_path):
    conf = tmp_path / "nsd.conf"
    if "server:" not in text:
        text = f"server:\n  zonesdir: {tmp_path}\n{text}"
    conf.write_text(text.replace('"SECRET"', f'"{SECRET}"'))
    takes("nsd-checkconf", conf)


@pytest.mark.parametrize("text", examples("unbound", "Unbound"))
def test_unbound(text, tmp_path):
    (tmp_path / "example.org.zone").write_text(ZONE)
    conf = tmp_path / "unbound.conf"
    text = text.replace("/etc/unbound/zones", str(tmp_path))
    conf.write_text(f'server:\n  directory: "{tmp_path}"\n  chroot: ""\n  username: ""\n{text}')
    takes("unbound-checkconf", conf)
