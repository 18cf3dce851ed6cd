"""What of a card somebody sees, where it is shared with them in part. Knows no database.

A ``Lens`` is all of a card or a choice of its fields. Through none of them is seen what its owner has marked private,
and the name through all of them. Whatever is not named here stands under ``REST``: hidden, until somebody chooses it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from django.utils.translation import gettext_lazy, pgettext_lazy

from apps.contacts.card import Card, Source, Value
from apps.contacts.folding import digits
from portal.contracts import Text

PRIVATE = "X-PRIVATE"  # a parameter of the value: it goes along where its owner's card does, and comes back
NAMES = frozenset({"FN", "N"})
REST = "REST"
PLACED = frozenset({"EMAIL", "TEL", "ADR"})  # each place of them by itself
#: A field with others that belong to it.
WITH = {
    "TITLE": "ORG",
    "ROLE": "ORG",
    "ANNIVERSARY": "BDAY",
    "FBURL": "URL",
    "TZ": "LANG",
    "X-PHONETIC-FIRST-NAME": "NICKNAME",
    "X-PHONETIC-LAST-NAME": "NICKNAME",
}
FIELDS: dict[str, Text] = {
    "EMAIL:work": gettext_lazy("Email at work"),
    "EMAIL:home": gettext_lazy("Private email"),
    "EMAIL:other": gettext_lazy("Other email"),
    "TEL:work": gettext_lazy("Phone at work"),
    "TEL:cell": gettext_lazy("Mobile phone"),
    "TEL:home": gettext_lazy("Private phone"),
    "TEL:other": gettext_lazy("Other phone"),
    "ADR:work": gettext_lazy("Address at work"),
    "ADR:home": gettext_lazy("Private address"),
    "ADR:other": gettext_lazy("Other address"),
    "ORG": gettext_lazy("Organisation, position, role"),
    "PHOTO": gettext_lazy("Photo"),
    "NICKNAME": gettext_lazy("Nickname, pronunciation"),
    "URL": gettext_lazy("Web"),
    "IMPP": gettext_lazy("Messaging"),
    "BDAY": gettext_lazy("Birthday, anniversary"),
    "RELATED": gettext_lazy("Related person"),
    "LANG": gettext_lazy("Language, time zone"),
    "CATEGORIES": gettext_lazy("Tags"),
    "NOTE": gettext_lazy("Note"),
    "KEY": gettext_lazy("Key"),
    "X-FIELD": gettext_lazy("Fields of your own"),
    REST: pgettext_lazy("fields of a contact", "Everything else"),
}


def private(value: Value) -> bool:
    return PRIVATE in value.params


def marked(value: Value, on: bool) -> Value:
    """The value, private or not."""
    if on == private(value):
        return value
    rest = {key: texts for key, texts in value.params.items() if key != PRIVATE}
    return replace(value, params=rest | ({PRIVATE: ("yes",)} if on else {}))


def field_of(value: Value) -> str:
    """One of ``FIELDS``. What is private and at work is private."""
    if value.name in PLACED:
        kinds = ("home", "work", "cell") if value.name == "TEL" else ("home", "work")
        return f"{value.name}:{next((kind for kind in kinds if kind in value.types), 'other')}"
    name = WITH.get(value.name, value.name)
    return name if name in FIELDS else REST


@dataclass(frozen=True, slots=True)
class Lens:
    everything: bool = False
    fields: frozenset[str] = frozenset()
    mine: bool = False  # the owner's: what is private too

    def shows(self, value: Value) -> bool:
        if self.mine:
            return True
        if private(value):
            return False
        return self.everything or value.name in NAMES or field_of(value) in self.fields

    def __or__(self, other: Lens) -> Lens:
        return Lens(self.everything or other.everything, self.fields | other.fields, self.mine or other.mine)

    @property
    def whole(self) -> bool:
        """Whether all is seen of what nobody has marked private."""
        return self.everything or self.mine


NOTHING, EVERYTHING, MINE = Lens(), Lens(everything=True), Lens(everything=True, mine=True)


def seen(card: Card, lens: Lens) -> Card:
    """The card through the lens. Ids stay; where a value comes from is told without its file or message."""
    if lens.mine:
        return card
    hidden = [value for value in card.values if not lens.shows(value)]
    values = [_called(value, hidden) for value in card.values if lens.shows(value)]
    used = {value.source for value in values}
    sources = {key: discreet(source) for key, source in card.sources.items() if key in used}
    return Card(values, sources, card.next)


def discreet(source: Source) -> Source:
    """The name of a file and the subject of a message are their owner's business."""
    return source if source.kind == "typed" else replace(source, text="")


NAMELESS = "–"


def _called(value: Value, hidden: list[Value]) -> Value:
    """Who has no name is called by an address or a number: not before people who may not see that."""
    if value.name not in NAMES or not looks_like_another(value.text):
        return value
    text = value.text.strip().casefold()
    for other in hidden:
        same = other.text.strip().casefold() == text or (digits(text) and digits(other.text) == digits(text))
        if same and other.name not in NAMES:
            return replace(value, value=NAMELESS if value.name == "FN" else ("", NAMELESS, "", "", ""), raw="")
    return value


def looks_like_another(name: str) -> bool:
    """Whether a name may be an address or a number that stands in for one."""
    return "@" in name or not any(sign.isalpha() for sign in name)


class NotYours(Exception):
    """A value that this person may not write."""


def brought_back(whole: Card, wanted: Iterable[Value], *, sees: Lens, edits: Lens) -> list[Value]:
    """What somebody has made of the part they may edit, with all that they have not seen. What they see and may not
    edit may come along as it is. Raises ``NotYours``."""
    known = seen(whole, sees)
    new = {value.id: value for value in wanted if value.id}
    added = [value for value in wanted if not value.id]
    for value in (*new.values(), *added):
        old = whole.find(value.id) if value.id else None
        told = known.find(value.id) if value.id else None
        if not edits.shows(value) and not (old is not None and told is not None and told.same(value)):
            raise NotYours
        if private(value) and not edits.mine:
            raise NotYours
    again = [
        value for value in new.values() if whole.find(value.id) is None
    ]  # somebody else has removed them meanwhile
    return [*_kept(whole, new, edits), *again, *added]


def _kept(whole: Card, new: dict[int, Value], edits: Lens) -> Iterator[Value]:
    shown = {value.id: value for value in seen(whole, edits).values}
    for value in whole.values:
        if value.id not in shown:
            yield value
        elif value.id in new:
            # a name that stands in for a hidden one is no change of it
            yield value if shown[value.id].same(new[value.id]) else new[value.id]


def known_private(cards: Iterable[Card]) -> frozenset[int]:
    """Ids of values that are or were private: their history is it too."""
    return frozenset(value.id for card in cards for value in card.values if private(value))


def chooser(lens: Lens, but: frozenset[int] = frozenset()) -> Callable[[Value | None], bool]:
    """Whether a value, or none, may be told of."""
    return lambda value: value is None or (lens.shows(value) and (lens.mine or value.id not in but))
