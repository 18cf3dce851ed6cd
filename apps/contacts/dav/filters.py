"""Which cards an addressbook-query asks for (RFC 6352 section 10.5). Knows no Django."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from apps.contacts.card import Card, Value
from apps.contacts.dav.xml import CARD

#: RFC 4790 section 9, RFC 5051. Unicode casemap is what counts where a client names none.
COLLATIONS: dict[str, Callable[[str], str]] = {
    "i;unicode-casemap": lambda text: unicodedata.normalize("NFKD", text).casefold(),
    "i;ascii-casemap": lambda text: "".join(sign.lower() if sign.isascii() else sign for sign in text),
    "i;octet": lambda text: text,
}
DEFAULT = "i;unicode-casemap"
MATCHES: dict[str, Callable[[str, str], bool]] = {
    "equals": lambda text, wanted: text == wanted,
    "contains": lambda text, wanted: wanted in text,
    "starts-with": lambda text, wanted: text.startswith(wanted),
    "ends-with": lambda text, wanted: text.endswith(wanted),
}


class BadFilter(Exception):
    """``condition``: the precondition that is not met (RFC 6352 section 8.6)."""

    def __init__(self, condition: str) -> None:
        super().__init__(condition)
        self.condition = condition


@dataclass(frozen=True, slots=True)
class TextMatch:
    wanted: str
    collation: str
    match: str
    negate: bool

    def fits(self, text: str) -> bool:
        fold = COLLATIONS[self.collation]
        return MATCHES[self.match](fold(text), fold(self.wanted)) != self.negate


@dataclass(frozen=True, slots=True)
class ParamFilter:
    name: str
    absent: bool
    match: TextMatch | None

    def fits(self, value: Value) -> bool:
        texts = value.types if self.name == "TYPE" else value.params.get(self.name, ())
        if self.absent:
            return not texts
        return bool(texts) and (self.match is None or any(self.match.fits(text) for text in texts))


@dataclass(frozen=True, slots=True)
class PropFilter:
    name: str
    all: bool
    absent: bool
    matches: Sequence[TextMatch]
    params: Sequence[ParamFilter]

    def fits(self, card: Card, uid: str) -> bool:
        values = [Value("UID", uid)] if self.name == "UID" else card.all(self.name)
        if self.absent:
            return not values
        if not self.matches and not self.params:
            return bool(values)
        return any(self._fits(value) for value in values)

    def _fits(self, value: Value) -> bool:
        tests = [match.fits(value.text) for match in self.matches] + [each.fits(value) for each in self.params]
        return all(tests) if self.all else any(tests)


@dataclass(frozen=True, slots=True)
class Filter:
    all: bool = True
    props: Sequence[PropFilter] = ()

    def fits(self, card: Card, uid: str) -> bool:
        tests = (prop.fits(card, uid) for prop in self.props)
        return all(tests) if self.all or not self.props else any(tests)


def parsed(element: Element | None) -> Filter:
    """Raises ``BadFilter``. No filter lets everybody through."""
    if element is None:
        return Filter()
    props = [_prop(each) for each in element.findall(f"{CARD}prop-filter")]
    if len(props) > 50:
        raise BadFilter("supported-filter")
    return Filter(_all(element), props)


def _all(element: Element) -> bool:
    test = element.get("test", "anyof")
    if test not in {"anyof", "allof"}:
        raise BadFilter("supported-filter")
    return test == "allof"


def _prop(element: Element) -> PropFilter:
    name = element.get("name", "").rpartition(".")[2].upper()
    if not name:
        raise BadFilter("supported-filter")
    matches = [_match(each) for each in element.findall(f"{CARD}text-match")]
    params = [_param(each) for each in element.findall(f"{CARD}param-filter")]
    return PropFilter(name, _all(element), element.find(f"{CARD}is-not-defined") is not None, matches, params)


def _param(element: Element) -> ParamFilter:
    match = element.find(f"{CARD}text-match")
    name, absent = element.get("name", "").upper(), element.find(f"{CARD}is-not-defined") is not None
    return ParamFilter(name, absent, _match(match) if match is not None else None)


def _match(element: Element) -> TextMatch:
    collation, match = element.get("collation", DEFAULT), element.get("match-type", "contains")
    collation = DEFAULT if collation == "default" else collation
    if collation not in COLLATIONS:
        raise BadFilter("supported-collation")
    if match not in MATCHES:
        raise BadFilter("supported-filter")
    return TextMatch(element.text or "", collation, match, element.get("negate-condition") == "yes")
