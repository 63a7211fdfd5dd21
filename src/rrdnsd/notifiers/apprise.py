"""`apprise`: more than 100 services through the library of that name, which blocks and so runs in a thread."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from typing import Any

from rrdnsd.errors import ConfigError, NotifierError
from rrdnsd.notifiers.base import NotifierSpec
from rrdnsd.notifiers.message import Message

_PIP = "pip install 'rrdnsd[apprise]'"
_TYPES = {"info": "info", "warning": "warning", "critical": "failure"}


def build(spec: NotifierSpec) -> "Apprise":
    """Make the notifier.

    Raises:
        ConfigError: the library is missing, or does not know such a URL.

    """
    try:
        import apprise  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: PLC0415 -- an extra
    except ImportError:
        raise ConfigError(
            f"notifier {spec.name}", [f"type: apprise needs the library of that name: {_PIP}"]
        ) from None
    # Its lines may hold the URL, which may hold secrets.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    receiver = apprise.Apprise()
    if not receiver.add(spec.url):
        raise ConfigError(f"notifier {spec.name}", ["url: apprise cannot read it"])
    return Apprise(spec, receiver)


class Apprise:
    """One URL."""

    def __init__(self, spec: NotifierSpec, receiver: Any) -> None:  # noqa: ANN401 -- a library without types
        self._spec = spec
        self._receiver = receiver
        self._busy = False

    async def send(self, message: Message) -> str:
        """Deliver it in a thread.

        Raises:
            NotifierError: the library could not, or not in time, or is still at the message before.

        """
        if self._busy:
            raise NotifierError("apprise is still busy with the message before")

        def notify() -> bool:
            kind = _TYPES.get(message.severity, "info")
            title = f"rrdnsd: {message.title}"
            return bool(self._receiver.notify(body=message.text, title=title, notify_type=kind))

        try:
            async with asyncio.timeout(self._spec.timeout):
                delivered = await self._in_thread(notify)
        except TimeoutError:
            raise NotifierError(f"apprise was not done within {self._spec.timeout:g} s") from None
        except Exception as error:  # noqa: BLE001 -- a library's plug-in may raise anything; its text may hold the URL
            raise NotifierError(f"apprise failed: {type(error).__name__}") from None
        if not delivered:
            raise NotifierError("apprise could not deliver it (the command `apprise -vv` says why)")
        return "apprise delivered it"

    async def _in_thread(self, call: Callable[[], bool]) -> bool:
        """Call in a thread of its own: a hanging one of an executor would hold up the end of the process."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[bool] = loop.create_future()

        def finish(result: bool | Exception) -> None:
            self._busy = False
            if done.done():
                return
            if isinstance(result, Exception):
                done.set_exception(result)
            else:
                done.set_result(result)

        def work() -> None:
            try:
                result: bool | Exception = call()
            except Exception as error:  # noqa: BLE001 -- it belongs to the caller
                result = error
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(finish, result)

        self._busy = True
        threading.Thread(target=work, name=f"rrdnsd notifier {self._spec.name}", daemon=True).start()
        return await done
