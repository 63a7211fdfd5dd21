"""`rrdnsd adopt`: from a zone as it is to a configuration in shadow mode."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rrdnsd.cli import beginning
from rrdnsd.cli.beginning import (
    STDOUT,
    check_raw,
    credentials,
    next_steps,
    out,
    output_path,
    settings,
    write_all,
)
from rrdnsd.cli.dialogue import Dialogue, interruptible, on_terminal, progress
from rrdnsd.cli.exits import CommandError, Exit
from rrdnsd.cli.session import with_errors
from rrdnsd.errors import ConfigError, ProviderError

if TYPE_CHECKING:
    from rrdnsd.compose.beginning.guessing import Guess
    from rrdnsd.compose.beginning.layout import Watched, Where
    from rrdnsd.compose.beginning.records import Candidate, LeftOut, Sorted
    from rrdnsd.compose.beginning.steps import Place

_LARGEST = 10_000_000
_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Source:
    """Where the names come from: a zone, a zone file, or names that are given."""

    zone: str
    zone_file: Path | None
    names: tuple[str, ...]
    limit: int


def adopt(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="FQDN", help="Only these names. Default: the whole zone.", show_default=False),
    ] = None,
    names_file: Annotated[
        Path | None,
        typer.Option(
            "--names", metavar="FILE", help="A file with names, one a line; - is stdin.", show_default=False
        ),
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option("--zone", help="The zone; without names it is transferred (AXFR).", show_default=False),
    ] = None,
    zone_file: Annotated[
        Path | None,
        typer.Option(
            "--zone-file", metavar="FILE", help="Read the zone from this file instead.", show_default=False
        ),
    ] = None,
    method: beginning.Method = None,
    server: beginning.Servers = None,
    key_file: beginning.KeyFile = None,
    key_env: beginning.KeyEnv = None,
    option: beginning.Settings = None,
    healthcheck: beginning.Healthchecks = None,
    local_node: beginning.LocalNode = None,
    limit: Annotated[
        int,
        typer.Option("--limit", metavar="N", min=1, help="No more records of a zone, or names, than this."),
    ] = 500_000,
    output: beginning.Output = None,
    force: beginning.Force = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a report as one JSON object.")] = False,
) -> None:
    """Propose services for the names that have several addresses.

    A name is proposed with its addresses and its TTL as DNS serves them, and with a health check that its addresses
    answer. The file is in shadow mode: the daemon will compare and write nothing until you change that.
    Exit code 1: the zone cannot be read, or holds no such name; nothing was written then.
    """

    def work() -> None:
        path = output_path(output, force=force)
        if as_json and path == STDOUT:
            raise CommandError("--json and --output - cannot both have stdout", Exit.INVALID)
        where, place = _where(method or "rfc2136", server or [], key_file, key_env, option)
        given = _names([*(names or []), *_listed(names_file)])
        source = Source(_names([zone])[0] if zone else "", zone_file, given, limit)
        checks = _checks(healthcheck or [])
        dialogue = on_terminal(yes=True)
        sorted_out = _read(source, place, dialogue)
        proposed = _propose(sorted_out.candidates, checks, dialogue)
        node = local_node or "127.0.0.1:3333"
        raw = _layout(where, node, [watched for watched, _ in proposed])
        check_raw({**raw, "update_credentials": _text(key_file, key_env)}, path)
        write_all(path, raw, {}, force=force)
        if as_json:
            print(json.dumps(_report(path, proposed, sorted_out.left_out), indent=2))
        else:
            _tell(path, proposed, sorted_out.left_out, dialogue)

    with_errors(lambda: interruptible(work))


def _where(
    method: str, servers: list[str], key_file: Path | None, key_env: str | None, options: list[str] | None
) -> tuple["Where", "Place | None"]:
    """Tell where records will be written, and who is asked for them now."""
    from rrdnsd.compose.beginning.layout import Where  # noqa: PLC0415 - help starts without all this
    from rrdnsd.compose.beginning.steps import Place, is_signed, key_name  # noqa: PLC0415 - as above
    from rrdnsd.config import host_port, join_host_port  # noqa: PLC0415 - as above

    known = credentials(key_file, key_env)
    try:
        found = tuple(join_host_port(*host_port(server, 53)) for server in servers)
        if is_signed(method):
            key_name(known.text)
    except ValueError as error:
        raise CommandError(f"--server: {error}", Exit.INVALID) from None
    except ConfigError as error:
        raise CommandError(f"{known.reference}: {'; '.join(error.problems)}", Exit.INVALID) from None
    signed = is_signed(method)
    if not found and (signed or method == "zonefile"):
        raise CommandError("give --server: the primary DNS server of the zone", Exit.INVALID)
    place = Place(found[0], known.text if signed else "") if found else None
    kept = found if signed or method == "zonefile" else ()
    return Where(method, kept, known.reference, settings(options)), place


def _text(key_file: Path | None, key_env: str | None) -> str:
    return credentials(key_file, key_env).text


def _listed(file: Path | None) -> list[str]:
    """Read the names of a file; what follows a # is a comment."""
    if file is None:
        return []
    try:
        if file == STDOUT:
            text = sys.stdin.read(_LARGEST)
        else:
            with file.open(encoding="utf-8") as opened:
                text = opened.read(_LARGEST)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise CommandError(f"--names: {file} cannot be read: {why}", Exit.INVALID) from None
    found = [word for line in text.splitlines() for word in line.partition("#")[0].split()]
    if not found:
        raise CommandError(f"--names: {file} holds no name", Exit.INVALID)
    return found


def _names(given: Sequence[str]) -> tuple[str, ...]:
    from rrdnsd.config.names import domain_name  # noqa: PLC0415 - as above

    try:
        return tuple(map(domain_name, given))
    except ValueError as error:
        raise CommandError(str(error), Exit.INVALID) from None


def _checks(given: Sequence[str]) -> tuple[str, ...]:
    from rrdnsd.config.healthcheck import canonical  # noqa: PLC0415 - as above

    try:
        return tuple(map(canonical, given))
    except ValueError as error:
        raise CommandError(f"--healthcheck: {error}", Exit.INVALID) from None


def _read(source: Source, place: "Place | None", dialogue: Dialogue) -> "Sorted":
    from rrdnsd.compose.beginning import steps  # noqa: PLC0415 - as above
    from rrdnsd.compose.beginning.records import sort_out  # noqa: PLC0415 - as above

    if len(source.names) > source.limit:
        raise CommandError(f"more than {source.limit} names are given: raise --limit", Exit.INVALID)
    if not source.names and not source.zone:
        raise CommandError("give --zone to read a whole zone, or the names to look up", Exit.INVALID)
    records = progress("reading records")
    try:
        if source.names:
            found = steps.looked_up(place, source.names, source.zone, progress("looking up"))
        elif source.zone_file:
            found = sort_out(source.zone, steps.from_zone_file(source.zone_file, source.zone, source.limit))
        elif place:
            got = steps.transferred(place, source.zone, source.limit, lambda seen: records(seen, 0))
            records(len(got), len(got))
            found = sort_out(source.zone, got)
        else:
            raise CommandError("give --server: where the zone is transferred from", Exit.INVALID)
    except ProviderError as error:
        raise CommandError(f"nothing was written: {error}") from None
    if not found.candidates:
        for line in _summary(found.left_out):
            dialogue.say(line)
        raise CommandError("nothing was written: no name has two or more addresses")
    return found


def _propose(
    candidates: "Sequence[Candidate]", given: tuple[str, ...], dialogue: Dialogue
) -> "list[tuple[Watched, Guess]]":
    """Find a health check for each; services with the same one stand together."""
    from rrdnsd.compose.beginning import guessing, steps  # noqa: PLC0415 - as above
    from rrdnsd.compose.beginning.layout import Watched  # noqa: PLC0415 - as above
    from rrdnsd.config.text import count  # noqa: PLC0415 - as above

    wanted = [
        guessing.Wanted(
            one.name, one.addresses, given or guessing.candidates(one.name, takes_mail=one.takes_mail)
        )
        for one in candidates
    ]
    dialogue.say(f"trying the endpoints of {count(len(wanted), 'name')}")
    guesses = steps.guess_checks(wanted, progress("probing"))
    found = []
    for one in candidates:
        guess = guesses[one.name]
        comment = "; ".join([*one.remarks, *_trouble(guess)])
        watched = Watched(one.name, one.zone, guess.healthcheck, one.addresses, one.ttl, comment)
        found.append((watched, guess))
    return sorted(found, key=lambda pair: (pair[0].zone, pair[0].healthcheck, pair[0].fqdn))


def _trouble(guess: "Guess") -> list[str]:
    if not guess.up:
        return [f"nothing answered: {'; '.join(f'{url}: {said}' for url, said in guess.tried.items())}"]
    return [f"{address}: {result.reason}" for address, result in guess.results.items() if not result.ok]


def _layout(where: "Where", node: str, services: "Sequence[Watched]") -> dict[str, object]:
    from rrdnsd.compose.beginning.layout import Nodes, configuration  # noqa: PLC0415 - as above

    return configuration(where, Nodes(node), services, made_by="`rrdnsd adopt`", shadow=True)


def _report(
    path: Path, proposed: "Sequence[tuple[Watched, Guess]]", left_out: "Sequence[LeftOut]"
) -> dict[str, object]:
    from rrdnsd.compose.beginning.asking import said  # noqa: PLC0415 - as above

    services = [
        {
            "fqdn": watched.fqdn,
            "zone": watched.zone,
            "ttl": watched.ttl,
            "healthcheck": watched.healthcheck,
            "remark": watched.comment,
            "endpoints": {address: said(result) for address, result in guess.results.items()},
            "tried": guess.tried,
        }
        for watched, guess in proposed
    ]
    return {"path": str(path), "services": services, "left_out": [one._asdict() for one in left_out]}


def _tell(
    path: Path,
    proposed: "Sequence[tuple[Watched, Guess]]",
    left_out: "Sequence[LeftOut]",
    dialogue: Dialogue,
) -> None:
    from rrdnsd.config.text import count  # noqa: PLC0415 - as above

    say: Callable[[str], None] = dialogue.say if path == STDOUT else out
    for watched, guess in proposed:
        say(f"{watched.fqdn}: {watched.healthcheck}, {guess.up} of {len(watched.addresses)} endpoints are up")
        if watched.comment:
            say(f"  to look at: {watched.comment}")
    for line in _summary(left_out):
        say(line)
    if path != STDOUT:
        say(f"wrote {path}: {count(len(proposed), 'service')} in shadow mode")
    for line in next_steps(path):
        say(line)


def _summary(left_out: "Sequence[LeftOut]") -> list[str]:
    """Say for each reason how many names it concerns, with a few of them."""
    groups: dict[str, list[str]] = {}
    for one in left_out:
        groups.setdefault(one.why, []).append(one.name)
    return [
        f"left out, {why}: {', '.join(names[:_EXAMPLES])}"
        + (f" and {len(names) - _EXAMPLES} more" if len(names) > _EXAMPLES else "")
        for why, names in groups.items()
    ]
