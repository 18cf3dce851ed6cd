"""The whole text of a message, of all its parts in their order: what an answer quotes and what a draft goes on with."""

from __future__ import annotations

from collections.abc import Sequence

from apps.mail.mime import decode, flowed, render_html, to_text
from apps.mail.mime.parts import Part
from apps.mail.mime.reply import text_as_html
from apps.mail.mime.tidy import tidy

Content = tuple[Part, bytes]  # a part and its octets as transferred


def plain(contents: Sequence[Content]) -> str:
    """The parts as the compose form holds text, an empty line between them."""
    return "\n\n".join(part_text(part, octets) for part, octets in contents)


def html(contents: Sequence[Content]) -> str:
    """The parts as one piece of HTML; "" where none of them is HTML. One part alone stays as it is; several are cleaned
    as for sending first, so that no style or open element of one reaches the next."""
    if not any(part.type == "text/html" for part, _octets in contents):
        return ""
    if len(contents) == 1:
        return decode.text(*contents[0]).removesuffix("\n")
    return "".join(f'<div dir="auto">{_part_html(part, octets)}</div>' for part, octets in contents)


def is_cut(contents: Sequence[Content], most: int) -> bool:
    """Whether it is more than ``most`` octets, or than is read of a piece of HTML."""
    sizes = []
    for part, octets in contents:
        text = decode.text(part, octets)
        sizes.append(len(text.encode("utf-8", "replace")))
        if part.type == "text/html" and (len(text) > to_text.MAX_HTML or tidy(text).cut):
            return True
    return sum(sizes) > most


def _part_html(part: Part, octets: bytes) -> str:
    if part.type == "text/html":
        return render_html.clean_outgoing(decode.text(part, octets))
    return text_as_html(part_text(part, octets))


def part_text(part: Part, octets: bytes) -> str:
    """A text part as the compose form holds text: paragraphs on one line, LF, no line end at the end."""
    if part.type == "text/html":
        return to_text.text(decode.text(part, octets))
    text = decode.text(part, octets).removesuffix("\n")
    if part.params.get("format", "").lower() == "flowed":
        text = flowed.joined(text, delsp=part.params.get("delsp", "").lower() == "yes")
    return text
