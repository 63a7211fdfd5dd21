"""From a file and the environment to a checked configuration, or to every mistake in it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from rrdnsd.config import plugins
from rrdnsd.config.checks import Installed, check
from rrdnsd.config.credentials import Surroundings
from rrdnsd.config.draft import draft
from rrdnsd.config.problem import Loc, Problem, path_text, position, prefixes, visible
from rrdnsd.config.reading import read, without_comments
from rrdnsd.config.schema import Config
from rrdnsd.config.sentences import to_problem
from rrdnsd.errors import ConfigError

DEFAULT_PATH = Path("/etc/rrdnsd.json")
_LOCAL_NODE: Loc = ("local_node",)
_OVERRIDE = "LOCAL_NODE"

Look = Callable[[Config], Iterable[Problem]]
"""Finds what plug-ins say is wrong with their settings."""


def config_path(env: Mapping[str, str], given: Path | None = None) -> Path:
    """Tell which file to read: the one given, else what CONF names, else /etc/rrdnsd.json."""
    return given or Path(env.get("CONF") or DEFAULT_PATH)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A checked configuration, and what it was made of: the file as it is, comments included, and its surroundings."""

    config: Config
    raw: Mapping[str, object] = field(repr=False)
    path: Path
    around: Surroundings = field(repr=False)


def load(path: Path, env: Mapping[str, str], look: Look | None = None) -> Config:
    """Read, check and complete a configuration file; LOCAL_NODE in `env` overrides `local_node`.

    What plug-ins think of their settings is known only with a `look`.

    Raises:
        ConfigError: it cannot be used; the error holds a sentence for every mistake.

    """
    return load_raw(path, env, look).config


def load_raw(path: Path, env: Mapping[str, str], look: Look | None = None) -> Loaded:
    """Do as `load` does, and return what the file itself says as well.

    Raises:
        ConfigError: it cannot be used; the error holds a sentence for every mistake.

    """
    whole, problems = read(path)
    around = Surroundings(path.absolute().parent, env)
    raw = effective_raw(whole, around)
    config, found = validate(raw, around, look)
    problems += found
    if config is None or problems:
        overridden = bool(env.get(_OVERRIDE))
        found = ordered(problems, raw)
        raise ConfigError(str(path), [sentence(problem, overridden=overridden) for problem in found])
    return Loaded(config, whole, path, around)


def effective_raw(whole: Mapping[str, object], around: Surroundings) -> dict[str, Any]:
    """Return what is to be checked: the file without its comments, and LOCAL_NODE in it if that is set."""
    raw = without_comments(whole)
    override = around.env.get(_OVERRIDE)
    return raw | {"local_node": override} if override else raw


def validate(
    raw: dict[str, Any], around: Surroundings, look: Look | None = None
) -> tuple[Config | None, list[Problem]]:
    """Check a configuration without comments; returns it, or None, and everything that is wrong with it."""
    installed = Installed(*map(plugins.names, (plugins.PROBES, plugins.PROVIDERS, plugins.NOTIFIERS)))
    try:
        config = Config.model_validate(raw, context=around)
    except ValidationError as error:
        details = [detail for detail in error.errors(include_url=False) if not _is_echo(detail)]
        problems = [to_problem(detail) for detail in details]
        wrong = [visible(p.loc, raw) for p in problems]
        stand_in = draft(raw, wrong, around)
        unknown = {tuple(detail["loc"]) for detail in details if detail["type"] == "extra_forbidden"}
        concluded = [] if stand_in is None else _concluded(stand_in, installed, look)
        return None, problems + list(_sound(concluded, {loc for loc in wrong if loc not in unknown}))
    return config, _concluded(config, installed, look)


def _concluded(config: Config, installed: Installed, look: Look | None) -> list[Problem]:
    """Check across keys; of two sentences about one place that of the schema is kept."""
    found = list(check(config, installed))
    known = {problem.loc for problem in found}
    return found + [problem for problem in (look(config) if look else ()) if problem.loc not in known]


def _is_echo(detail: ErrorDetails) -> bool:
    """Tell of a list that counts as empty only because each of its items has its own error."""
    return detail["type"] == "too_short" and bool(detail["input"])


def _sound(concluded: Iterable[Problem], wrong: set[Loc]) -> Iterator[Problem]:
    """Leave out what was concluded from a wrong value, from a part of one or from what holds one."""
    around = {place for loc in wrong for place in prefixes(loc)}
    for problem in concluded:
        places = {problem.loc, *problem.about}
        if places.isdisjoint(around) and not any(prefixes(place) & wrong for place in places):
            yield problem


def ordered(problems: list[Problem], raw: object) -> list[Problem]:
    """Sort problems in the order of the file, without repeating one, each at a place that the file really holds."""
    located = [Problem(visible(p.loc, raw), p.sentence) for p in problems]
    return list(dict.fromkeys(sorted(located, key=lambda p: position(p.loc, raw))))


def sentence(problem: Problem, *, overridden: bool = False) -> str:
    """Write a problem as one printable line; `overridden` tells if LOCAL_NODE stands in for the file's key."""
    where = path_text(problem.loc)
    if overridden and problem.loc == _LOCAL_NODE:
        where = "LOCAL_NODE in the environment"
    told = f"{where}: {problem.sentence}" if where else problem.sentence
    return told if told.isprintable() else told.encode("unicode_escape").decode("ascii")
