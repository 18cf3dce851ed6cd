"""What a search by single fields asks for, as an address says it: ``f-name=anna&f-place=bishkek&f-join=any``."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time

from django.db.models import Q
from django.utils import dates, formats, timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext_lazy

from apps.contacts import folding
from apps.contacts.models import Fielded
from apps.contacts.services import fields
from portal.contracts import Text

MOST_TEXT = 100  # characters of one field
PREFIX = "f-"
JOIN = "f-join"
#: Fields of text: the letter of ``services.fields``, and what the form calls it.
TEXTS: dict[str, tuple[str, Text]] = {
    "name": ("n", gettext_lazy("Name")),
    "org": ("o", gettext_lazy("Organisation")),
    "title": ("t", gettext_lazy("Position")),
    "mail": ("e", gettext_lazy("Email")),
    "phone": ("", gettext_lazy("Phone")),
    "place": ("a", gettext_lazy("Place or country")),
    "tag": ("g", gettext_lazy("Tag")),
    "note": ("k", gettext_lazy("Note")),
    "field": ("x", gettext_lazy("A field of your own")),
    "source": ("s", gettext_lazy("Came from (file or message)")),
}
THERE: dict[str, Text] = {
    "photo": gettext_lazy("a photo"),
    "email": gettext_lazy("a mail address"),
    "phone": gettext_lazy("a phone number"),
    "address": gettext_lazy("an address"),
    "birthday": gettext_lazy("a birthday"),
}
OTHERS: dict[str, Text] = {
    "month": gettext_lazy("Birthday in"),
    "with": gettext_lazy("Has"),
    "without": gettext_lazy("Has no"),
    "since": gettext_lazy("Changed since"),
    "book": gettext_lazy("Address book"),
}
NAMES = (*TEXTS, *OTHERS)
COLUMNS = frozenset({"since", "book"})


@dataclass(frozen=True, slots=True)
class Criteria:
    """Empty where nothing is asked for."""

    items: tuple[tuple[str, str], ...] = ()  # (one of ``NAMES``, what it has to say)
    any: bool = False  # instead of all of them

    def __bool__(self) -> bool:
        return bool(self.items)

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> Criteria:
        """What cannot be asked for is left out."""
        given = ((name, " ".join(query.get(PREFIX + name, "").split())[:MOST_TEXT]) for name in NAMES)
        return cls(tuple((name, text) for name, text in given if _sound(name, text)), query.get(JOIN) == "any")

    def encoded(self) -> dict[str, str]:
        found = {PREFIX + name: text for name, text in self.items}
        return found | {JOIN: "any"} if found and self.any else found

    def get(self, name: str) -> str:
        return dict(self.items).get(name, "")

    def said(self, books: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """(field, what it has to say), for people. ``books``: their names by number."""
        for name, text in self.items:
            label = TEXTS[name][1] if name in TEXTS else OTHERS[name]
            words: Text = text
            if name in {"with", "without"}:
                words = THERE[text]
            elif name == "month":
                words = dates.MONTHS[int(text)]
            elif name == "since" and (day := parse_date(text)):
                words = formats.date_format(day, "DATE_FORMAT")
            elif name == "book":
                words = books.get(text, text)
            yield str(label), str(words)

    def wanted(self) -> Q:
        """Of contacts. Looks through what is stored, whoever may see it; once, however many fields are asked for."""
        columns = [_column(name, text) for name, text in self.items if name in COLUMNS]
        words = [_words(name, text) for name, text in self.items if name not in COLUMNS]
        if words:
            columns.append(Q(pk__in=Fielded.objects.filter(self._joined(words)).values("contact_id")))
        return self._joined(columns)

    def fits(self, words: str, *, changed: datetime, book: int) -> bool:
        """Whether somebody fits of whom one sees these words (``services.fields``)."""
        found = (_seen(name, text, words, changed, book) for name, text in self.items)
        return any(found) if self.any else all(found)

    def _joined(self, parts: list[Q]) -> Q:
        return functools.reduce(operator.or_ if self.any else operator.and_, parts)


def _sound(name: str, text: str) -> bool:
    if name in {"with", "without"}:
        return text in THERE
    if name == "month":
        return text.isascii() and text.isdecimal() and 1 <= int(text) <= 12
    if name == "book":
        return text.isascii() and text.isdecimal() and len(text) < 16
    if name == "since":
        return _day(text) is not None
    return bool(_needles(name, text))


def _day(text: str) -> date | None:
    try:
        return parse_date(text)
    except ValueError:
        return None


def _needles(name: str, text: str) -> list[str]:
    """Each has to stand in the words."""
    if name == "phone":
        digits = folding.digits(text).lstrip("0")  # what is dialled within the country stands before no other number
        return [fields.number(digits)] if len(digits) > 2 else []
    return [f" {TEXTS[name][0]}.{word}" for word in folding.words(text)[:8]]


def _flag(name: str, text: str) -> str:
    return f" b.{int(text):02} " if name == "month" else f" +{text} "


def _start(text: str) -> datetime:
    day = _day(text)
    assert day is not None
    return timezone.make_aware(datetime.combine(day, time.min))


def _column(name: str, text: str) -> Q:
    """Of ``Contact``."""
    return Q(book_id=int(text)) if name == "book" else Q(changed__gte=_start(text))


def _words(name: str, text: str) -> Q:
    """Of ``Fielded``."""
    if name in {"with", "month"}:
        return Q(words__contains=_flag(name, text))
    if name == "without":
        return ~Q(words__contains=_flag(name, text))
    return functools.reduce(operator.and_, (Q(words__contains=needle) for needle in _needles(name, text)))


def _seen(name: str, text: str, words: str, changed: datetime, book: int) -> bool:
    if name == "book":
        return book == int(text)
    if name == "since":
        return changed >= _start(text)
    if name in {"with", "month", "without"}:
        return (_flag(name, text) in words) == (name != "without")
    return all(needle in words for needle in _needles(name, text))
