"""Runs a command on a terminal of its own (a pty), reads what it shows, and types."""

import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

AGAIN = 5.0
"""Seconds after which a signal that had no effect is sent again."""

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A terminal of so many columns with a command on it; `screen` is all that it has shown so far."""

    def __init__(self, command, env=None, columns=80, lines=40):
        self._mine, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.process = subprocess.Popen(
            [str(word) for word in command],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=env,
            start_new_session=True,
        )
        os.close(theirs)
        self.screen = ""

    @property
    def text(self):
        """What it has shown, without colours and without regard to line breaks and columns."""
        return " ".join(ESCAPES.sub("", self.screen).split())

    def see(self, text, within=60.0):
        """Wait until the text is shown."""
        ends = time.monotonic() + within
        while text not in self.text:
            assert time.monotonic() < ends, f"{text!r} is not shown:\n{self.screen}"
            if not self._read(0.2):
                assert text in self.text, f"{text!r} was not shown:\n{self.screen}"

    def type(self, text):
        os.write(self._mine, text.encode())

    def end(self, signal=None, within=60.0):
        """Wait for the end, after a signal if one is given, and return the exit code.

        Python takes no note of a signal that comes right before it begins to wait for input: then it is sent again, as anybody
        would press the keys again.
        """
        began, sent = time.monotonic(), float("-inf")
        while True:
            now = time.monotonic()
            if signal is not None and now - sent > AGAIN:
                self.process.send_signal(signal)
                sent = now
            if not self._read(0.2):
                return self.process.wait(within)
            assert now - began < within, f"it does not end:\n{self.screen}"

    def close(self):
        self.process.kill()
        self.process.wait(10)
        os.close(self._mine)

    def _read(self, wait):
        """Read what there is; False once the command has closed the terminal."""
        if select.select([self._mine], [], [], wait)[0]:
            with contextlib.suppress(OSError):  # EIO: the last process on it has ended
                found = os.read(self._mine, 65_536)
                self.screen += found.decode(errors="replace")
                return bool(found)
            return False
        return True
