"""Reads a zone file (RFC 1035, section 5; RFC 2308) as text: which lines hold which record, and where its words stand.

Nothing is lost on the way: what is not understood in detail stays text, and can be written back as it was.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import dns.exception
import dns.name

from rrdnsd.errors import ProviderError

_LEXEME = re.compile(
    r'(?P<word>(?:\\.|[^\s;()"\\]++|"(?:\\.|[^"\\]++)*+")++)|(?P<comment>;[^\n]*)|(?P<newline>\n)|(?P<paren>[()])'
    r"|(?P<blank>[^\S\n]+)|(?P<wrong>.)",
    re.DOTALL,
)
_TTL = re.compile(r"(?:[0-9]+[smhdw]?)+", re.IGNORECASE)
_TTL_PART = re.compile(r"([0-9]+)([smhdw]?)", re.IGNORECASE)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_CLASSES = frozenset({"IN", "CH", "HS", "CS"})
_GENERIC = {"TYPE1": "A", "TYPE28": "AAAA", "TYPE5": "CNAME", "TYPE6": "SOA", "TYPE46": "RRSIG"}


@dataclass(frozen=True, slots=True)
class Word:
    """A word and where it stands in the text."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Record:
    """One record and the whole lines it takes, from `start` to `end`, line ends included.

    `owner` is canonical. `states_owner` is False where the line begins with a blank and so means the owner of the
    record before it. `ttl_word` is None where the TTL is the one of $TTL. `kind` is the record type as written there.
    """

    start: int
    end: int
    line: int
    owner: str
    states_owner: bool
    origin: str
    ttl: int
    ttl_word: Word | None
    kind: Word
    rtype: str
    rdata: Sequence[Word]


@dataclass(frozen=True, slots=True)
class ZoneText:
    """A zone file taken apart. `origin` is the one in force at its end."""

    text: str
    records: Sequence[Record]
    origin: str


def read(text: str, zone: str, where: str) -> ZoneText:
    """Take the text of a zone file apart; `where` names the file in sentences.

    Raises:
        ProviderError: it is no zone file, or one that cannot be changed safely; the sentence has the line.

    """
    reader = _Reader(zone)
    try:
        records = [record for line in _lines(text) if (record := reader.take(line))]
    except _FaultError as fault:
        raise ProviderError(f"{where}, line {fault.line}: {fault}") from None
    return ZoneText(text, records, reader.origin)


class _FaultError(Exception):
    def __init__(self, line: int, sentence: str) -> None:
        self.line = line
        super().__init__(sentence)


@dataclass(frozen=True, slots=True)
class _Line:
    """A logical line: several lines of text where parentheses join them."""

    start: int
    end: int
    number: int
    indented: bool
    words: Sequence[Word]


def _lines(text: str) -> Iterator[_Line]:
    words: list[Word] = []
    start, number, first, depth = 0, 1, 1, 0
    for found in _LEXEME.finditer(text):
        match found.lastgroup:
            case "word":
                words.append(Word(found[0], found.start(), found.end()))
                number += found[0].count("\n")
            case "paren":
                depth = _depth(depth, found[0], number)
            case "newline":
                number += 1
                if not depth:
                    if words:
                        yield _Line(start, found.end(), first, text[start].isspace(), words)
                    words, start, first = [], found.end(), number
            case "wrong":
                raise _FaultError(number, "a quotation mark is not closed, or nothing follows a backslash")
    if depth:
        raise _FaultError(first, "the parenthesis is not closed")
    if words:
        yield _Line(start, len(text), first, text[start].isspace(), words)


def _depth(depth: int, paren: str, line: int) -> int:
    depth += 1 if paren == "(" else -1
    if depth not in {0, 1}:
        raise _FaultError(line, "the parentheses do not match")
    return depth


class _Reader:
    """What is in force at a line: the origin, the TTL, the last owner."""

    def __init__(self, zone: str) -> None:
        self.origin = zone
        self._ttl: int | None = None
        self._owner: str | None = None

    def take(self, line: _Line) -> Record | None:
        """Take in one line; gives its record, None for a directive."""
        if line.words[0].text.startswith("$") and not line.indented:
            self._direct(line)
            return None
        words = list(line.words)
        if not line.indented:
            self._owner = _absolute(words.pop(0).text, self.origin, line.number)
        if self._owner is None:
            raise _FaultError(
                line.number, "begins with a blank, and it is not clear whose record it is: name the owner"
            )
        ttl_word = _head(words, line.number)
        kind = words.pop(0)
        return Record(
            line.start,
            line.end,
            line.number,
            self._owner,
            not line.indented,
            self.origin,
            self._ttl_of(ttl_word, line.number),
            ttl_word,
            kind,
            _GENERIC.get(kind.text.upper(), kind.text.upper()),
            words,
        )

    def _direct(self, line: _Line) -> None:
        name, *values = (word.text for word in line.words)
        match name.upper():
            case "$ORIGIN" if values:
                self.origin = _absolute(values[0], self.origin, line.number)
            case "$TTL" if values and _TTL.fullmatch(values[0]):
                self._ttl = _seconds(values[0])
            case "$INCLUDE" if values:
                self._owner = None
            case _:
                raise _FaultError(line.number, f"{name} is not understood here, nor by NSD and Unbound")

    def _ttl_of(self, word: Word | None, line: int) -> int:
        if word:
            return _seconds(word.text)
        if self._ttl is None:
            sentence = (
                'has no TTL, and no $TTL stands above it: add a line such as "$TTL 3600" at the beginning'
            )
            raise _FaultError(line, sentence)
        return self._ttl


def _absolute(word: str, origin: str, line: int = 0) -> str:
    """Give a name of the file in canonical form."""
    if word == "@":
        return origin
    if "\\" in word or '"' in word:
        try:
            parsed = dns.name.from_text(word, dns.name.from_text(origin + "."))
        except dns.exception.DNSException:
            raise _FaultError(line, f"{word} is no domain name") from None
        return parsed.to_text(omit_final_dot=True).lower()
    return (word.removesuffix(".") if word.endswith(".") else f"{word}.{origin}").lower()


def _head(words: list[Word], line: int) -> Word | None:
    """Take TTL and class off the front, in either order; what is left begins with the type."""
    ttl = None
    for _ in range(2):
        text = words[0].text if words else ""
        if ttl is None and _TTL.fullmatch(text):
            ttl = words.pop(0)
        elif text.upper() == "IN":
            words.pop(0)
        elif text.upper() in _CLASSES:
            raise _FaultError(line, f"is of class {text}: only IN is understood here")
    if not words:
        raise _FaultError(line, "no record type is given")
    return ttl


def _seconds(text: str) -> int:
    return sum(int(number) * _SECONDS[unit.lower()] for number, unit in _TTL_PART.findall(text))
