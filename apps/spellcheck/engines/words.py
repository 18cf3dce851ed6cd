"""The words of a text that are somebody's own: no quotes, addresses, code or numbers.

Every pattern here is linear in the text, whatever the text is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

LONGEST = 48  # letters of a word that is looked at; a longer one is left alone
MOST = 100_000  # characters of a text that is looked at; what stands behind is left alone

APOSTROPHES = "'’ʼ"
HYPHENS = "-‐‑"
_CHUNK = re.compile(r"\S+")
_FENCE = re.compile(r"^ {0,3}(```|~~~)")
_CODE = re.compile(r"`[^`\n]*`")
_SIGNATURE = re.compile(r"^-- ?\r?$")
_RULE = re.compile(r"^\s*(?:-{3,}|_{3,})(?:[^-_\n][^\n]{0,80}(?:-{3,}|_{3,}))?\s*$")
_HOST = re.compile(r"(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}(?:[/:?#]\S*)?[.,;:!?)\]]*", re.IGNORECASE)
_LONGEST_HOST = 300


@dataclass(frozen=True, slots=True)
class Word:
    offset: int  # in characters from the start of the text
    text: str  # as it stands there

    @property
    def end(self) -> int:
        return self.offset + len(self.text)


@dataclass(frozen=True, slots=True)
class Paragraph:
    words: tuple[Word, ...]


@cache
def _word() -> re.Pattern[str]:
    """Letters with the marks on them; apostrophes and hyphens only between letters. The marks of scripts are no letters
    to ``re``, so they are collected once."""
    marks = "".join(char for char in map(chr, range(0x300, 0x10000)) if unicodedata.category(char) in ("Mn", "Mc"))
    letter = rf"(?:[^\W\d_]|[{re.escape(marks)}\u200c\u200d\u00ad])"
    return re.compile(rf"[^\W\d_]{letter}*+(?:[{re.escape(APOSTROPHES + HYPHENS)}]{letter}++)*+")


def plain(word: str) -> str:
    """As dictionaries write it: composed, with the straight apostrophe, without what is not seen."""
    word = unicodedata.normalize("NFC", word.replace("\u00ad", ""))
    for sign in APOSTROPHES[1:]:
        word = word.replace(sign, "'")
    for sign in HYPHENS[1:]:
        word = word.replace(sign, "-")
    return word


def whole(text: str) -> bool:
    """Whether the text is one word."""
    return _word().fullmatch(text) is not None


def paragraphs(text: str, *, capitals: bool = False) -> Iterator[Paragraph]:
    """Paragraphs end at an empty line. ``capitals``: words in capitals alone are looked at, too."""
    found: list[Word] = []
    for start, line in _own_lines(text[:MOST]):
        if not line.strip():
            if found:
                yield Paragraph(tuple(found))
            found = []
            continue
        found.extend(_of_line(start, line, capitals))
    if found:
        yield Paragraph(tuple(found))


def _own_lines(text: str) -> Iterator[tuple[int, str]]:
    """Those that are not quoted, no code and no signature; what is left out ends a paragraph."""
    offset, fence, lines = 0, "", text.split("\n")
    for number, line in enumerate(lines):
        start, offset = offset, offset + len(line) + 1
        if found := _FENCE.match(line):
            fence = "" if fence == found[1] else fence or found[1]
        elif fence or line.startswith(">") or _is_attribution(lines, number):
            pass
        elif _SIGNATURE.match(line) or (_RULE.match(line) and number + 1 < len(lines) and _heads(lines[number + 1])):
            return
        else:
            yield start, line
            continue
        yield start, ""


def _is_attribution(lines: list[str], number: int) -> bool:
    """The line above a quote that says whose it is: "On Monday Jo wrote:"."""
    if not lines[number].rstrip().endswith((":", "：")):
        return False
    below = (line for line in lines[number + 1 : number + 4] if line.strip())
    return next(below, "").startswith(">")


def _heads(line: str) -> bool:
    """Whether a forwarded message begins: "From: Jo"."""
    return 0 < line.find(":") < 20


def _of_line(start: int, line: str, capitals: bool) -> Iterator[Word]:
    if "`" in line:
        line = _CODE.sub(lambda found: " " * len(found[0]), line)
    for chunk in _CHUNK.finditer(line):
        if _is_address(chunk[0]):
            continue
        for found in _word().finditer(chunk[0]):
            if _is_looked_at(chunk[0], found, capitals):
                yield Word(start + chunk.start() + found.start(), found[0])


def _is_address(chunk: str) -> bool:
    """A link, an address, a file: what nobody spells."""
    if "@" in chunk or "://" in chunk or "\\" in chunk:
        return True
    bare = chunk.lstrip("(<[\"'„“«")
    if bare.startswith(("www.", "/", "~/", "#", "$", "--")) or chunk.count("/") > 1:
        return True
    return "." in chunk and len(bare) <= _LONGEST_HOST and _HOST.fullmatch(bare) is not None and not _is_sentence(bare)


def _is_sentence(chunk: str) -> bool:
    """Two words with the blank forgotten: "end.The"."""
    return re.fullmatch(r"[a-z]+\.[A-Z][a-z]+[.,;:!?]*", chunk) is not None


def _is_looked_at(chunk: str, found: re.Match[str], capitals: bool) -> bool:
    word = found[0]
    if not 1 < len(word) <= LONGEST:
        return False
    around = chunk[max(0, found.start() - 1) : found.start()] + chunk[found.end() : found.end() + 1]
    if any(char.isalnum() or char == "_" for char in around):  # a name with digits: B2B, x_y
        return False
    if word.isupper():
        return capitals
    return not any(has_capital_within(part) for part in parts(word))


def parts(word: str) -> list[str]:
    """What hyphens join."""
    return re.split(rf"[{HYPHENS}]", word)


def has_capital_within(part: str) -> bool:
    """A name that somebody has made: JavaScript, iPhone, getName. Initials are none."""
    return (
        not part.isupper()
        and any(char.isupper() for char in part[1:] if char not in APOSTROPHES)
        and (part[1:2] not in APOSTROPHES or any(char.isupper() for char in part[3:]))
    )
