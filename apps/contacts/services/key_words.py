"""Keys in words, for cards and pages of people."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.utils import formats, timezone
from django.utils.translation import gettext as _

from apps.contacts import keys
from apps.contacts.card import Card
from apps.contacts.keys import LINK, OPENPGP, SMIME, Key


@dataclass(frozen=True, slots=True)
class Told:
    """A key as a page shows it."""

    key: Key
    title: str
    state: str  # see ``keys.state``
    span: str  # from when to when
    foreign: bool  # it says that it belongs to other addresses


def of_card(card: Card, emails: Collection[str] = ()) -> list[Told]:
    """``emails``: those that a key should name, in lower case."""
    return [told(keys.read(value.text), emails) for value in card.all("KEY") if value.text.strip()]


def told(key: Key, emails: Collection[str] = ()) -> Told:
    state = keys.state(key, timezone.now())
    foreign = bool(emails and key.emails and not set(key.emails) & set(emails))
    return Told(key, _title(key), state, _span(key), foreign)


def in_text(text: str) -> str:
    """For a card: a line each for what it is, whose, its fingerprint and how long it lasts."""
    key = keys.read(text)
    if key.kind == LINK:
        return key.url
    if not key.fingerprint:
        return text[:200]
    return "\n".join(line for line in (_title(key), ", ".join(key.names), key.grouped, _span(key)) if line)


def _title(key: Key) -> str:
    kind = {SMIME: _("S/MIME certificate"), OPENPGP: _("OpenPGP key"), LINK: _("Address of a key")}.get(
        key.kind, _("A key that could not be read")
    )
    return f"{kind}, {key.algorithm}" if key.algorithm else kind


def _span(key: Key) -> str:
    if key.since is None:
        return ""
    since = formats.date_format(timezone.localtime(key.since), "DATE_FORMAT")
    if key.until is None:
        return _("Made on %(day)s, without an end") % {"day": since}
    until = formats.date_format(timezone.localtime(key.until), "DATE_FORMAT")
    return _("From %(first)s to %(last)s") % {"first": since, "last": until}
