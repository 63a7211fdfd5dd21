"""Puts the house together: from a checked configuration to a running daemon. Knows every room; nobody knows it."""

import asyncio
import logging
import signal
import time
from collections.abc import Mapping
from pathlib import Path

from rrdnsd.compose import parts
from rrdnsd.compose.confinement import confine
from rrdnsd.compose.house import serve
from rrdnsd.compose.looking import look
from rrdnsd.compose.probing import scheduling
from rrdnsd.compose.telling import Tried, try_notifiers
from rrdnsd.config import Config, load
from rrdnsd.config.loader import load_raw
from rrdnsd.core.engine import Engine
from rrdnsd.daemon import journal
from rrdnsd.daemon.journal import LogFormat
from rrdnsd.daemon.preview import Difference, differences, verdicts
from rrdnsd.daemon.reload import ConfigurationFile, look_at
from rrdnsd.daemon.runtime import Runtime

log = logging.getLogger(__name__)


def run_daemon(path: Path, env: Mapping[str, str], log_format: LogFormat) -> None:
    """Run the daemon in the foreground until SIGTERM or SIGINT.

    Raises:
        ConfigError: the configuration has mistakes.
        RrdnsdError: it cannot start: a port is taken, a tool or a plug-in is missing.

    """
    file = ConfigurationFile(path, look_at(path), time.time)
    # As soon as the file is read it may be out of date: from here on a SIGHUP is neither lost nor the end.
    signal.signal(signal.SIGHUP, lambda *_: file.wish())
    loaded = load_raw(path, env, look)
    config, state = loaded.config, state_dir(loaded.config, env)
    # Landlock binds the threads that are started after it, and the log has one.
    confinement = confine(loaded, state, env)
    journal.set_up(journal.level(config.loglevel), log_format, env)
    if env.get("CONF") == str(path):
        log.info("[main] config overridden by envvar CONF: %s", path)
    log.info("[load_conf] reading %s", path)
    if env.get("LOCAL_NODE"):
        log.info("[main] config overridden by envvar LOCAL_NODE: %s", config.local_node)
    confinement.tell()
    asyncio.run(serve(loaded, state, env, confinement.refuse, file))


def find_differences(path: Path, env: Mapping[str, str]) -> list[Difference]:
    """Probe once, read DNS, and return what would change as this node alone sees it; nothing is written.

    Raises:
        ConfigError: the configuration has mistakes.
        RrdnsdError: a tool or a plug-in is missing.

    """
    config = load(path, env, look)
    journal.set_up(logging.ERROR, "text", env)
    return asyncio.run(_compare(config))


def test_notifiers(path: Path, env: Mapping[str, str], name: str | None) -> list[Tried]:
    """Send a test message by each notifier, or by that of this name, and return what each answered.

    Raises:
        ConfigError: the configuration has mistakes, or no such notifier.
        PluginError: a type of notifier is not installed.

    """
    return asyncio.run(try_notifiers(load(path, env, look), name))


def state_dir(config: Config, env: Mapping[str, str]) -> Path | None:
    """Return where files may be kept: `state_dir`, else systemd's $STATE_DIRECTORY, else nowhere."""
    found = config.state_dir or env.get("STATE_DIRECTORY", "").partition(":")[0]
    return Path(found) if found else None


async def _compare(config: Config) -> list[Difference]:
    clock = asyncio.get_running_loop().time
    me = config.local_node
    runtime = Runtime(Engine(me, (me,), parts.core_services(config), clock()), clock)
    scheduler = scheduling(runtime.on_results)
    runtime.attach(scheduler, {})
    alone = config.model_copy(update={"nodes": (me,)})  # whoever votes elsewhere, this one looks for itself
    await verdicts(runtime, scheduler, parts.jobs(alone, clock(), time.time()))
    return await differences(runtime.engine, parts.readers(config))
