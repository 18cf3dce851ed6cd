"""What is known of a person: repeated, labelled values (RFC 6350), each of which knows where it comes from.

Knows no Django and no database. A card is kept as JSON: ``{"next": 3, "sources": {"1": {...}}, "values": [{...}]}``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

Text: TypeAlias = str | tuple[str, ...]  # several parts where the property is structured: N, ADR, ORG

#: How many parts a structured value has; ORG has any number.
PARTS = {"N": 5, "ADR": 7, "GENDER": 2}
STRUCTURED = frozenset({*PARTS, "ORG"})
FAMILY, GIVEN, ADDITIONAL, PREFIX, SUFFIX = range(5)
BOX, EXTENDED, STREET, CITY, REGION, CODE, COUNTRY = range(7)


@dataclass(frozen=True, slots=True)
class Source:
    """Who has set a value, when and from where."""

    kind: str  # "typed", "import", "message", "merge", "directory", "synced", "dav"
    at: str  # ISO 8601, UTC
    by: int | None = None  # a person of the portal
    by_name: str = ""  # as they were called then
    text: str = ""  # the name of the file, the directory, the server or the program; the message's subject


@dataclass(frozen=True, slots=True)
class Value:
    name: str  # of the property, in capital letters
    value: Text
    types: tuple[str, ...] = ()  # "work", "cell": in small letters, without "pref"
    label: str = ""  # one's own word for it
    params: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # others, unharmed
    group: str = ""  # of the line: "item1"
    raw: str = ""  # as it was imported, where writing ``value`` again would not give that
    id: int = 0  # within the card; 0: not kept yet
    source: int = 0  # key of ``Card.sources``

    @property
    def text(self) -> str:
        """In one line, for people."""
        if isinstance(self.value, str):
            return self.value
        if self.name == "N":
            family, given, additional, prefix, suffix = self.parts(5)
            return " ".join(part for part in (prefix, given, additional, family, suffix) if part)
        if self.name == "ADR":
            box, extended, street, city, region, code, country = self.parts(7)
            place = " ".join(part for part in (code, city) if part)
            return ", ".join(part for part in (street, extended, box, place, region, country) if part)
        return " · ".join(part for part in self.value if part)

    def parts(self, count: int) -> tuple[str, ...]:
        given = (self.value,) if isinstance(self.value, str) else self.value
        return (*given[:count], *("" for _ in range(count - len(given))))

    @property
    def preferred(self) -> bool:
        return "PREF" in self.params

    def kept(self, id: int, source: int) -> Value:
        """The same with these: what ``replace`` does, in a tenth of the time, for each value of an import."""
        return Value(
            self.name, self.value, self.types, self.label, self.params, self.group, self.raw, id=id, source=source
        )

    def same(self, other: Value) -> bool:
        """Whether both say the same, whoever said it."""
        return replace(self, id=0, source=0) == replace(other, id=0, source=0)


@dataclass(slots=True)
class Card:
    values: list[Value] = field(default_factory=list)
    sources: dict[int, Source] = field(default_factory=dict)
    next: int = 1  # the id of the next new value: none is given twice

    def all(self, name: str) -> list[Value]:
        """Preferred ones first."""
        found = [value for value in self.values if value.name == name]
        return found if len(found) < 2 else sorted(found, key=lambda value: not value.preferred)

    def first(self, name: str) -> Value | None:
        return next(iter(self.all(name)), None)

    def text(self, name: str) -> str:
        found = self.first(name)
        return found.text if found else ""

    def find(self, id: int) -> Value | None:
        return next((value for value in self.values if value.id == id), None)

    @property
    def name(self) -> str:
        """FN; where there is none, the first thing that can stand for it."""
        for name in ("FN", "N", "NICKNAME", "ORG", "EMAIL", "TEL"):
            if text := self.text(name).strip():
                return text
        return ""

    def revised(self, wanted: Iterable[Value], source: Source) -> Card:
        """The card with these values. Those that say what they said keep their source, all others get ``source``."""
        fresh = max(self.sources, default=0) + 1
        known = {value.id: value for value in self.values}
        number, values = self.next, []
        for value in wanted:
            before = known.get(value.id)
            if before is not None and before.same(value):
                values.append(before)
                continue
            if before is None:
                value, number = value.kept(number, fresh), number + 1
            else:
                value = replace(value, source=fresh)
            values.append(value)
        return Card(values, _used({**self.sources, fresh: source}, values), number)

    def to_json(self) -> dict[str, Any]:
        sources = {str(key): _source_json(source) for key, source in self.sources.items()}
        return {"next": self.next, "sources": sources, "values": [_value_json(value) for value in self.values]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Card:
        if not data:
            return cls()
        sources = {int(key): Source(**source) for key, source in data["sources"].items()}
        return cls([_value(each) for each in data["values"]], sources, data["next"])


def _used(sources: Mapping[int, Source], values: Sequence[Value]) -> dict[int, Source]:
    used = {value.source for value in values}
    return {key: source for key, source in sources.items() if key in used}


def _source_json(source: Source) -> dict[str, Any]:
    found = {"kind": source.kind, "at": source.at, "by": source.by, "by_name": source.by_name, "text": source.text}
    return {key: value for key, value in found.items() if value not in (None, "")}


def _value_json(value: Value) -> dict[str, Any]:
    found: dict[str, Any] = {"id": value.id, "name": value.name, "value": _plain(value.value), "source": value.source}
    if value.types:
        found["types"] = list(value.types)
    if value.params:
        found["params"] = {key: list(texts) for key, texts in value.params.items()}
    return found | {key: text for key in ("label", "group", "raw") if (text := getattr(value, key))}


def _plain(text: Text) -> str | list[str]:
    return text if isinstance(text, str) else list(text)


def _value(data: Mapping[str, Any]) -> Value:
    text = data["value"]
    return Value(
        name=data["name"],
        value=text if isinstance(text, str) else tuple(text),
        types=tuple(data.get("types", ())),
        label=data.get("label", ""),
        params={key: tuple(texts) for key, texts in data.get("params", {}).items()},
        group=data.get("group", ""),
        raw=data.get("raw", ""),
        id=data["id"],
        source=data["source"],
    )


@dataclass(frozen=True, slots=True)
class Difference:
    """A value that came (``before`` is None), went (``after`` is None) or changed."""

    before: Value | None
    after: Value | None

    @property
    def one(self) -> Value:
        found = self.after or self.before
        assert found is not None
        return found


def differences(before: Card, after: Card) -> list[Difference]:
    """In the order of ``after``; what is gone comes last."""
    old = {value.id: value for value in before.values}
    new = {value.id for value in after.values}
    found = [Difference(old.get(value.id), value) for value in after.values]
    found += [Difference(value, None) for value in before.values if value.id not in new]
    return [each for each in found if not (each.before and each.after and each.before.same(each.after))]


def put_back(now: Card, before: Card, after: Card) -> Card:
    """``now`` without what led from ``before`` to ``after``. Where nothing has changed since, that is ``before``
    itself, to the byte."""
    if now.to_json() == after.to_json():
        return Card([*before.values], dict(before.sources), before.next)
    values, moved = [*now.values], dict(now.sources)
    for change in differences(before, after):
        at = next((index for index, value in enumerate(values) if value.id == change.one.id), None)
        if change.before is None:
            if at is not None:
                del values[at]
            continue
        old = change.before
        key = kept_source(moved, before.sources[old.source])
        if at is None:
            values.insert(min(before.values.index(old), len(values)), replace(old, source=key))
        else:
            values[at] = replace(old, source=key)
    return Card(values, _used(moved, values), max(now.next, before.next))


def kept_source(sources: dict[int, Source], source: Source) -> int:
    """The key of this source among ``sources``, to which it is added where it is not there."""
    for key, known in sources.items():
        if known == source:
            return key
    key = max(sources, default=0) + 1
    sources[key] = source
    return key


def emails(card: Card) -> Iterator[str]:
    return (value.text for value in card.all("EMAIL") if value.text)
