"""From what somebody has typed to a question, and back to where it stands in an answer."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from portal.ldap import filters
from portal.ldap.sources import Source

MOST_LETTERS = 200
MOST_WORDS = 8
#: Fields that are looked through, names first.
NAMES = ("name", "given", "family", "login", "mail")
OTHERS = ("title", "department", "phone", "mobile", "room")
#: OpenLDAP's index of substrings holds pieces of this length; what is shorter would look at every entry
#: (slapd.conf(5), index_substr_any_len).
ANYWHERE = 4


_OF_A_NUMBER = re.compile(r"[+(]?[0-9()./-]*[0-9][0-9()./-]*")
_NUMBER_FIELDS = ("phone", "mobile")


def typed(query: str) -> list[str]:
    """The words, each once, as they are asked. What directories take for nothing (RFC 4518 section 2.2) is left out, or
    it would find everybody. A telephone number is one word, however it is spaced."""
    seen = "".join(char for char in query[:MOST_LETTERS] if unicodedata.category(char) not in {"Cc", "Cf", "Cs"})
    found: list[str] = []
    for word in seen.split():
        if found and _OF_A_NUMBER.fullmatch(word) and _OF_A_NUMBER.fullmatch(found[-1]):
            found[-1] += word
        else:
            found.append(word)
    return list(dict.fromkeys(found))[:MOST_WORDS]


def of(query: str) -> list[str]:
    """The words as they are compared and marked in an answer: a number in its parts."""
    return list(dict.fromkeys(fold(word) for word in query[:MOST_LETTERS].split()))


def fold(text: str) -> str:
    """Without case, accents and width: Ève is found as eve."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize("NFC", "".join(char for char in plain if not unicodedata.combining(char)))


def question(source: Source, query: str, fields: Iterable[str] = (*NAMES, *OTHERS)) -> str:
    """People in whom every word stands somewhere. The words are asked as they were typed: how a directory compares is
    its own affair."""
    asked = attributes(source, fields)
    numbers = {name.lower() for field in _NUMBER_FIELDS for name in source.attributes.get(field, ())}
    return filters.both([source.person_filter, *(_word(source, word, asked, numbers) for word in typed(query))])


def beginning(source: Source, prefix: str) -> str:
    """People whose names or addresses begin with the words: for completion, which has no time."""
    asked = attributes(source, NAMES, own=False)
    each = (filters.either(found for name in asked for found in _at_words(name, word)) for word in typed(prefix))
    return filters.both([source.person_filter, *each])


def attributes(source: Source, fields: Iterable[str], *, own: bool = True) -> list[str]:
    """All that is looked through, each once."""
    found = [attribute for name in fields for attribute in source.attributes.get(name, ())]
    return list(dict.fromkeys([*found, *(attribute for _label, attribute in (source.own if own else ()))]))


def _word(source: Source, word: str, asked: list[str], numbers: set[str]) -> str:
    """Blanks and hyphens are nothing in a number (RFC 4518 section 2.6.3): a word of them alone would find all."""
    found = [filters.equals("anr", word)] if source.preset.anr else []
    for name in asked:
        if name.lower() in numbers and not any(char.isdigit() for char in word):
            continue
        found += [filters.contains(name, word)] if len(word) >= ANYWHERE else _at_words(name, word)
    return filters.either(found)


def _at_words(attribute: str, word: str) -> list[str]:
    inside = [filters.contains(attribute, f" {word}")] if len(word) + 1 >= ANYWHERE else []
    return [filters.begins(attribute, word), *inside]


def matches(text: str, words: Iterable[str]) -> bool:
    folded = fold(text)
    return all(word in folded for word in words)


def marked(text: str, words: Iterable[str]) -> list[tuple[str, bool]]:
    """The text in pieces, and which of them are a word that was looked for."""
    folded = [fold(char) for char in text]
    flat = "".join(folded)
    owner = [at for at, piece in enumerate(folded) for _each in piece]
    hit = [False] * len(text)
    for word in words:
        at = flat.find(word)
        while word and at >= 0:
            for position in range(owner[at], owner[at + len(word) - 1] + 1):
                hit[position] = True
            at = flat.find(word, at + len(word))
    pieces: list[tuple[str, bool]] = []
    for char, inside in zip(text, hit, strict=True):
        if pieces and (pieces[-1][1] == inside or unicodedata.combining(char)):
            pieces[-1] = (pieces[-1][0] + char, pieces[-1][1])
        else:
            pieces.append((char, inside))
    return pieces
