"""Whom somebody writes to, how often and how recently."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from django.contrib.auth import get_user_model
from django.db.models import F
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from apps.contacts import folding
from apps.contacts.card import Value, emails
from apps.contacts.models import Book, Contact, Correspondent, Key
from apps.contacts.prefs import COLLECT
from apps.contacts.services import access, finding, keeping
from apps.contacts.services.indexing import warm
from portal.contracts import Address
from portal.prefs import for_user

HALF_LIFE = 90.0  # days after which having written to somebody counts half
_BEGIN = datetime(2000, 1, 1, tzinfo=UTC)
MOST_AT_ONCE = 50  # collected from one message: what goes to more is no letter to people


def note(user_id: int, addresses: Sequence[Address], *, subject: str = "") -> None:
    """These were written to, once more each; by preference they become contacts where they are none."""
    people = {folding.email_key(address.email): address for address in addresses if address.email}
    now = timezone.now()
    known = {row.key: row for row in Correspondent.objects.filter(user_id=user_id, key__in=people)}
    new = [Correspondent(user_id=user_id, key=key, last=now, heat=_heat(1, now)) for key in people if key not in known]
    Correspondent.objects.bulk_create(new, ignore_conflicts=True)
    heats = {row.key: row.heat for row in new}
    for row in known.values():
        row.last, row.heat = now, _heat(row.uses + 1, now)
        heats[row.key] = row.heat
        row.uses = F("uses") + 1  # two messages may go out at once
    Correspondent.objects.bulk_update(known.values(), ["uses", "last", "heat"], batch_size=500)
    warm(user_id, heats)
    user = get_user_model().objects.get(pk=user_id)
    if len(people) <= MOST_AT_ONCE and for_user(user)[COLLECT]:
        _collect(user_id, people, keeping.Doing(user, "message", subject))


def _collect(user_id: int, people: dict[str, Address], doing: keeping.Doing) -> None:
    """Contacts that were thrown away stay away: their owner has decided about them."""
    known = set(Key.objects.filter(owner_id=user_id, kind=Key.Kind.EMAIL, key__in=people).values_list("key", flat=True))
    missing = people.keys() - known - {key for key, _pk in finding.by_email(user_id, people)}
    if not missing:
        return
    cards = []
    for key in sorted(missing):
        address = people[key]
        name = address.name.strip() or address.email
        cards.append(("", [Value("FN", name), Value("EMAIL", address.email)]))
    with contextlib.suppress(keeping.NotKept):  # there is a limit: what was sent is sent all the same
        keeping.create_many(_collecting_book(user_id), cards, doing)


def _collecting_book(user_id: int) -> Book:
    found = Book.objects.filter(owner_id=user_id, collects=True).first()
    if found is not None:
        return found
    from portal.core_prefs import LANGUAGE

    language = for_user(get_user_model().objects.get(pk=user_id))[LANGUAGE]
    with translation.override(language or translation.get_language()):
        name = _("Written to")
    book, _new = Book.objects.get_or_create(owner_id=user_id, key=Book.key_of(name), defaults={"name": name})
    if not book.collects:
        Book.objects.filter(pk=book.pk).update(collects=True)
    return book


def heat(user_id: int, keys: Collection[str]) -> None:
    """Reckon the heat of these addresses anew."""
    rows = list(Correspondent.objects.filter(user_id=user_id, key__in=keys))
    for row in rows:
        row.heat = _heat(row.uses, row.last)
    Correspondent.objects.bulk_update(rows, ["heat"], batch_size=500)
    warm(user_id, {row.key: row.heat for row in rows})


def _heat(uses: int, last: datetime) -> float:
    return math.log2(max(1, uses)) + (last - _BEGIN).total_seconds() / 86400 / HALF_LIFE


def rank(heat: float) -> float:
    """Uses as they count today: see ``portal.contracts.Contact``."""
    return float(2 ** (heat - (timezone.now() - _BEGIN).total_seconds() / 86400 / HALF_LIFE))


def lately(user_id: int, *, most: int = 200) -> list[str]:
    """Keys of the addresses written to last."""
    found = Correspondent.objects.filter(user_id=user_id).order_by("-last", "-pk")
    return list(found.values_list("key", flat=True)[:most])


def contacts_of(user_id: int, keys: Collection[str]) -> list[int]:
    """Ids of the contacts with these addresses, in the order of the keys."""
    order = {key: at for at, key in enumerate(keys)}
    pairs = sorted(finding.by_email(user_id, order), key=lambda pair: order[pair[0]])
    return list(dict.fromkeys(pk for _key, pk in pairs))


def of_contact(user_id: int, contact: Contact) -> datetime | None:
    """When this person has written to them last."""
    keys = [folding.email_key(email) for email in emails(access.document(user_id, contact))]
    found = Correspondent.objects.filter(user_id=user_id, key__in=keys).order_by("-last").first()
    return found.last if found else None
