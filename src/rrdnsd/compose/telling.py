"""From the configuration to the notifiers: those of the running daemon, and those that are only tried."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from rrdnsd.compose.building import build_notifier
from rrdnsd.compose.parts import Clock
from rrdnsd.config import Config
from rrdnsd.config.schema import NotifierConfig
from rrdnsd.core.telling import Severity
from rrdnsd.daemon.announcing.announcer import Announcer, NodeScene, Share
from rrdnsd.daemon.announcing.board import Board, Rules
from rrdnsd.daemon.announcing.channel import Channel
from rrdnsd.daemon.announcing.conditions import Conditions
from rrdnsd.daemon.announcing.observer import Observer
from rrdnsd.daemon.runtime import Runtime
from rrdnsd.errors import ConfigError, NotifierError
from rrdnsd.notifiers.base import Notifier, NotifierSpec
from rrdnsd.notifiers.message import trial
from rrdnsd.notifiers.queue import Queue

log = logging.getLogger(__name__)

FOLDER = "notifiers"
"""Where in `state_dir` messages wait."""

_SETTLE = 2.0


class Tried(NamedTuple):
    """What became of a test message."""

    name: str
    type: str
    ok: bool
    answer: str


Built = Sequence[tuple[NotifierConfig, Notifier]]
"""Notifiers as they are configured, and what sends for them."""


def built_notifiers(config: Config) -> Built:
    """Make what sends for each notifier.

    Raises:
        PluginError: a type of notifier is not installed.
        ConfigError: a notifier cannot work with its settings.

    """
    return [(notifier, build_notifier(notifier_spec(notifier))) for notifier in config.notifiers]


class Telling:
    """What tells people, `announcer`, and how it comes to do so by the notifiers of another configuration.

    Raises:
        PluginError: a type of notifier is not installed.
        ConfigError: a notifier cannot work with its settings.

    """

    def __init__(
        self, config: Config, state: Path | None, runtime: Runtime, clock: Clock, share: Share
    ) -> None:
        self._state = state
        self._clock = clock
        self._conditions = Conditions(clock, time.time)
        settle = max(3 * config.heartbeat_ms, config.vote_ttl_ms) / 1000 + _SETTLE
        self._scene = NodeScene(config.local_node, runtime, share, settle)
        self._configured: tuple[NotifierConfig, ...] = ()
        self.announcer = Announcer((), Observer(config.local_node, runtime, self._conditions), share)
        self.use(built_notifiers(config))

    def use(self, built: Built) -> None:
        """Tell by these and no others. One that had the name before hands on what waits and what people know."""
        channels = []
        for config, notifier in built:
            channel = self.announcer.channels.get(config.called)
            if channel is None:
                channel = self._channel(config, notifier)
            elif config not in self._configured:
                channel.adopt(notifier, _rules(config), config.timeout_ms / 1000, config.queue_size)
            channels.append(channel)
        self._configured = tuple(config for config, _ in built)
        self.announcer.use(channels)

    def fit(self, config: Config) -> Callable[[], None]:
        """Make the notifiers of another configuration, if they are others; what is returned tells by them.

        Raises:
            PluginError: a type of notifier is not installed.
            ConfigError: a notifier cannot work with its settings.

        """
        if config.notifiers == self._configured:
            return lambda: None
        built = built_notifiers(config)
        return lambda: self.use(built)

    def _channel(self, config: NotifierConfig, notifier: Notifier) -> Channel:
        name = config.called
        folder = self._state / FOLDER / name if self._state else None
        return Channel(
            board=Board(name, _rules(config), self._conditions),
            queue=Queue(folder, config.queue_size, _teller(name)),
            notifier=notifier,
            scene=self._scene,
            clock=self._clock,
            wall=time.time,
            timeout=config.timeout_ms / 1000,
            folder=folder,
        )


async def try_notifiers(config: Config, name: str | None) -> list[Tried]:
    """Send a test message by each notifier, or by that of this name.

    Raises:
        ConfigError: there is none, or one cannot work with its settings.
        PluginError: a type of notifier is not installed.

    """
    chosen = [notifier for notifier in config.notifiers if name in {None, notifier.called}]
    if not chosen:
        known = ", ".join(notifier.called for notifier in config.notifiers)
        what = f'there is no notifier "{name}", known: {known}' if name and known else "there are none"
        raise ConfigError("notifiers", [what])
    tasks = [
        _tried(config.local_node, notifier, build_notifier(notifier_spec(notifier))) for notifier in chosen
    ]
    return [*await asyncio.gather(*tasks)]


async def _tried(node: str, config: NotifierConfig, notifier: Notifier) -> Tried:
    timeout = config.timeout_ms / 1000
    try:
        async with asyncio.timeout(timeout + 1.0):
            answer = await notifier.send(trial(node, config.called, time.time()))
    except NotifierError as error:
        return Tried(config.called, config.type, ok=False, answer=str(error))
    except TimeoutError:
        return Tried(config.called, config.type, ok=False, answer=f"not done within {timeout:g} s")
    except Exception as error:  # a stranger's bug; its words may repeat a secret
        log.debug("[notify] bug in the notifier %s", config.called, exc_info=True)
        return Tried(config.called, config.type, ok=False, answer=f"a bug: {type(error).__name__}")
    return Tried(config.called, config.type, ok=True, answer=answer)


def notifier_spec(config: NotifierConfig) -> NotifierSpec:
    """Return what a notifier is made from."""
    return NotifierSpec(
        name=config.called,
        type=config.type,
        url=config.url.get_secret_value(),
        secret=config.secret.get_secret_value(),
        headers=tuple(config.headers.items()),
        command=config.command,
        timeout=config.timeout_ms / 1000,
        options=config.options,
    )


def _rules(config: NotifierConfig) -> Rules:
    return Rules(
        services=config.services,
        kinds=frozenset(config.kinds),
        severity=Severity[config.severity.upper()],
        batch=config.batch_ms / 1000,
        remind=60.0 * (config.remind_minutes or 0),
        flap_changes=config.flap_changes,
        flap_window=60.0 * config.flap_minutes,
    )


def _teller(name: str) -> Callable[[str], None]:
    return lambda sentence: log.warning("[notify] %s: %s", name, sentence)
