"""`lexicon`: some 90 vendors through the library dns-lexicon, which blocks and so runs in threads."""

import argparse
import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from rrdnsd.errors import ConfigError, ProviderError
from rrdnsd.providers.base import Provider, ProviderSpec
from rrdnsd.providers.vendor import lexiconerrors, options
from rrdnsd.providers.vendor.account import VendorZone
from rrdnsd.providers.vendor.boundedrequests import bounded
from rrdnsd.providers.vendor.rrsets import Record
from rrdnsd.providers.vendor.threads import Threads

if TYPE_CHECKING:
    from lexicon.interfaces import Provider as Vendor

T = TypeVar("T")
Open = Callable[[str], "Session"]
"""Lets us in at the vendor for a zone; blocks."""

_LIST_WITHIN, _WRITE_WITHIN = 4, 2  # times the timeout of one request: a list may have pages
_GRACE = 1.0  # seconds a thread may take to notice that its time is up
_OURS = frozenset({"vendor"})
_PIP = "pip install 'rrdnsd[lexicon]'"


def build(spec: ProviderSpec) -> tuple[Provider, ...]:
    """Make the one provider of the account. `vendor` is dns-lexicon's name; the other options are the vendor's own.

    Raises:
        ConfigError: dns-lexicon is missing, has no such vendor, or the vendor has no such option.

    """
    try:
        from lexicon._private import discovery  # noqa: PLC0415 -- an extra; the reason is at Session
    except ImportError:
        raise options.problem(
            spec, "update_method", f"lexicon needs the library dns-lexicon: {_PIP}"
        ) from None
    if spec.resolvers:
        raise options.problem(spec, "update_resolvers", "has no meaning for lexicon, which asks an HTTP API")
    vendor = _vendor(spec, discovery.find_providers())
    interface = discovery.load_provider_module(vendor).Provider
    settings = _settings(spec, vendor, _known_options(interface))
    secrets = (spec.credentials.strip(), *(settings[name] for name in settings if _is_secret(name)))
    account = Lexicon(vendor, partial(Session, interface, vendor, settings), spec.timeout, secrets)
    return (VendorZone(f"{spec.name} {vendor}", account),)


class Session:
    """One zone at a vendor, let in once. All of it blocks.

    The vendor's own class is used instead of lexicon's `Client`, which guesses the zone from a list of public
    suffixes that it downloads and keeps in the home folder. We know the zone. Nothing is taken from environment
    variables or from files in the working directory either.
    """

    def __init__(self, interface: "type[Vendor]", vendor: str, settings: dict[str, str], zone: str) -> None:
        from lexicon.config import ConfigResolver  # noqa: PLC0415 -- an extra

        hyphens = {name.replace("_", "-"): value for name, value in settings.items()}
        own = {"domain": zone, **hyphens, **settings}
        self._common: dict[str, object] = {"provider_name": vendor, "domain": zone, vendor: own}
        self._zone = zone
        self._vendor = interface(ConfigResolver().with_dict(self._common))  # type: ignore[no-untyped-call] # lexicon's
        self._vendor.authenticate()

    def records(self, names: Collection[str]) -> list[Record]:
        """List the zone. A name of which the list has nothing is asked for by itself, in case the list is cut short."""
        listed = [self._record(item) for item in self._vendor.list_records()]
        missing = sorted(set(names) - {record.name for record in listed})
        for name in missing:
            listed += [self._record(item) for item in self._vendor.list_records(name=name)]
        return _told_apart({(r.name, r.rtype, r.content, r.ident): r for r in listed}.values())

    def add(self, record: Record) -> bool:
        """Create the record, with its TTL."""
        self._common["ttl"] = record.ttl
        return bool(self._vendor.create_record(record.rtype, record.name, record.content))

    def remove(self, record: Record) -> bool:
        """Delete exactly this record, and leave the TTL of its RRset as it is."""
        self._common["ttl"] = record.ttl  # many write what is left of the RRset anew
        if record.ident:
            return bool(self._vendor.delete_record(identifier=record.ident))
        return bool(self._vendor.delete_record(None, record.rtype, record.name, record.content))

    def close(self) -> None:
        """Leave."""
        self._vendor.cleanup()

    def _record(self, item: dict[str, Any]) -> Record:
        name = str(item["name"]).lower().rstrip(".")
        if name in {"@", ""}:
            name = self._zone
        elif name != self._zone and not name.endswith("." + self._zone):
            name = f"{name}.{self._zone}"
        ttl = str(item.get("ttl") or 0)
        return Record(
            str(item.get("id") or ""),
            name,
            str(item["type"]),
            str(item.get("content") or ""),
            int(ttl) if ttl.isdecimal() else 0,
        )


def _told_apart(records: Iterable[Record]) -> list[Record]:
    """Take the identifier from records that share it: what some vendors give is that of the whole name."""
    found = list(records)
    times = Counter(record.ident for record in found)
    return [replace(record, ident="") if times[record.ident] > 1 else record for record in found]


class Lexicon:
    """One account; see `vendor.account.Account` for the contract."""

    least_ttl = 0
    can_retag = False
    at_once = 1

    def __init__(self, vendor: str, enter: Open, timeout: float, secrets: Collection[str]) -> None:
        self.host = vendor
        self._enter = enter
        self._timeout = timeout
        self._secrets = frozenset(secrets) - {""}
        self._threads = Threads(f"lexicon {vendor}")
        self._turn = asyncio.Lock()
        self._sessions: dict[str, Session] = {}
        self._waiting = lexiconerrors.Waiting()

    async def records(self, zone: str, names: Collection[str]) -> Sequence[Record]:
        """List the zone in a new session: some of lexicon's vendors remember what they have read.

        Raises:
            ProviderError: the vendor cannot be reached or refuses.

        """

        def look() -> list[Record]:
            session = self._enter(zone)
            self._sessions[zone] = session
            return session.records(names)

        return await self._run(look, _LIST_WITHIN)

    def unfit(self, name: str) -> str:  # noqa: ARG002 -- the contract's
        """Every name can be managed, as far as lexicon can tell."""
        return ""

    async def add(self, zone: str, record: Record) -> str:
        """Create a record."""
        return await self._change(
            zone, lambda session: session.add(record), f"{record.rtype} {record.content}"
        )

    async def retag(self, zone: str, record: Record) -> str:  # noqa: ARG002 -- the contract's
        """Refuse: many of lexicon's vendors delete a record to change it."""
        return f"the TTL of {record.name} is left as it is"

    async def remove(self, zone: str, record: Record) -> str:
        """Delete a record."""
        return await self._change(
            zone, lambda session: session.remove(record), f"{record.rtype} {record.content}"
        )

    async def close(self) -> None:
        """Leave the sessions to themselves: they hold no connections between calls."""
        self._sessions.clear()

    async def _change(self, zone: str, act: Callable[[Session], bool], what: str) -> str:
        try:
            done = await self._run(lambda: act(self._sessions[zone]), _WRITE_WITHIN)
        except lexiconerrors.RefusedError as refused:
            return str(refused)
        return "" if done else f"{self.host} did not carry out the change of {what}"

    async def _run(self, call: Callable[[], T], times: int) -> T:
        """Make one call in a thread, one at a time."""
        together = times * self._timeout

        def limited() -> T:
            with bounded(self._timeout, together):
                return call()

        async with self._turn:
            self._waiting.check(self.host)
            try:
                return await self._threads.run(limited, together + _GRACE)
            except ProviderError:
                raise
            except Exception as error:  # noqa: BLE001 -- what the vendors' modules raise is anything
                raise self._waiting.explain(self.host, error, self._timeout, self._secrets) from None


def _vendor(spec: ProviderSpec, available: dict[str, bool]) -> str:
    vendor = spec.options.get("vendor")
    if not isinstance(vendor, str):
        raise options.problem(
            spec, "options.vendor", 'is required by lexicon: the vendor\'s name, such as "cloudflare"'
        )
    if vendor not in available:
        raise options.problem(
            spec, "options.vendor", f"dns-lexicon has no such vendor; it has {', '.join(available)}"
        )
    if not available[vendor]:
        raise options.problem(
            spec, "options.vendor", f"needs one more library: pip install 'dns-lexicon[{vendor}]'"
        )
    return vendor


def _known_options(interface: "type[Vendor]") -> tuple[str, ...]:
    parser = argparse.ArgumentParser(add_help=False)
    interface.configure_parser(parser)
    return tuple(action.dest for action in parser._actions)  # noqa: SLF001 -- argparse has no other way to list them


def _settings(spec: ProviderSpec, vendor: str, known: Sequence[str]) -> dict[str, str]:
    """Put the vendor's options together; `update_credentials` is its token."""
    unknown = sorted(spec.options.keys() - {*known} - _OURS)
    if unknown:
        sentence = f"{vendor} does not know this option; it has {', '.join(known)}"
        problems = [f"options.{name}: {sentence}" for name in unknown]
        raise ConfigError(spec.name, problems)
    try:
        made = options.texts({name: value for name, value in spec.options.items() if name not in _OURS})
    except ValueError as error:
        raise options.problem(spec, f"options.{error}", "must be text") from None
    if spec.credentials.strip():
        name = "auth_token" if "auth_token" in known else known[0] if len(known) == 1 else ""
        if not name:
            sentence = f"{vendor} takes no single token; give these options instead: {', '.join(known)}"
            raise options.problem(spec, "update_credentials", sentence)
        made.setdefault(name, spec.credentials.strip())
    return made


def _is_secret(name: str) -> bool:
    return any(part in name for part in ("token", "secret", "key", "pass", "psw", "2fa"))
