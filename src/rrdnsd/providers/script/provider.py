"""Calls the operator's program, one call at a time; see `providers.base.Provider` for the contract."""

import asyncio
import logging
import os
from collections.abc import Collection
from pathlib import Path

from rrdnsd.child import PATH, Ended, Job
from rrdnsd.core.model import Applied, Plan, RRsetKey, ZoneView
from rrdnsd.errors import ProviderError
from rrdnsd.providers.base import ProviderSpec
from rrdnsd.providers.child import run
from rrdnsd.providers.script import protocol
from rrdnsd.providers.script.options import Options

log = logging.getLogger(__name__)

_MOST = 4 << 20  # bytes of an answer: some 40,000 RRsets
_LEAST_SECRET = 4  # shorter texts are no secrets, and masking them would garble sentences


class Script:
    """One program, and the server it is to be used for, "" where there is only one."""

    def __init__(self, spec: ProviderSpec, options: Options, server: str) -> None:
        self.label = f"{spec.name} {server or Path(options.command[0]).name}"
        self.of_this_node = options.local
        self._options = options
        self._about = {"provider": spec.name, "server": server or None}
        self._env = {
            "PATH": PATH,
            "LC_ALL": "C.UTF-8",
            **options.environment,
            "RRDNSD_PROTOCOL": str(protocol.VERSION),
            "RRDNSD_PROVIDER": spec.name,
            "RRDNSD_SERVER": server,
            "RRDNSD_TIMEOUT": f"{spec.timeout:g}",
            **({"RRDNSD_CREDENTIALS": spec.credentials} if spec.credentials else {}),
            **({"RRDNSD_STATE_DIR": spec.state_dir} if spec.state_dir else {}),
        }
        secrets = (spec.credentials, *options.environment.values())
        self._secrets = tuple(secret for secret in secrets if len(secret) >= _LEAST_SECRET)
        self._timeout = spec.timeout
        self._calling = asyncio.Lock()

    async def start(self) -> None:
        """See that the program is there and may be run.

        Raises:
            ProviderError: it may not.

        """
        path = self._options.command[0]
        if not os.access(path, os.X_OK):
            raise ProviderError(
                f"{path} is no program that this user may run: see that it exists and is executable"
            )

    async def fetch(self, zone: str, keys: Collection[RRsetKey]) -> ZoneView:
        """Let the program read the RRsets.

        Raises:
            ProviderError: it fails, takes too long, or its answer is not shaped as documented.

        """
        request = await asyncio.to_thread(protocol.fetch_request, self._about, zone, keys)
        ended = await self._call("fetch", zone, request)
        try:
            return await asyncio.to_thread(protocol.read_view, ended.stdout, keys)
        except ProviderError as error:
            raise self._failure("fetch", zone, str(error)) from None

    async def apply(self, plan: Plan) -> Applied:
        """Hand the whole plan to the program in one call.

        Raises:
            ProviderError: it fails, takes too long, or its answer is not shaped as documented. Some names may have
                been written.

        """
        if not plan.changes:
            return Applied(frozenset())
        request = await asyncio.to_thread(protocol.apply_request, self._about, plan)
        ended = await self._call("apply", plan.zone, request)
        try:
            return await asyncio.to_thread(protocol.read_applied, ended.stdout, plan)
        except ProviderError as error:
            raise self._failure("apply", plan.zone, str(error)) from None

    async def close(self) -> None:
        """Nothing is open between calls."""

    async def _call(self, verb: str, zone: str, request: bytes) -> Ended:
        env = {**self._env, "RRDNSD_VERB": verb, "RRDNSD_ZONE": zone}
        job = Job((*self._options.command, verb), request, env, self._timeout, keep=_MOST, most=_MOST)
        async with self._calling:
            try:
                ended = await run(job)
            except ProviderError as error:
                raise ProviderError(f"{verb} of {zone}: {error}") from None
        said = protocol.one_line(self._masked(ended.stderr.decode(errors="replace")))
        if ended.status == os.EX_TEMPFAIL:
            pause = protocol.read_pause(ended.stdout)
            raise self._failure(verb, zone, f"it asks to be tried later: {said or 'no reason given'}", pause)
        if ended.status < 0:
            raise self._failure(verb, zone, f"it was ended by signal {-ended.status}")
        if ended.status:
            raise self._failure(
                verb, zone, said or f"exit status {ended.status}, and nothing on standard error"
            )
        if said:
            log.info("[updater] %s: %s of %s: %s", self.label, verb, zone, said)
        return ended

    def _failure(self, verb: str, zone: str, why: str, pause: float | None = None) -> ProviderError:
        sentence = f"{self._options.command[0]} failed to {verb} {zone}: {why}"
        return ProviderError(self._masked(sentence), pause)

    def _masked(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text
