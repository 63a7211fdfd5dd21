"""`python web.py PORT ADDRESS...`: the endpoints, in a process of their own so that nothing here slows them.

A line on its input, `ADDRESS well|closed|slow|failing`, changes one; it answers `done`.
"""

import asyncio
import sys

SLOW = 3.0
STATUS = {"well": 200, "slow": 200, "failing": 500}


class Web:
    """All endpoints listen on one port; each is in one state."""

    def __init__(self, port):
        self._port = port
        self._states = {}
        self._servers = {}

    async def become(self, address, state):
        self._states[address] = state
        if state == "closed":
            self._servers.pop(address).close()
        elif address not in self._servers:
            self._servers[address] = await asyncio.start_server(
                lambda reader, writer: self._answer(address, reader, writer), address, self._port
            )

    async def _answer(self, address, reader, writer):
        try:
            await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
            state = self._states[address]
            await asyncio.sleep(SLOW if state == "slow" else 0)
            status = STATUS.get(state, 503)
            writer.write(
                f"HTTP/1.1 {status} Soak\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n".encode()
            )
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            pass  # a prober that is killed or cut off is nothing special here
        finally:
            writer.close()


async def main():
    """Serve until the input ends."""
    web = Web(int(sys.argv[1]))
    for address in sys.argv[2:]:
        await web.become(address, "well")
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    print("done", flush=True)  # noqa: T201 - whoever started it waits for that
    while line := await reader.readline():
        address, state = line.decode().split()
        await web.become(address, state)
        print("done", flush=True)  # noqa: T201 - as above


if __name__ == "__main__":
    asyncio.run(main())
