"""What `rrdnsd completion` prints does its work in the shells that it is for."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.control import API, MAIL, WEB
from support.terminal import Terminal

CASES = [
    ("rrdnsd dra", {"drain"}),
    ("rrdnsd explain ", {API, MAIL, WEB}),
    ("rrdnsd drain --service m", {MAIL}),
    (f"rrdnsd force {WEB} 192.0.2.1 ", {"up", "down", "off"}),
    ("rrdnsd init --method ns", {"nsupdate"}),
    ("rrdnsd drain 192.0.2", {"192.0.2.1", "192.0.2.2"}),
]
MORE = [("rrdnsd check no", {"notes.txt"}), ("rrdnsd drain 2001:db8", {"2001:db8::1"})]


@pytest.fixture
def shell(env, rrdnsd, tmp_path, served):
    """Return the path of a shell, what teaches it, and an environment in which it finds rrdnsd and one file."""
    here = tmp_path / "here"
    here.mkdir()
    (here / "notes.txt").touch()

    def find(name):
        if shutil.which(name) is None:
            pytest.skip(f"needs {name}")
        script = tmp_path / f"taught.{name}"
        script.write_text(rrdnsd("completion", name).stdout)
        path = f"{Path(sys.executable).parent}:{env['PATH']}"
        return script, {"cwd": here, "env": {**env, "PATH": path, "HOME": str(here)}}

    return find


def answered(command, **more):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **more)
    assert done.stderr == ""
    return set(done.stdout.split())


@pytest.mark.parametrize(("line", "found"), CASES)
def test_bash(shell, line, found):
    script, more = shell("bash")
    asked = (
        f"source {script}; COMP_LINE='{line}' COMP_POINT={len(line)}; _rrdnsd_complete rrdnsd; "
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    assert answered(["bash", "--norc", "-c", asked], **more) == found


@pytest.mark.parametrize(("line", "found"), [*CASES, *MORE])
def test_fish(shell, line, found):
    script, more = shell("fish")
    asked = f"source {script}; complete -C '{line}'"
    assert answered(["fish", "--no-config", "-c", asked], **more) == found


def zsh(setup, line, found, more):
    opened = Terminal(["zsh", "-f", "-i"], env=more["env"] | {"PROMPT": "ready> ", "PS1": "ready> "})
    try:
        opened.see("ready>")
        opened.type(f"cd {more['cwd']}; {setup}; echo 'lear'ned\n")
        opened.see("learned")
        opened.type(f"{line}\t\t")
        for word in found:
            opened.see(word)
    finally:
        opened.close()


@pytest.mark.parametrize(("line", "found"), [*CASES, *MORE])
def test_zsh(shell, line, found):
    script, more = shell("zsh")
    zsh(f"autoload -U compinit; compinit -D -u; source {script}", line, found, more)


def test_zsh_finds_it_among_its_functions(shell, tmp_path):
    script, more = shell("zsh")
    (tmp_path / "functions").mkdir()
    script.rename(tmp_path / "functions" / "_rrdnsd")
    setup = f"fpath=({tmp_path / 'functions'} $fpath); autoload -U compinit; compinit -D -u"
    zsh(setup, "rrdnsd explain ", {API, MAIL, WEB}, more)
