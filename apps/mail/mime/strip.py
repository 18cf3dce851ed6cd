"""A stored message with a note in the place of some of its parts. Everything else stays octet for octet."""

from __future__ import annotations

import quopri
from collections.abc import Mapping

from apps.mail.mime import parse
from apps.mail.mime.parts import Part


class CannotStrip(ValueError):
    """The message is not built as it was taken to be."""


def replaced(raw: bytes, notes: Mapping[str, tuple[str, str]]) -> bytes:
    """``notes``: by section number, (media type of the part that is to go, text in its place). Raises ``CannotStrip``
    where there is no such part: nothing is guessed."""
    message = parse.parse(raw)
    cuts = []
    for number, (type_, text) in notes.items():
        part: Part | None = message.structure.find(number)
        start, _body, end = message.spans.get(number, (0, 0, 0))
        if part is None or part.type != type_ or not message.structure.is_multipart or not start < end:
            raise CannotStrip(number)
        cuts.append((start, end, _note(text)))
    pieces, position = [], 0
    for start, end, note in sorted(cuts):
        if start < position:
            raise CannotStrip("one within the other")
        pieces += [raw[position:start], note]
        position = end
    return b"".join([*pieces, raw[position:]])


def _note(text: str) -> bytes:
    content = quopri.encodestring(text.encode("utf-8", "replace"), quotetabs=False).replace(b"\n", b"\r\n")
    return (
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: inline\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + content
    )
