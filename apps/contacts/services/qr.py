"""A card as a QR code (ISO/IEC 18004): so much of it as a telephone's camera still reads from a screen."""

from __future__ import annotations

from dataclasses import dataclass, replace

import segno

from apps.contacts.card import Card, Value
from apps.contacts.vcard.writing import written

NAMES = ("FN", "N", "ORG", "TEL", "EMAIL", "URL")  # what goes in, most important first
MOST_OCTETS = 660  # of the text: that fits version 20 (97 modules) with error correction M


@dataclass(frozen=True, slots=True)
class Code:
    text: str  # a vCard 3.0, which every telephone knows
    values: tuple[Value, ...]  # what stands in it
    left_out: int  # values that did not fit

    @property
    def svg(self) -> str:
        """Without a size of its own and without style attributes."""
        return self._code().svg_inline(border=4, omitsize=True)

    @property
    def file(self) -> bytes:
        """An SVG file that programs show at a usable size."""
        return (
            self._code()
            .svg_inline(border=4, scale=6, light="#fff")
            .encode()
            .replace(b"<svg ", b'<svg xmlns="http://www.w3.org/2000/svg" ', 1)
        )

    def _code(self) -> segno.QRCode:
        return segno.make(self.text, error="m", micro=False, encoding="utf-8", boost_error=False)


def of(card: Card) -> Code:
    """The preferred values first; one that is too long is left out, and those after it still come in."""
    chosen: list[Value] = []
    left_out = 0
    for value in (value for name in NAMES for value in card.all(name) if value.text.strip()):
        plain = replace(value, params={}, group="", label="", raw="")
        if len(_text([*chosen, plain]).encode()) <= MOST_OCTETS:
            chosen.append(plain)
        else:
            left_out += 1
    return Code(_text(chosen), tuple(chosen), left_out)


def _text(values: list[Value]) -> str:
    return written(Card(values), uid="", version="3.0")
