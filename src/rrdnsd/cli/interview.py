"""The questions of `rrdnsd init`, in order: each is answered by an option, a person, or what was found out."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from rrdnsd.cli import replies
from rrdnsd.cli.beginning import STDOUT, credentials, settings
from rrdnsd.cli.dialogue import Dialogue, progress
from rrdnsd.cli.exits import CommandError, Exit
from rrdnsd.cli.given import Given
from rrdnsd.cli.keys import key_for
from rrdnsd.errors import ProviderError

if TYPE_CHECKING:
    from rrdnsd.compose.beginning.layout import Nodes, Watched, Where
    from rrdnsd.compose.beginning.steps import Place

T = TypeVar("T")

_METHODS = {
    "rfc2136": "BIND, Knot DNS, PowerDNS: DNS updates with a TSIG key",
    "nsupdate": "the same, by /usr/bin/nsupdate",
    "knsupdate": "the same, by /usr/bin/knsupdate",
    "powerdns": "PowerDNS, by its HTTP API",
    "zonefile": "NSD or Unbound on this machine, by their zone file",
    "builtin": "rrdnsd answers itself, or feeds NSD, Unbound and others as hidden primary",
    "dynu": "Dynu",
    "digitalocean": "DigitalOcean",
    "lexicon": "some 90 other vendors: Cloudflare, Route 53, Hetzner ...",
    "script": "a program of your own",
}
_ASKED = {
    "powerdns": (("url", "Base URL of its webserver", "http://127.0.0.1:8081"),),
    "lexicon": (("vendor", "The vendor, as dns-lexicon calls it", None),),
    "zonefile": (
        ("server", "What serves it: nsd or unbound", "nsd"),
        ("file", "Its zone file; {zone} stands for the zone", "/etc/nsd/zones/{zone}.zone"),
    ),
    "script": (("command", "The program and its arguments", None),),
}
_TTL = 60


@dataclass(frozen=True, slots=True)
class Answers:
    """All there is to know. `files` are new files with secrets; `new_key` is the name of a key made just now.

    `secrets` are the keys of the configuration whose values are only referred to there, with what they refer to.
    """

    where: "Where"
    nodes: "Nodes"
    services: tuple["Watched", ...]
    files: dict[Path, str] = field(default_factory=dict, repr=False)
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    new_key: str = ""


def interview(given: Given, dialogue: Dialogue) -> Answers:
    """Ask what was not given.

    Raises:
        CommandError: an option is wrong, or missing with nobody to ask.

    """
    from rrdnsd.compose.beginning.layout import Where  # noqa: PLC0415 - help starts without all this
    from rrdnsd.compose.beginning.steps import Place, is_signed  # noqa: PLC0415 - as above

    names = dialogue.value(
        replies.joined(given.services),
        "--service",
        "Names to watch, such as www.example.org",
        replies.each(replies.name),
    )
    method = _method(given, dialogue)
    servers = _servers(given, dialogue, method)
    options = _options(given, dialogue, method)
    key = key_for(given, dialogue, method)
    place = Place(servers[0], key.known.text if is_signed(method) else "") if servers else None
    services = tuple(_service(given, dialogue, method, place, name) for name in names)
    nodes, files, secrets = _nodes(given, dialogue)
    reference = f"file:{key.file.absolute()}" if key.file else key.known.reference
    if key.file:
        files[key.file] = key.text
    if reference:
        secrets["update_credentials"] = "" if key.name else key.known.text
    where = Where(method, servers, reference, options)
    return Answers(where, nodes, services, files, secrets, key.name)


def _method(given: Given, dialogue: Dialogue) -> str:
    from rrdnsd.config import plugins  # noqa: PLC0415 - as above

    installed = plugins.names(plugins.PROVIDERS)
    if given.method is None and dialogue.person and not dialogue.yes:
        dialogue.say("Where are the records written?")
        for name in sorted(installed, key=[*_METHODS, *installed].index):
            dialogue.say(f"  {name:<13}{_METHODS.get(name, 'a plug-in')}")

    def check(text: str) -> str:
        if text not in installed:
            raise ValueError(f"{text!r} is none of {', '.join(installed)}")
        return text

    return dialogue.value(given.method, "--method", "Method", check, "rfc2136")


def _servers(given: Given, dialogue: Dialogue, method: str) -> tuple[str, ...]:
    from rrdnsd.compose.beginning.steps import is_signed  # noqa: PLC0415 - as above

    if not (is_signed(method) or method == "zonefile"):
        if given.servers:
            raise CommandError(f"--server: {method} has no servers to be given", Exit.INVALID)
        return ()
    found = dialogue.value(
        replies.joined(given.servers),
        "--server",
        "The primary DNS server (host or host:port)",
        replies.each(replies.server),
        "127.0.0.1:53",
    )
    return tuple(found)


def _options(given: Given, dialogue: Dialogue, method: str) -> dict[str, object]:
    found = settings([*given.options])
    for name, question, default in _ASKED.get(method, ()):
        if name not in found:
            answer = dialogue.value(None, f"--option {name}=...", question, replies.something, default)
            found[name] = shlex.split(answer) if name == "command" else answer
    return found


def _service(given: Given, dialogue: Dialogue, method: str, place: "Place | None", name: str) -> "Watched":
    from rrdnsd.compose.beginning.layout import Watched  # noqa: PLC0415 - as above
    from rrdnsd.compose.beginning.steps import served_at, zone_of  # noqa: PLC0415 - as above

    dialogue.say(f"{name}:")
    found = None if given.zone else _tried(dialogue, lambda: zone_of(place, name))
    if (
        found is None and method == "builtin"
    ):  # a zone that rrdnsd answers for is often one that nobody has asked for yet
        found = name.partition(".")[2] or None
    zone = dialogue.value(given.zone, "--zone", f"  Zone of {name}", replies.zone_of(name), found)
    served = _tried(dialogue, lambda: served_at(place, zone, name))
    if served and served.problem:
        dialogue.say(f"  {served.problem}")
    shown = " ".join(served.addresses) if served else ""
    dialogue.say(f"  DNS serves {shown or 'no address of it now'}")
    addresses = dialogue.value(
        replies.joined(given.addresses),
        "--address",
        "  Addresses of the endpoints",
        replies.each(replies.address),
        shown or None,
    )
    healthcheck = _healthcheck(given, dialogue, name, tuple(addresses))
    now = served.ttl if served and served.ttl is not None else _TTL
    return Watched(name, zone, healthcheck, tuple(addresses), now if given.ttl is None else given.ttl)


def _healthcheck(given: Given, dialogue: Dialogue, name: str, addresses: tuple[str, ...]) -> str:
    from rrdnsd.compose.beginning.guessing import Wanted, candidates  # noqa: PLC0415 - as above
    from rrdnsd.compose.beginning.steps import guess_checks  # noqa: PLC0415 - as above

    if len(given.healthchecks) == 1:
        return dialogue.value(given.healthchecks[0], "--healthcheck", "", replies.healthcheck)
    wanted = tuple(
        dialogue.value(url, "--healthcheck", "", replies.healthcheck) for url in given.healthchecks
    )
    guess = guess_checks([Wanted(name, addresses, wanted or candidates(name))], progress("  trying"))[name]
    for check, said in guess.tried.items():
        dialogue.say(f"  tried {check}: {said}")
    if wanted:
        return guess.healthcheck
    default = guess.healthcheck if guess.up else None
    return dialogue.value(
        None, "--healthcheck", "  Health check ({} is the address)", replies.healthcheck, default
    )


def _nodes(given: Given, dialogue: Dialogue) -> tuple["Nodes", dict[Path, str], dict[str, str]]:
    from rrdnsd.compose.beginning.keyfile import new_secret  # noqa: PLC0415 - as above
    from rrdnsd.compose.beginning.layout import Nodes  # noqa: PLC0415 - as above

    local = dialogue.value(
        given.local_node, "--local-node", "Address and port of this node", replies.node, "127.0.0.1:3333"
    )
    peers = [*map(_node_option, given.nodes)]
    if not given.nodes and dialogue.person and not dialogue.yes:
        peers = dialogue.value(
            None,
            "--node",
            "Other nodes (host:port ..., empty: none)",
            replies.each(replies.node, least=0),
            "",
        )
    peers = [peer for peer in peers if peer != local]
    if not peers:
        return Nodes(local), {}, {}
    file = given.cluster_secret_file
    if file is None and given.output == STDOUT:
        raise CommandError("give --cluster-secret-file: the nodes need a common secret", Exit.INVALID)
    file = (file or given.output.with_name("rrdnsd.secret")).absolute()
    nodes = Nodes(local, tuple(peers), f"file:{file}")
    if file.exists():
        return nodes, {}, {"cluster_secret": credentials(file, None).text}
    text = new_secret()
    dialogue.say(f"A new secret for the cluster will be in {file}: copy it to every node.")
    return nodes, {file: text}, {"cluster_secret": text.strip()}


def _tried(dialogue: Dialogue, look: Callable[[], T]) -> T | None:
    """Look something up; where that fails it is only told, because the operator may know."""
    try:
        return look()
    except ProviderError as error:
        dialogue.say(f"  {error}")
        return None


def _node_option(text: str) -> str:
    try:
        return replies.node(text)
    except ValueError as error:
        raise CommandError(f"--node: {error}", Exit.INVALID) from None
