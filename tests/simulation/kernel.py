"""Virtual time: one queue of everything that will happen, and an event loop for each simulated process.

Every node has an asyncio event loop of its own, as a real process has; the kernel gives them turns. So a
process can be stopped while its clock goes on, and killed, without its code knowing anything about it.
"""

import asyncio
import heapq
import math
from asyncio import events
from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any

MOST_STEPS = 5_000_000
"""Callbacks of one run; more of them means that something spins without time going by."""


class Kernel:
    """The world's clock (`now`, seconds) and its queue. `fail` takes what went wrong in a process."""

    def __init__(self, rng: Random, fail: Callable[[str], None]) -> None:
        self.now = 0.0
        self.halted = False
        self.turn = ""
        """Whose turn it is; for the trace."""
        self.rng = rng
        self.fail = fail
        self._serial = 0
        self._ready: deque[tuple[ProcessLoop, asyncio.Handle]] = deque()
        self._queue: list[tuple[float, int, ProcessLoop | None, Any]] = []

    def at(self, when: float, act: Callable[[], object]) -> None:
        """Let something happen in the world, in no process."""
        self.queue(when, None, act)

    def post(self, when: float, loop: "ProcessLoop", act: Callable[..., object], *args: object) -> None:
        """Let input reach a process; while it is stopped, the input waits."""
        self.queue(when, loop, asyncio.Handle(act, args, loop))

    def queue(self, when: float, loop: "ProcessLoop | None", what: object) -> None:
        self._serial += 1
        heapq.heappush(self._queue, (max(when, self.now), self._serial, loop, what))

    def soon(self, loop: "ProcessLoop", handle: asyncio.Handle) -> None:
        self._ready.append((loop, handle))

    def run(self, until: float) -> None:
        """Let time go by."""
        outer = events._get_running_loop()
        try:
            self._run(until)
        finally:
            events._set_running_loop(outer)

    def _run(self, until: float) -> None:
        ready, queue = self._ready, self._queue
        for _ in range(MOST_STEPS):
            if self.halted:
                return
            if ready:
                self._turn(*ready.popleft())
            elif queue and queue[0][0] <= until:
                self.now, _, loop, what = heapq.heappop(queue)
                if loop is None:
                    what()
                else:
                    self._turn(loop, what)
            else:
                self.now = until
                return
        self.fail(f"the processes spin: {MOST_STEPS} callbacks did not bring the time to {until:g} s")

    def drain(self, loop: "ProcessLoop") -> None:
        """Run what a process has ready, and nothing else; for its end."""
        outer = events._get_running_loop()
        while mine := [handle for owner, handle in self._ready if owner is loop]:
            others = [item for item in self._ready if item[0] is not loop]
            self._ready.clear()
            self._ready.extend(others)
            for handle in mine:
                self._turn(loop, handle)
        events._set_running_loop(outer)

    def _turn(self, loop: "ProcessLoop", handle: asyncio.Handle) -> None:
        if loop.stopped:
            loop.held.append(handle)
        elif not (loop.dead or handle.cancelled()):
            self.turn = loop.name
            events._set_running_loop(loop)
            handle._run()


class ProcessLoop(asyncio.AbstractEventLoop):
    """The event loop of one process. Its clock begins at `offset` and runs `rate` times as fast as the world's."""

    def __init__(self, kernel: Kernel, name: str, offset: float, rate: float) -> None:
        self.name = name
        self.stopped = False
        self.dying = False
        self.dead = False
        self.held: list[asyncio.Handle] = []
        self._kernel = kernel
        self._offset = offset
        self._rate = rate
        self._tasks: list[asyncio.Task[Any]] = []

    def freeze(self) -> None:
        """SIGSTOP: nothing runs, input piles up, the clock goes on."""
        self.stopped = True

    def thaw(self) -> None:
        """SIGCONT: everything that waited runs at once, input before timers as asyncio does, or as it came."""
        self.stopped = False
        held, self.held = self.held, []
        if self._kernel.rng.random() < 0.5:
            held.sort(key=lambda handle: isinstance(handle, asyncio.TimerHandle))
        for handle in held:
            self._kernel.soon(self, handle)

    def kill(self) -> None:
        """SIGKILL; the caller sees to it that nothing of what the tasks do at their end leaves the process."""
        self.stopped, self.dying, self.held = False, True, []
        for task in self._tasks:
            task.cancel()
        self._kernel.drain(self)
        self.dead = True

    def time(self) -> float:
        return self._offset + self._rate * self._kernel.now

    def call_soon(self, callback, *args, context=None):  # type: ignore[no-untyped-def, override]  # typeshed's types are longer than the functions
        handle = asyncio.Handle(callback, args, self, context)
        self._kernel.soon(self, handle)
        return handle

    def call_later(self, delay, callback, *args, context=None):  # type: ignore[no-untyped-def, override]  # likewise
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(self, when, callback, *args, context=None):  # type: ignore[no-untyped-def, override]  # likewise
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        due = max(self._kernel.now, (when - self._offset) / self._rate)
        while self._offset + self._rate * due < when:  # rounding must not call a timer early
            due = math.nextafter(due, math.inf)
        self._kernel.queue(due, self, handle)
        return handle

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro, *, name=None, context=None):  # type: ignore[no-untyped-def, override]  # likewise
        task = asyncio.Task(coro, loop=self, name=name, context=context)
        self._tasks = [task for task in self._tasks if not task.done()]
        self._tasks.append(task)
        return task

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self._kernel.fail(f"{self.name}: {context.get('message')}: {type(error).__name__}: {error}")

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return self.dead

    def get_debug(self) -> bool:
        return False

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Part of the contract with TimerHandle; a cancelled timer is dropped when it is due."""
