"""What is new in an answer, compared with the message that it answers: what it quotes unchanged, what it says in
between, and where its quotes say something else than the original did."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from enum import StrEnum
from itertools import groupby, pairwise

from selectolax.lexbor import LexborHTMLParser

from apps.mail.mime import to_text
from apps.mail.mime.flowed import Line
from apps.mail.mime.tidy import tidy

MOST_LINES = 2000
MOST_WORDS = 1500  # on each side of a place that differs, to be compared word by word
MOST_IN_ALL = 6_000
LIKE = 0.5  # so many words of a line have to be those of the original for it to count as quoted from there
LONG = 8  # words that are missing: fewer are a change, more are left out

_WIDE = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7af"  # written without blanks: a character is a word
_WORD = re.compile(rf"(\s*)([{_WIDE}]|[^\s{_WIDE}]+)")
_OPENS, _CLOSES = "\ue000", "\ue001"
_QUOTES = "blockquote, .yahoo_quoted, #appendonsend ~ div"
#: What some programs put above a message that they quote without marking its lines.
_HEADING = re.compile(r"\s*(?:-{3,}[^-]{3,60}-{3,}|_{10,})\s*")


class Kind(StrEnum):
    WRITTEN = "written"  # by whoever answers
    INTRO = "intro"  # "On Monday Ann wrote:"
    SAME = "same"  # quoted as it was
    CHANGED = "changed"  # quoted, and not as it was
    ADDED = "added"  # quoted, but not in the original
    LEFT_OUT = "left_out"  # of the original


@dataclass(frozen=True, slots=True)
class Piece:
    """Words of a changed line: "same", "gone" or "new"."""

    what: str
    text: str


@dataclass(frozen=True, slots=True)
class Block:
    kind: Kind
    lines: tuple[str, ...] = ()
    changes: tuple[tuple[Piece, ...], ...] = ()  # a line each, of what was changed
    inline: bool = False  # written between what is quoted

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@dataclass(slots=True)
class _Quoted:
    """A line of the answer that is quoted, or may be."""

    text: str
    kind: Kind = Kind.ADDED
    pieces: list[Piece] = field(default_factory=list)
    before: list[str] = field(default_factory=list)  # lines of the original that are left out before it
    after: list[str] = field(default_factory=list)


def lines_of_html(html: str) -> list[Line]:
    """As text, each line with 1 for what is quoted."""
    clean = tidy(html[: to_text.MAX_HTML]).html.replace(_OPENS, "").replace(_CLOSES, "")
    tree = LexborHTMLParser(f"<!DOCTYPE html><html><body>{clean}</body></html>")
    for quote in tree.css(_QUOTES)[:500]:
        quote.insert_before(_OPENS)
        quote.insert_after(_CLOSES)
    text = to_text.text((tree.body.inner_html if tree.body is not None else None) or "")
    found, depth = [], 0
    for piece in re.split(f"([{_OPENS}{_CLOSES}])", text):
        if piece in (_OPENS, _CLOSES):
            depth += 1 if piece == _OPENS else -1
        elif piece.strip():
            found += [Line(min(max(depth, 0), 1), line) for line in piece.strip("\n").split("\n")]
    return found


def text_of_html(html: str) -> str:
    """As plain text has it, with marks before what is quoted."""
    out: list[str] = []
    before = 0
    for line in lines_of_html(html):
        if line.depth != before and out and out[-1]:
            out.append("")
        before = line.depth
        out.append(f"> {line.text}".rstrip() if line.depth else line.text)
    return "\n".join(out)


def compare(answer: Sequence[Line], original: Sequence[Line]) -> list[Block]:
    """The answer from top to bottom."""
    lines = list(answer[:MOST_LINES])
    known = [line.text for line in original[:MOST_LINES]]
    marked = any(line.depth for line in lines)
    start = 0 if marked else _begins(lines, known)
    quoted = {at: _Quoted(line.text) for at, line in enumerate(lines) if (line.depth or not marked) and at >= start}
    _look_up([quoted[at] for at in sorted(quoted) if quoted[at].text.strip()], [text for text in known if text.strip()])
    return list(_blocks(lines, quoted, marked=marked))


def same_words(blocks: Iterable[Block]) -> int:
    """How much of the original was found in it."""
    whole = sum(len(line.split()) for block in blocks if block.kind == Kind.SAME for line in block.lines)
    return whole + sum(len(p.text.split()) for b in blocks for line in b.changes for p in line if p.what == "same")


def _begins(lines: Sequence[Line], known: Sequence[str]) -> int:
    """Where an answer whose quote is not marked begins to quote."""
    for at, line in enumerate(lines):
        if _HEADING.fullmatch(line.text):
            return at
    there = {_plain(text) for text in known if len(text.split()) > 2}
    for at, (line, after) in enumerate(pairwise(lines)):
        if _plain(line.text) in there and (len(line.text.split()) > 8 or _plain(after.text) in there):
            return at
    return len(lines)


def _plain(text: str) -> str:
    return " ".join(text.split())


def _words(text: str) -> list[tuple[bool, str]]:
    """(a blank before it, the word)."""
    return [(bool(blank), word) for blank, word in _WORD.findall(text)]


def _joined(words: Iterable[tuple[bool, str]]) -> str:
    return "".join(f"{' ' if blank else ''}{word}" for blank, word in words).strip()


def _look_up(quoted: Sequence[_Quoted], known: Sequence[str]) -> None:
    """Say of each line what it is, and where something is left out."""
    matcher = SequenceMatcher(None, [_plain(text) for text in known], [_plain(each.text) for each in quoted])
    left = MOST_IN_ALL
    for do, i1, i2, j1, j2 in matcher.get_opcodes():
        if do == "equal":
            for each in quoted[j1:j2]:
                each.kind = Kind.SAME
            continue
        size = sum(len(text.split()) for text in (*known[i1:i2], *(each.text for each in quoted[j1:j2])))
        if do == "replace" and size <= min(2 * MOST_WORDS, left):
            left -= size
            _by_words(quoted[j1:j2], known[i1:i2])
        elif do in ("replace", "delete") and quoted:
            place = quoted[j1].before if j1 < len(quoted) else quoted[-1].after
            place += known[i1:i2]
    there = {_plain(text) for text in known}
    for each in quoted:
        if each.kind == Kind.ADDED and _plain(each.text) in there:
            each.kind = Kind.SAME  # once more, or in another place


def _by_words(quoted: Sequence[_Quoted], known: Sequence[str]) -> None:
    before = [(True if at == 0 else blank, word) for text in known for at, (blank, word) in enumerate(_words(text))]
    now = [(each, at == 0 or blank, word) for each in quoted for at, (blank, word) in enumerate(_words(each.text))]
    same = [False] * len(now)
    gone: dict[int, list[tuple[bool, str]]] = {}
    matcher = SequenceMatcher(None, [word for _blank, word in before], [word for _each, _blank, word in now])
    for do, i1, i2, j1, j2 in matcher.get_opcodes():
        if do == "equal":
            same[j1:j2] = [True] * (j2 - j1)
        elif i2 > i1:
            gone[j1] = before[i1:i2]
    at = 0
    for each, group in groupby(now, key=lambda item: id(item[0])):
        count = len(list(group))
        line = now[at][0]
        assert id(line) == each
        _line(
            line,
            now[at : at + count],
            same[at : at + count],
            {n - at: gone[n] for n in range(at, at + count) if n in gone},
        )
        at += count
    if len(now) in gone and quoted:
        _at_end(quoted[-1], gone[len(now)])


def _line(
    line: _Quoted,
    now: Sequence[tuple[_Quoted, bool, str]],
    same: Sequence[bool],
    gone: dict[int, list[tuple[bool, str]]],
) -> None:
    if sum(same) < LIKE * len(now):
        line.before += [_joined(words) for words in gone.values()]
        return
    pieces: list[tuple[str, list[tuple[bool, str]]]] = []
    for at, (_each, blank, word) in enumerate(now):
        if at in gone and (len(gone[at]) >= LONG and at == 0):
            line.before.append(_joined(gone[at]))
        elif at in gone:
            pieces.append(("gone", gone[at]))
        what = "same" if same[at] else "new"
        if not pieces or pieces[-1][0] != what:
            pieces.append((what, []))
        pieces[-1][1].append((blank, word))
    line.pieces = [Piece(what, _joined(words)) for what, words in pieces]
    line.kind = Kind.SAME if all(piece.what == "same" for piece in line.pieces) else Kind.CHANGED


def _at_end(line: _Quoted, words: list[tuple[bool, str]]) -> None:
    if len(words) >= LONG or line.kind == Kind.ADDED:
        line.after.append(_joined(words))
        return
    line.pieces = [*(line.pieces or [Piece("same", line.text.strip())]), Piece("gone", _joined(words))]
    line.kind = Kind.CHANGED


def _blocks(lines: Sequence[Line], quoted: dict[int, _Quoted], *, marked: bool) -> Iterator[Block]:
    first, last = min(quoted, default=len(lines)), max(quoted, default=-1)
    found: list[tuple[Kind, int]] = []
    for at, line in enumerate(lines):
        each = quoted.get(at)
        if not line.text.strip() and found:
            kind = found[-1][0] if (each is not None) == (at - 1 in quoted) else Kind.SAME if each else Kind.WRITTEN
        elif each is None:
            kind = Kind.WRITTEN
        else:
            kind = each.kind if marked or each.kind != Kind.ADDED else Kind.WRITTEN
        found.append((kind, at))
    found = _with_intro(found, lines, first, quoted, marked=marked)
    for kind, places in _together(found, quoted):
        if not any(lines[at].text.strip() for at in places):
            continue
        left_out = [text for at in places if at in quoted for text in quoted[at].before]
        if left_out:
            yield Block(Kind.LEFT_OUT, tuple(left_out))
        changes = tuple(tuple(quoted[at].pieces) for at in places if kind == Kind.CHANGED and quoted[at].pieces)
        texts = "\n".join(lines[at].text for at in places).strip("\n").split("\n")
        yield Block(kind, tuple(texts), changes, inline=kind == Kind.WRITTEN and first < places[0] < last)
        left_out = [text for at in places if at in quoted for text in quoted[at].after]
        if left_out:
            yield Block(Kind.LEFT_OUT, tuple(left_out))


def _together(found: Iterable[tuple[Kind, int]], quoted: dict[int, _Quoted]) -> Iterator[tuple[Kind, list[int]]]:
    """Lines of one kind, but for places where something is left out."""
    kind, places = Kind.WRITTEN, list[int]()
    for each, at in found:
        ends = bool(places) and places[-1] in quoted and bool(quoted[places[-1]].after)
        if places and (each != kind or ends or (at in quoted and quoted[at].before)):
            yield kind, places
            places = []
        kind = each
        places.append(at)
    if places:
        yield kind, places


def _with_intro(
    found: list[tuple[Kind, int]], lines: Sequence[Line], first: int, quoted: dict[int, _Quoted], *, marked: bool
) -> list[tuple[Kind, int]]:
    """What introduces the quote is nothing that was written: "On Monday Ann wrote:", or a header in a few lines."""
    if marked:
        before = [at for _kind, at in found if at < first and lines[at].text.strip()][-2:]
        if not before or not lines[before[-1]].text.rstrip().endswith((":", "：")):
            return found
        if len(before) == 2 and (before[1] - before[0] > 1 or len(lines[before[0]].text) < 40):
            before = before[1:]
        intro = set(before)
    else:
        matched = [at for at, each in quoted.items() if each.kind in (Kind.SAME, Kind.CHANGED)]
        is_heading = first < len(lines) and _HEADING.fullmatch(lines[first].text) is not None
        intro = set(range(first, min(matched, default=first + 1))) if is_heading else set()
    return [(Kind.INTRO if at in intro else kind, at) for kind, at in found]
