"""format=flowed (RFC 3676): paragraphs on one side, lines of at most 78 characters on the other."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

WIDTH = 76
MAX_QUOTE = 30  # levels that are told apart

_QUOTES = re.compile(r">+")
_OTHER_BLANK = re.compile("[\t\x0b\x0c\r]")  # textwrap breaks there as well, and leaves them out
_LOOSE = re.compile(r"(?:> ?)+")


@dataclass(frozen=True, slots=True)
class Line:
    """A paragraph or a fixed line, and how many levels deep it is quoted."""

    depth: int
    text: str


def decode(text: str, *, delsp: bool = False) -> Iterator[Line]:
    """Paragraphs put together again (section 4.2 to 4.5)."""
    pending: tuple[int, list[str]] | None = None
    for raw in text.split("\n"):
        match = _QUOTES.match(raw)
        depth = min(len(match[0]), MAX_QUOTE) if match else 0
        line = raw[match.end() :] if match else raw
        line = line.removeprefix(" ")  # space-stuffing
        if pending is not None and (depth != pending[0] or line == "-- "):
            yield Line(pending[0], "".join(pending[1]))
            pending = None
        pieces = pending[1] if pending is not None else []
        if line.endswith(" ") and line != "-- ":
            pieces.append(line[:-1] if delsp else line)
            pending = (depth, pieces)
        else:
            yield Line(depth, "".join([*pieces, line]))
            pending = None
    if pending is not None:
        yield Line(pending[0], "".join(pending[1]))


def fixed(text: str) -> Iterator[Line]:
    """Ordinary plain text: every line stands for itself; quote marks may have blanks between them."""
    for raw in text.split("\n"):
        match = _LOOSE.match(raw)
        if match is None:
            yield Line(0, raw)
        else:
            yield Line(min(match[0].count(">"), MAX_QUOTE), raw[match.end() :])


def joined(text: str, *, delsp: bool = False) -> str:
    """Flowed text as the compose form holds it: one line for a paragraph, quotes with "> " in front."""
    return "\n".join(
        f"{'>' * line.depth} {line.text}".rstrip(" ") if line.depth else line.text for line in decode(text, delsp=delsp)
    )


def encode(text: str) -> str:
    """Paragraphs to flowed lines (LF line ends). Blanks at the end of what a person wrote would mean a soft break and
    are taken off; "-- " stays."""
    return "\n".join(piece for raw in text.split("\n") for piece in _flow(raw))


def _flow(raw: str) -> Iterator[str]:
    match = _QUOTES.match(raw)
    depth = len(match[0]) if match else 0
    content = raw[depth:].removeprefix(" ") if depth else raw
    content = content if content == "-- " else content.rstrip(" ")
    pieces = [content] if len(content) <= WIDTH else _broken(content, max(WIDTH - depth, 20))
    for number, piece in enumerate(pieces):
        soft = " " if number < len(pieces) - 1 else ""
        stuffed = depth or piece.startswith((" ", ">", "From "))
        yield f"{'>' * depth}{' ' if stuffed and (piece or not depth) else ''}{piece}{soft}"


def _broken(content: str, width: int) -> list[str]:
    """At single blanks only, so that nothing changes when the lines are joined again."""
    return (
        textwrap.wrap(
            content,
            width,
            break_long_words=False,
            break_on_hyphens=False,
            expand_tabs=False,
            replace_whitespace=False,
            drop_whitespace=True,
        )
        if "  " not in content and not _OTHER_BLANK.search(content) and not content.startswith(" ")
        else [content]
    )
