"""A contact as its page shows it: values in order with their words and links, and what was done to it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlsplit

from babel.core import Locale, UnknownLocaleError
from django.contrib.auth.models import AbstractBaseUser
from django.utils import formats
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _

from apps.contacts import folding, lenses
from apps.contacts.card import Card, Difference, Source, Value, differences
from apps.contacts.models import Change, Contact
from apps.contacts.properties import BY_NAME, PROPERTIES, label_of, type_names
from apps.contacts.services import access, keeping, key_words, maps, permits
from portal import addressing
from portal.contracts import Address

MOST_CHANGES = 200  # that are looked through for a colleague
IN_THE_HEAD = frozenset({"FN", "N", "PHOTO", "CATEGORIES", "TITLE", "ORG"})
COPIED = frozenset({"EMAIL", "TEL", "ADR", "URL", "IMPP"})
CALLS = frozenset({"sip", "sips", "xmpp", "skype", "tel"})


@dataclass(frozen=True, slots=True)
class Line:
    label: str
    text: str
    tags: tuple[str, ...] = ()
    href: str = ""
    ltr: bool = False
    lines: bool = False
    source: str = ""  # where it comes from, for whoever points at it
    private: bool = False  # its owner alone sees it
    outside: bool = False  # its link leads out of the portal
    copied: str = ""  # what its button copies
    map: str = ""  # where it is on a map: nobody is asked before it is clicked


def head(card: Card) -> str:
    """Position and organisation."""
    return " · ".join(text for name in ("TITLE", "ORG") for value in card.all(name) if (text := value.text))


def lines(card: Card, *, user: AbstractBaseUser, only: Collection[str] = ()) -> list[Line]:
    """``only``: of these properties."""
    order = [prop.name for prop in PROPERTIES if prop.name not in IN_THE_HEAD and (not only or prop.name in only)]
    shown = [value for name in order for value in card.all(name)]
    return [_line(card, value, user) for value in shown if value.text.strip()]


def unknown(card: Card) -> list[Line]:
    """What was imported and has no place here: kept, and exported again."""
    rest = [value for value in card.values if value.name not in BY_NAME and value.name != "PHOTO"]
    return [Line(value.name, value.text[:200], source=said_by(card, value)) for value in rest]


def _line(card: Card, value: Value, user: AbstractBaseUser) -> Line:
    prop = BY_NAME[value.name]
    tags = type_names(value.types)
    label = value.label or str(prop.label)
    if value.name == "TEL" and not value.label and tags:
        label, tags = tags[0], tags[1:]
    href = _href(value, user, card.name)
    return Line(
        label,
        _text(value),
        tuple(tags),
        href,
        prop.ltr,
        prop.kind == "lines",
        said_by(card, value),
        outside=prop.kind == "url",
        private=lenses.private(value),
        copied=value.text if value.name in COPIED else "",
        map=maps.map_url(value),
    )


def _text(value: Value) -> str:
    if value.name in {"BDAY", "ANNIVERSARY"}:
        return date_text(value.text)
    if value.name == "LANG":
        return language_text(value.text)
    if value.name == "KEY":
        return key_words.in_text(value.text)
    return value.text.removeprefix("text:") if value.name == "RELATED" else value.text


def language_text(text: str) -> str:
    """The name of a language in itself; what is no code of one stays as it is."""
    try:
        found = Locale.parse(text.strip(), sep="-").get_display_name()
    except (ValueError, UnknownLocaleError):
        return text
    return found or text


def date_text(text: str) -> str:
    """A date of RFC 6350 section 4.3.1 in the words of the reader; what is none stays as it is."""
    plain = text.partition("T")[0].replace("-", "")
    try:
        if len(plain) == 4 and text.startswith("--"):
            found = parse_date(f"2000-{plain[:2]}-{plain[2:]}")
            return formats.date_format(found, "MONTH_DAY_FORMAT") if found else text
        if len(plain) == 8:
            found = parse_date(f"{plain[:4]}-{plain[4:6]}-{plain[6:]}")
            return formats.date_format(found, "DATE_FORMAT") if found else text
    except ValueError:
        return text
    return text


def _href(value: Value, user: AbstractBaseUser, name: str) -> str:
    text = value.text.strip()
    if value.name == "EMAIL":
        return addressing.compose_url(user=user, to=[Address(text, name if name != text else "")])
    if value.name == "TEL":
        return _call(text)
    if value.name in {"URL", "FBURL"}:
        return web_address(text)
    if value.name == "IMPP":
        scheme, _colon, rest = text.partition(":")
        return f"{scheme.lower()}:{quote(rest, safe='@.+-_/')}" if scheme.lower() in CALLS and rest else ""
    return ""


def call_url(card: Card) -> str:
    """The first number that somebody speaks at: no fax, no pager."""
    numbers = (value for value in card.all("TEL") if not {"fax", "pager"} & set(value.types))
    return next((url for value in numbers if (url := _call(value.text.strip()))), "")


def _call(text: str) -> str:
    """RFC 3966."""
    digits = folding.digits(text)
    return f"tel:{'+' if text.lstrip('tel: ').startswith('+') else ''}{digits}" if digits else ""


def web_address(text: str) -> str:
    """Only what leads to a page can be clicked: never ``javascript:``."""
    try:
        parts = urlsplit(text if ":" in text.partition("/")[0] else f"https://{text}")
    except ValueError:
        return ""
    good = parts.scheme in {"http", "https"} and parts.netloc and not any(sign.isspace() for sign in text)
    return parts.geturl() if good else ""


def said_by(card: Card, value: Value) -> str:
    source = card.sources.get(value.source)
    return source_text(source) if source else ""


def source_text(source: Source) -> str:
    """“Imported from people.vcf by Anna, 3 March 2026”."""
    when = parse_datetime(source.at)
    words = {
        "import": _("Imported from %(text)s"),
        "message": _("From a message you sent, “%(text)s”"),
        "directory": _("From “%(text)s”"),
        "merge": _("From another contact, merged with this one"),
        "synced": _("Synced from %(text)s"),
        "dav": _("From the program “%(text)s”"),
    }.get(source.kind, _("Typed by %(name)s") if source.by_name else _("Typed"))
    if not source.text:  # its owner's business
        words = {"import": _("Imported"), "message": _("From a message")}.get(source.kind, words)
    text = words % {"text": source.text, "name": source.by_name}
    return f"{text}, {formats.date_format(when, 'DATE_FORMAT')}" if when else text


# --- history ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Step:
    pk: int
    at: datetime
    title: str
    by: str
    about: str
    differences: tuple[tuple[str, str, str], ...]  # (label, before, after)
    undoable: bool
    undone: bool


def history(user_id: int, contact: Contact, *, most: int, skip: int = 0) -> list[Step]:
    """Newest first, and of others' contacts only what this person may see."""
    grant = access.grant(user_id, contact)
    hidden = frozenset() if grant.sees.mine else permits.once_private(contact)
    found, asked = [], MOST_CHANGES if not grant.sees.mine else skip + most
    for change in contact.changes.select_related("book")[:asked]:
        after = keeping.after(change) if change.before is not None else None
        all_of_it = differences(Card.from_json(change.before), after) if after is not None else []
        told = permits.told(grant, all_of_it, hidden)
        if told or not all_of_it:
            found.append(_step(change, told, grant, whole=len(told) == len(all_of_it)))
        if len(found) == skip + most:
            break
    return found[skip:]


def _step(change: Change, found: Sequence[Difference], grant: access.Grant, *, whole: bool) -> Step:
    """``whole``: whether this is all of the change."""
    mine = grant.right == access.Right.OWN
    may = mine or (whole and permits.may_undo(grant, change, lambda: keeping.after(change)))
    return Step(
        change.pk,
        change.at,
        _title(change, found),
        change.by_name,
        _about(change) if mine else "",
        tuple(_words(found)),
        may and keeping.undoable(change),
        change.undone,
    )


def _title(change: Change, found: Sequence[Difference]) -> str:
    if change.kind != Change.Kind.EDITED or not found:
        return str(change.get_kind_display())
    labels = list(dict.fromkeys(label_of(each.one.name) for each in found))
    first = labels[0] if len(labels) == 1 else _("%(first)s and more") % {"first": labels[0]}
    if all(each.before is None for each in found):
        return _("%(what)s added") % {"what": first}
    if all(each.after is None for each in found):
        return _("%(what)s removed") % {"what": first}
    return _("%(what)s changed") % {"what": first}


def _about(change: Change) -> str:
    if change.kind == Change.Kind.MOVED:
        return _("from “%(book)s”") % {"book": change.text}
    if change.source == "import":
        return _("imported from %(file)s") % {"file": change.text}
    if change.source == "directory":
        return _("from “%(source)s”") % {"source": change.text}
    if change.source == "synced":
        return _("synced from %(server)s") % {"server": change.text}
    if change.source == "message":
        return _("from a message you sent, “%(subject)s”") % {"subject": change.text}
    if change.source == "dav":
        return _("from the program “%(name)s”") % {"name": change.text}
    return ""


def _words(found: Sequence[Difference]) -> Iterator[tuple[str, str, str]]:
    for each in found:
        yield (
            label_of(each.one.name),
            _said(each.before),
            _said(each.after),
        )


def _said(value: Value | None) -> str:
    if value is None:
        return ""
    if value.name == "PHOTO":
        return _("a photo")
    kinds = ", ".join([*type_names(value.types), *([_("only you see it")] if lenses.private(value) else [])])
    return f"{value.text[:200]} ({kinds})" if kinds else value.text[:200]
