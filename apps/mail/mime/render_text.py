"""Plain text as safe HTML: quotes folded, links found, the signature dimmed. Escaped first, piece by piece."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from itertools import groupby, islice

from apps.mail.mime import flowed as flow
from apps.mail.mime import links
from apps.mail.mime.flowed import Line

MAX_LINES = 50_000
FOLD_FROM = 4  # lines; shorter quotes stay open, they are what is answered

_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def render(text: str, *, flowed: bool = False, delsp: bool = False, more: str = "…") -> str:
    """Each line ends in a newline: the style sheet shows it with ``white-space: pre-wrap``.

    Quotes are nested ``<blockquote>``; a long one stands in ``<details class="q">`` whose summary is ``more``. What
    follows "-- " is ``<div class="sig">``.
    """
    clean = _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    lines = flow.decode(clean, delsp=delsp) if flowed else flow.fixed(clean)
    body, signature = _signature(list(islice(lines, MAX_LINES)))
    out = "".join(_blocks(body, html.escape(more)))
    if signature:
        out += f'<div class="sig">{"".join(_blocks(signature, html.escape(more)))}</div>'
    return out


def _signature(lines: list[Line]) -> tuple[list[Line], list[Line]]:
    """The last "-- " that no quote follows divides."""
    for index in range(len(lines) - 1, -1, -1):
        if lines[index].depth:
            break
        if lines[index].text in ("-- ", "--"):
            return lines[:index], lines[index:]
    return lines, []


def _blocks(lines: Iterable[Line], more: str) -> Iterator[str]:
    for quoted, group in groupby(lines, key=lambda line: line.depth > 0):
        block = list(group)
        if not quoted:
            yield "".join(f"{links.linkify(line.text)}\n" for line in block)
        elif len(block) >= FOLD_FROM:
            yield f'<details class="q"><summary>{more}</summary>{"".join(_quotes(block))}</details>'
        else:
            yield from _quotes(block)


def _quotes(lines: Iterable[Line]) -> Iterator[str]:
    depth = 0
    for line in lines:
        if line.depth > depth:
            yield "<blockquote>" * (line.depth - depth)
        elif line.depth < depth:
            yield "</blockquote>" * (depth - line.depth)
        depth = line.depth
        yield f"{links.linkify(line.text)}\n"
    yield "</blockquote>" * depth
