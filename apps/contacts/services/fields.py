"""The words of a contact by field, as one text that any database looks through: `` n.anna n.adams o.glacier +photo ``.

Each word carries the letter of its field, so the beginning of a word of one field is found by "contains", and nothing
of another one. What is there at all stands with a plus. Any part of a telephone number can be asked for: its digits are
written as signs that stand nowhere else (``number``).
"""

from __future__ import annotations

from collections.abc import Iterator

from apps.contacts import folding
from apps.contacts.card import Card

MOST = 6000  # characters
_SIGNS = str.maketrans("0123456789", "!#$&()*,:;")
LETTERS = {
    "FN": "n",
    "N": "n",
    "NICKNAME": "n",
    "X-PHONETIC-FIRST-NAME": "n",
    "X-PHONETIC-LAST-NAME": "n",
    "ORG": "o",
    "TITLE": "t",
    "ROLE": "t",
    "EMAIL": "e",
    "ADR": "a",
    "CATEGORIES": "g",
    "X-FIELD": "x",
    "NOTE": "k",
}
THERE = {"PHOTO": "photo", "EMAIL": "email", "TEL": "phone", "ADR": "address", "BDAY": "birthday"}


def words(card: Card) -> str:
    return f" {' '.join(filter(None, dict.fromkeys(_words(card))))} "[:MOST]


def number(text: str) -> str:
    return folding.digits(text).translate(_SIGNS)


def _words(card: Card) -> Iterator[str]:
    for value in card.values:
        letter, there = LETTERS.get(value.name), THERE.get(value.name)
        if letter:
            text = f"{value.label} {value.text}" if value.name == "X-FIELD" else value.text
            yield from (f"{letter}.{word}" for word in folding.words(text))
        if there and value.text:
            yield f"+{there}"
        if value.name == "TEL":
            yield number(value.text)
        elif value.name == "BDAY" and value.text[-6:-5] == "-" and value.text[-5:-3].isdecimal():
            yield f"b.{value.text[-5:-3]}"
    for source in card.sources.values():
        yield from (f"s.{word}" for word in folding.words(source.text))
