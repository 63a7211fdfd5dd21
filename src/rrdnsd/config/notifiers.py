"""The mistakes in `notifiers` that no value shows by itself. None of the sentences repeats a URL: it may be a secret."""

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from urllib.parse import urlsplit

from rrdnsd.config import plugins
from rrdnsd.config.problem import Loc, Problem
from rrdnsd.config.schema import Config, NotifierConfig
from rrdnsd.config.sentences import nearest
from rrdnsd.config.text import quote

_SHORTEST_SECRET = 16
_BASE64 = "whsec_"


def check(config: Config, installed: tuple[str, ...]) -> Iterator[Problem]:
    """Find everything that is wrong with the notifiers."""
    first: dict[str, int] = {}
    for index, notifier in enumerate(config.notifiers):
        at: Loc = ("notifiers", index)
        if notifier.type not in installed:
            hint = nearest(notifier.type, installed) or f", known: {', '.join(installed)}"
            yield Problem((*at, "type"), f"unknown type {quote(notifier.type)}{hint}")
            continue
        other = first.setdefault(notifier.called, index)
        if other != index:
            sentence = (
                f'{quote(notifier.called)} is already the name of notifiers[{other}], give another "name"'
            )
            yield Problem((*at, "name") if notifier.name else at, sentence, (("notifiers", other),))
        look = _LOOKS.get(notifier.type)
        if look:
            yield from look(notifier, at)


def _webhook(notifier: NotifierConfig, at: Loc) -> Iterator[Problem]:
    about = ((*at, "type"),)
    url = notifier.url.get_secret_value()
    if not url:
        sentence = 'is required by "webhook": where to post, better "env:NAME" or "file:PATH"'
        yield Problem((*at, "url"), sentence, about)
    elif not _is_web_url(url):
        yield Problem((*at, "url"), "must be like https://example.com/path", about)
    yield from _secret(notifier.secret.get_secret_value(), (*at, "secret"))


def _is_web_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _secret(secret: str, at: Loc) -> Iterator[Problem]:
    if 0 < len(secret) < _SHORTEST_SECRET:
        yield Problem(at, f"is shorter than {_SHORTEST_SECRET} characters; try: openssl rand -base64 24")
    elif secret.startswith(_BASE64):
        try:
            base64.b64decode(secret.removeprefix(_BASE64), validate=True)
        except binascii.Error:
            yield Problem(at, f'begins with "{_BASE64}", and the rest of it is not base64')


def _script(notifier: NotifierConfig, at: Loc) -> Iterator[Problem]:
    if not notifier.command or not notifier.command[0]:
        sentence = 'is required by "script": the program and its arguments, e.g. ["/usr/local/bin/tell"]'
        yield Problem((*at, "command"), sentence, ((*at, "type"),))
    elif any("\0" in word for word in notifier.command):
        yield Problem((*at, "command"), "holds a zero byte, which no argument can carry")


def _apprise(notifier: NotifierConfig, at: Loc) -> Iterator[Problem]:
    if not plugins.has_module("apprise"):
        sentence = "\"apprise\" needs the library of that name: pip install 'rrdnsd[apprise]'"
        yield Problem((*at, "type"), sentence)
    if not notifier.url.get_secret_value():
        sentence = 'is required by "apprise": one of its URLs, better "env:NAME" or "file:PATH"'
        yield Problem((*at, "url"), sentence, ((*at, "type"),))


_LOOKS: Mapping[str, Callable[[NotifierConfig, Loc], Iterator[Problem]]] = MappingProxyType(
    {"webhook": _webhook, "script": _script, "apprise": _apprise}
)
