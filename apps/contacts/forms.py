"""The form of a contact: rows of values, which come and go without a script as well. Its fields are called ``r3-name``,
``r3-id``, ``r3-type``, ``r3-label`` and ``r3-0``, ``r3-1`` ... for the parts of the third row."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from apps.contacts.card import Card, Value
from apps.contacts.lenses import MINE, NAMES, Lens, marked, private
from apps.contacts.properties import BY_NAME, CUSTOM, PROPERTIES, TYPES, Property
from portal.contracts import Text

MOST_ROWS = 200
_DATE = re.compile(r"(?:\d{4}|--)-?(?:\d{2}(?:-?\d{2})?)?|---\d{2}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
MOST_LABEL = 60
_ORDER = {"N": (1, 0, 2, 3, 4), "ADR": (2, 1, 0, 5, 3, 4, 6)}


@dataclass(slots=True)
class Row:
    number: int
    prop: Property
    parts: list[str]
    id: int = 0
    type: str = ""
    label: str = ""
    error: str = ""
    theirs: str = ""  # what somebody else has made of it meanwhile
    private: bool = False
    lens: Lens = MINE

    @property
    def cells(self) -> list[tuple[int, Text, str]]:
        """(number, label, text) of each part, in the order in which people write them."""
        labels = self.prop.parts or (self.prop.label,)
        order = _ORDER.get(self.prop.name, range(len(labels)))
        return [(at, labels[at], self.parts[at] if at < len(self.parts) else "") for at in order]

    @property
    def types(self) -> list[tuple[str, Text, bool]]:
        return [
            (name, TYPES[name], name == self.type)
            for name in self.prop.types
            if name == self.type or self.lens.shows(Value(self.prop.name, "", (name,)))
        ]

    @property
    def untyped(self) -> bool:
        """Whether it may be without a kind."""
        return self.lens.shows(Value(self.prop.name, ""))

    @property
    def private_choice(self) -> bool:
        """Whether it can be kept from everybody else: by its owner, who is called something in any case."""
        return self.lens.mine and self.prop.name not in NAMES

    @property
    def empty(self) -> bool:
        return not any(part.strip() for part in self.parts)

    @property
    def custom(self) -> bool:
        return self.prop.name == CUSTOM

    @property
    def removable(self) -> bool:
        return not self.prop.asked or not (self.prop.once or self.empty)


@dataclass(slots=True)
class Form:
    rows: list[Row] = field(default_factory=list)
    version: int = 0
    lens: Lens = MINE  # what of a card it shows

    @property
    def sections(self) -> list[tuple[Property, list[Row]]]:
        """Rows by property, in its order; properties that are not shown can be added."""
        shown = [(prop, [row for row in self.rows if row.prop is prop]) for prop in PROPERTIES]
        return [(prop, rows) for prop, rows in shown if rows]

    @property
    def addable(self) -> list[Property]:
        there = {row.prop.name for row in self.rows}
        shown = [prop for prop in PROPERTIES if _shown(prop, self.lens)]
        return [prop for prop in shown if not (prop.once and prop.name in there)]

    @property
    def errors(self) -> bool:
        return any(row.error for row in self.rows)

    def add(self, name: str) -> None:
        if (prop := BY_NAME.get(name)) and any(prop is each for each in self.addable):
            number = max((row.number for row in self.rows), default=-1) + 1
            self.rows.append(_new_row(number, prop, self.lens))

    def remove(self, number: str) -> None:
        self.rows = [row for row in self.rows if str(row.number) != number]

    def values(self, base: Card) -> list[Value]:
        """What it says, with all of ``base`` that stands in no form."""
        rows = {row.id: row for row in self.rows if row.id}
        kept = []
        for value in base.values:
            if value.name not in BY_NAME:
                kept.append(value)
            elif value.id in rows and not rows[value.id].empty:
                kept.append(_changed(value, rows[value.id]))
        new = [_changed(Value(row.prop.name, ""), row) for row in self.rows if not base.find(row.id) and not row.empty]
        return _named([*kept, *new], base)


def _shown(prop: Property, lens: Lens) -> bool:
    return any(lens.shows(Value(prop.name, "", types)) for types in ((), *((name,) for name in prop.types)))


def _new_row(number: int, prop: Property, lens: Lens) -> Row:
    row = Row(number, prop, [""], lens=lens)
    if not row.untyped and row.types:
        row.type = row.types[0][0]
    return row


def _changed(value: Value, row: Row) -> Value:
    """The value as its row says; whatever the row does not show stays."""
    if row.private_choice:
        value = marked(value, row.private)
    if value.id and row.parts == _parts(value, row.prop) and (row.type, row.label) == _kind(value, row.prop):
        return value
    shown = [part.strip() for part in row.parts]
    old = () if isinstance(value.value, str) else value.value
    parts = (*shown, *old[len(shown) :])
    types = [name for name in value.types if name not in row.prop.types]
    text: str | tuple[str, ...] = parts if row.prop.kind == "parts" else row.parts[0].strip()
    if row.prop.name == "ORG":
        text = tuple(part for at, part in enumerate(parts) if part or any(parts[at:]))
    return replace(
        value,
        name=row.prop.name,
        value=text,
        types=(row.type, *types) if row.type else tuple(types),
        label=row.label,
        raw="",
    )


def _named(values: list[Value], base: Card) -> list[Value]:
    """FN follows the name, unless somebody has written one of their own."""
    card = Card(values)
    made, before = card.first("N"), base.first("N")
    composed = _composed(made) if made else ""
    shown = card.first("FN")
    followed = shown is None or (
        before is not None and shown.text == _composed(before) and shown.text == base.text("FN")
    )
    if not composed or not followed:
        return values
    if shown is None:
        return [Value("FN", composed), *values]
    return [
        replace(value, value=composed, raw="") if value is shown and composed != shown.text else value
        for value in values
    ]


def _composed(value: Value) -> str:
    return " ".join(value.text.split())


def of_card(card: Card, *, version: int = 0, lens: Lens = MINE) -> Form:
    """``lens``: what of it may be edited; the card holds no more."""
    form = Form(version=version, lens=lens)
    for prop in PROPERTIES:
        for value in (value for value in card.values if value.name == prop.name):
            kind, label = _kind(value, prop)
            row = Row(len(form.rows), prop, _parts(value, prop), value.id, kind, label, lens=lens)
            row.private = private(value)
            form.rows.append(row)
        if prop.asked and _shown(prop, lens) and not any(row.prop is prop for row in form.rows):
            form.rows.append(_new_row(len(form.rows), prop, lens))
    return form


def _parts(value: Value, prop: Property) -> list[str]:
    return list(value.parts(len(prop.parts))) if prop.kind == "parts" else [value.text]


def _kind(value: Value, prop: Property) -> tuple[str, str]:
    return next((name for name in prop.types if name in value.types), ""), value.label


def of_post(data: Mapping[str, str], lens: Lens = MINE) -> Form:
    version = data.get("version", "")
    form = Form(version=int(version[:9]) if version.isascii() and version.isdecimal() else 0, lens=lens)
    numbers = sorted({int(m[1]) for key in data if (m := re.fullmatch(r"r([0-9]{1,4})-name", key))})
    for number in numbers[:MOST_ROWS]:
        prop = BY_NAME.get(data[f"r{number}-name"])
        if prop is None:
            continue
        count = len(prop.parts) or 1
        parts = [data.get(f"r{number}-{at}", "").replace("\r\n", "\n") for at in range(count)]
        id, kind = data.get(f"r{number}-id", ""), data.get(f"r{number}-type", "")
        form.rows.append(
            Row(
                number,
                prop,
                parts,
                int(id[:9]) if id.isascii() and id.isdecimal() else 0,
                kind if kind in prop.types else "",
                " ".join(data.get(f"r{number}-label", "").split())[:MOST_LABEL],
                private=bool(data.get(f"r{number}-private")),
                lens=lens,
            )
        )
    for row in form.rows:
        row.error = next(_wrong(row), "")
    return form


def _wrong(row: Row) -> Iterator[str]:
    text = row.parts[0].strip()
    if any(_CONTROL.search(part) for part in row.parts):
        yield _("This text has characters that cannot be stored.")
    if any(len(part) > row.prop.most for part in row.parts):
        yield _("Write at most %(length)d characters.") % {"length": row.prop.most}
    if row.prop.kind != "lines" and any("\n" in part for part in row.parts):
        yield _("Write this in one line.")
    if row.empty:
        return
    if row.prop.kind == "email" and not good_email(text):
        yield _("“%(text)s” is no mail address.") % {"text": text}
    if row.prop.kind == "date" and not _DATE.fullmatch(text):
        yield _("Write a date as 1985-04-12, or --04-12 without the year.")
    if row.custom and not row.label:
        yield _("Write what your field is called.")


def good_email(text: str) -> bool:
    if any(sign.isspace() or sign in ",;<>" for sign in text) or len(text) > 320:
        return False
    local, _at, domain = text.rpartition("@")
    try:
        validate_email(f"{''.join(c if c.isascii() else 'x' for c in local)}@{domain}")
    except ValidationError:
        return local != "" and domain in {"localhost"}
    return True


def brought_together(form: Form, base: Card, now: Card) -> tuple[list[Value], list[tuple[int, str, str]]]:
    """What I have changed of ``base``, upon what it is now; where both have changed the same: (id, mine, theirs)."""
    mine = {value.id: value for value in form.values(base) if value.id}
    result, both = [], []
    for value in now.values:
        old, own = base.find(value.id), mine.get(value.id)
        if old is None or (own is not None and own.same(old)):
            result.append(value)  # theirs alone
        elif own is None:
            if not value.same(old):
                both.append((value.id, "", value.text))
                result.append(value)
        else:
            result.append(own)
            if not value.same(old) and not value.same(own):
                both.append((value.id, own.text, value.text))
    gone = [value for value in base.values if now.find(value.id) is None]
    for value in gone:
        own = mine.get(value.id)
        if own is not None and not own.same(value):
            result.append(own)
            both.append((value.id, own.text, ""))
    return [*result, *(value for value in form.values(base) if not value.id)], both
