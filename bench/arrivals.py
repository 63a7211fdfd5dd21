"""When probes leave, seen from outside: the kernel's own stamps on the SYNs that pass over the loopback interface.

So neither what answers the probes nor the program that measures adds a delay of its own, only the grid has to be guessed: an
endpoint is due at whole intervals after the best of its arrivals.
"""

import ctypes
import socket
import struct
import threading
import time
from array import array
from collections import defaultdict
from types import TracebackType
from typing import Self

SO_ATTACH_FILTER, SO_RCVBUFFORCE, SO_TIMESTAMPNS = 26, 33, 35
SOL_PACKET, PACKET_STATISTICS = 263, 6
ETH_P_IP = 0x0800
BUFFER = 32 * 2**20


class Arrivals:
    """Notes until it is closed when each address was sent a SYN at this port, on the monotonic clock."""

    def __init__(self, port: int) -> None:
        self.moments: dict[bytes, array[float]] = defaultdict(lambda: array("d"))
        self.lost = 0
        self._sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        self._sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        self._sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._sock.settimeout(0.2)
        only_syns(self._sock, port)
        self._sock.bind(("lo", ETH_P_IP))
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._take)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self.lost = struct.unpack("II", self._sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]
        self._sock.close()

    def _take(self) -> None:
        moments, receive, ended = self.moments, self._sock.recvmsg, self._ended.is_set
        while not ended():
            try:
                packet, said, _, _ = receive(20, 64)
            except TimeoutError:
                continue
            seconds, nanoseconds = struct.unpack("ll", said[0][2])
            # The stamp is of the time of day, which may be slewed; its age is short.
            age = time.time() - seconds - nanoseconds / 1e9
            moments[packet[16:20]].append(time.monotonic() - age)

    def lags(self, interval: float) -> "array[float]":
        """How late each SYN was against the grid of its endpoint, in seconds, in order."""
        late = array("d")
        for moments in self.moments.values():
            offsets = [(moment - moments[0]) % interval for moment in moments]
            # Before the first arrival's own place on the grid is as near as after it.
            offsets = [offset - interval if offset > interval / 2 else offset for offset in offsets]
            best = min(offsets)
            late.extend(offset - best for offset in offsets)
        return array("d", sorted(late))


def only_syns(sock: socket.socket, port: int) -> None:
    """Let the kernel drop everything but the first packet of each TCP connection over IPv4 to this port."""
    steps = [
        (0x30, 0, 0, 9),  # the protocol
        (0x15, 0, 6, socket.IPPROTO_TCP),
        (0xB1, 0, 0, 0),  # x = the length of the IP header
        (0x48, 0, 0, 2),  # the destination port
        (0x15, 0, 3, port),
        (0x50, 0, 0, 13),  # the flags
        (0x54, 0, 0, 0x12),
        (0x15, 1, 0, 0x02),  # SYN without ACK
        (0x06, 0, 0, 0),
        (0x06, 0, 0, 64),
    ]
    # Each "no" jumps to the last step but one, which refuses.
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    sock.setsockopt(
        socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", len(steps), ctypes.addressof(program))
    )
