"""From a file and the environment to a checked configuration, or to every mistake in it."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from rrdnsd.config import plugins
from rrdnsd.config.checks import Installed, check
from rrdnsd.config.credentials import Surroundings
from rrdnsd.config.draft import draft
from rrdnsd.config.problem import Loc, Problem, path_text, position, prefixes, visible
from rrdnsd.config.reading import read
from rrdnsd.config.schema import Config
from rrdnsd.config.sentences import to_problem
from rrdnsd.errors import ConfigError

DEFAULT_PATH = Path("/etc/rrdnsd.json")
_LOCAL_NODE: Loc = ("local_node",)


def config_path(env: Mapping[str, str], given: Path | None = None) -> Path:
    """Tell which file to read: the one given, else what CONF names, else /etc/rrdnsd.json."""
    return given or Path(env.get("CONF") or DEFAULT_PATH)


def load(path: Path, env: Mapping[str, str]) -> Config:
    """Read, check and complete a configuration file; LOCAL_NODE in `env` overrides `local_node`.

    Raises:
        ConfigError: it cannot be used; the error holds a sentence for every mistake.

    """
    raw, problems = read(path)
    override = env.get("LOCAL_NODE")
    if override:
        raw["local_node"] = override
    around = Surroundings(path.absolute().parent, env)
    installed = Installed(plugins.names(plugins.PROBES), plugins.names(plugins.PROVIDERS))
    config, found = _validate(raw, around, installed)
    problems += found
    if config is None or problems:
        raise ConfigError(str(path), _sentences(problems, raw, overridden=bool(override)))
    return config


def _validate(
    raw: dict[str, Any], around: Surroundings, installed: Installed
) -> tuple[Config | None, list[Problem]]:
    try:
        config = Config.model_validate(raw, context=around)
    except ValidationError as error:
        details = [detail for detail in error.errors(include_url=False) if not _is_echo(detail)]
        problems = [to_problem(detail) for detail in details]
        wrong = [visible(p.loc, raw) for p in problems]
        stand_in = draft(raw, wrong, around)
        unknown = {tuple(detail["loc"]) for detail in details if detail["type"] == "extra_forbidden"}
        concluded = [] if stand_in is None else check(stand_in, installed)
        return None, problems + list(_sound(concluded, {loc for loc in wrong if loc not in unknown}))
    return config, list(check(config, installed))


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


def _sentences(problems: list[Problem], raw: object, *, overridden: bool) -> list[str]:
    """Write the problems in the order of the file, without repeating one."""
    located = [Problem(visible(p.loc, raw), p.sentence) for p in problems]
    located.sort(key=lambda p: position(p.loc, raw))
    return list(dict.fromkeys(_sentence(p, overridden=overridden) for p in located))


def _sentence(problem: Problem, *, overridden: bool) -> str:
    where = path_text(problem.loc)
    if overridden and problem.loc == _LOCAL_NODE:
        where = "LOCAL_NODE in the environment"
    sentence = f"{where}: {problem.sentence}" if where else problem.sentence
    return sentence if sentence.isprintable() else sentence.encode("unicode_escape").decode("ascii")
