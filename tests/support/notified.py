"""A service manager's end of sd_notify(3): a real datagram socket that keeps what it is told, in order."""

import socket


class Notified:
    """`address` goes into $NOTIFY_SOCKET; an abstract one begins with @."""

    def __init__(self, address):
        self.address = str(address)
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._sock.bind(b"\0" + self.address[1:].encode() if self.address.startswith("@") else self.address)
        self._sock.setblocking(False)
        self._heard = []

    @property
    def told(self):
        """Every datagram so far, as a dict."""
        while True:
            try:
                text = self._sock.recv(65536).decode()
            except BlockingIOError:
                return list(self._heard)
            self._heard.append(dict(line.split("=", 1) for line in text.split("\n")))

    def values(self, name):
        """What a variable was set to, in order."""
        return [each[name] for each in self.told if name in each]

    def close(self):
        self._sock.close()
