"""Copies of cards that are kept elsewhere (the staff directory): taken once, and kept fresh.

What has changed at the source since it was last looked at changes here too, unless somebody has changed it here: the
three are compared value by value, so that nothing written by hand is lost and nothing taken away comes back.
"""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

import structlog
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.contacts.card import Card, Value
from apps.contacts.models import Contact, Origin
from apps.contacts.services import keeping, photos
from apps.contacts.services.keeping import Doing
from apps.contacts.vcard import reading
from portal.contracts import CardSource, Text
from portal.registry import get_registry

if TYPE_CHECKING:
    from apps.auth.models import User

log = structlog.get_logger(__name__)
KIND = "directory"  # of ``Source``
MOST_KEY = 190
AT_ONCE = 100  # cards in one question


class NotThere(Exception):
    """The source has no such card for this person."""


@dataclass(frozen=True, slots=True)
class Said:
    """A value as the source says it; ``text`` is ``Value.value``, of a photo its digest."""

    name: str
    text: str | tuple[str, ...]
    types: tuple[str, ...]
    label: str

    @classmethod
    def of(cls, value: Value) -> Said:
        return cls(value.name, value.value, tuple(sorted(value.types)), value.label)

    def to_json(self) -> list[object]:
        return [self.name, self.text if isinstance(self.text, str) else list(self.text), list(self.types), self.label]

    @classmethod
    def from_json(cls, data: list[object]) -> Said:
        name, text, types, label = data
        assert isinstance(types, list)
        return cls(str(name), tuple(text) if isinstance(text, list) else str(text), tuple(types), str(label))


def source(id: str) -> CardSource:
    """Raises ``LookupError``."""
    return get_registry().card_sources[id]


def taken(user_id: int, source_id: str, keys: Collection[str]) -> Mapping[str, int]:
    """Which of these cards this person has a copy of: the contact's id by the key."""
    found = Origin.objects.filter(source=source_id, key__in=keys, contact__owner_id=user_id, contact__deleted=None)
    return dict(found.order_by("-pk").values_list("key", "contact_id"))


def take(user: User, source_id: str, key: str, request: HttpRequest | None = None) -> Contact:
    """A copy in the book where new contacts go; the one that is there already. Raises ``LookupError`` where there is no
    such source, ``NotThere``, ``OSError`` where it does not answer, and ``keeping.NotKept``."""
    where = source(source_id)
    if not key or len(key) > MOST_KEY:
        raise NotThere
    if known := taken(user.pk, source_id, [key]).get(key):
        return Contact.objects.get(pk=known)
    text = where.cards(user, [key], request).get(key)
    if text is None:
        raise NotThere
    book = keeping.default_book(user.pk, _("Personal"))
    with transaction.atomic():
        values = _values(book.owner_id, text)
        made = keeping.create(book, values, Doing(user, KIND, str(where.label)))
        said = [Said.of(value).to_json() for value in values]
        Origin.objects.create(contact=made, source=source_id, key=key, said=said)
    return made


def _values(owner_id: int, text: str) -> list[Value]:
    card = next(iter(reading.cards(io.BytesIO(text.encode()))), None)
    found = []
    for value in card.values if card else []:
        if value.name != "PHOTO":
            found.append(value)
            continue
        try:
            octets = base64.b64decode(value.text.partition(",")[2])
            found.append(replace(value, value=photos.keep(owner_id, octets), params={}, types=(), raw=""))
        except (photos.NoPicture, binascii.Error, ValueError):
            continue  # the card is worth having without it
    return found


@dataclass(frozen=True, slots=True)
class Known:
    """Where a contact is a copy from, for its page."""

    label: Text
    checked: datetime
    gone: datetime | None
    there: bool  # the source is still installed


def known(contact: Contact) -> list[Known]:
    sources = get_registry().card_sources
    found = []
    for origin in contact.origins.all():
        where = sources.get(origin.source)
        found.append(Known(where.label if where else origin.source, origin.checked, origin.gone, where is not None))
    return found


# --- kept fresh -------------------------------------------------------------------------------------------------------


def refresh(user: User, origins: Collection[Origin], request: HttpRequest | None = None) -> int:
    """Look at the sources again; how many contacts have changed. ``request``: of whoever has asked for it, None at
    night. Raises ``OSError`` where a source does not answer: what it has not told is looked at the next time."""
    changed = 0
    for id in sorted({origin.source for origin in origins}):
        where = get_registry().card_sources.get(id)
        some = [origin for origin in origins if origin.source == id]
        for start in range(0, len(some) if where else 0, AT_ONCE):
            assert where is not None
            changed += _refresh(user, where, some[start : start + AT_ONCE], request)
    return changed


def _refresh(user: User, where: CardSource, origins: list[Origin], request: HttpRequest | None) -> int:
    found = where.cards(user, [origin.key for origin in origins], request)
    if not found and len(origins) > 1:
        log.warning("card_source_knows_nobody", source=where.id, user=user.pk)  # a wrong filter, not that all have left
        return 0
    changed = 0
    for origin in origins:
        text = found.get(origin.key)
        if text is None:
            origin.gone = origin.gone or timezone.now()
        else:
            origin.gone = None
            changed += _bring_up_to_date(origin, text, Doing(user if request else None, KIND, str(where.label)))
        origin.checked = timezone.now()
        origin.save(update_fields=["gone", "checked", "said"])
    return changed


@transaction.atomic
def _bring_up_to_date(origin: Origin, text: str, doing: Doing) -> bool:
    contact = origin.contact
    fresh = _values(contact.owner_id, text)
    before = [Said.from_json(each) for each in origin.said]
    after = [Said.of(value) for value in fresh]
    origin.said = [each.to_json() for each in after]
    if before == after:
        return False
    wanted = brought_up_to_date(keeping.document(contact), before, fresh)
    try:
        return keeping.change(contact, wanted, doing, version=contact.version)
    except (keeping.Outdated, keeping.NotKept):  # somebody edits it this moment: once more the next time
        origin.said = [each.to_json() for each in before]
        return False


def brought_up_to_date(card: Card, before: Collection[Said], fresh: Iterable[Value]) -> list[Value]:
    """The values of ``card`` with what has changed at its source from ``before`` to ``fresh``.

    A value that stands here as the source said it before is changed or removed with it; one that was changed or removed
    here stays as somebody has made it. What is new there is added, where it does not stand here already.
    """
    values = list(card.values)
    new = list(fresh)
    unchanged = {Said.of(value) for value in new} & set(before)
    gone = [said for said in before if said not in unchanged]
    for value in [value for value in new if Said.of(value) not in unchanged]:
        old = next((said for said in gone if said.name == value.name), None)
        if old is not None:
            gone.remove(old)
            at = _index(values, old)
            if at is not None:  # else somebody has changed it here
                values[at] = replace(value, id=values[at].id)
        elif not any(known.name == value.name and known.text == value.text for known in values):
            values.append(value)
    for said in gone:
        at = _index(values, said)
        if at is not None:
            del values[at]
    return values


def _index(values: list[Value], said: Said) -> int | None:
    return next((at for at, value in enumerate(values) if Said.of(value) == said), None)


def at_night() -> int:
    """All copies of everybody who may still come in. A source that does not answer is left for the next night."""
    from django.contrib.auth import get_user_model

    changed = 0
    owners = Origin.objects.filter(contact__deleted=None).values("contact__owner_id")
    for user in get_user_model().objects.filter(pk__in=owners, is_active=True).iterator():
        mine = Origin.objects.filter(contact__owner_id=user.pk, contact__deleted=None).select_related("contact")
        for id in sorted(set(mine.values_list("source", flat=True))):
            try:
                changed += refresh(user, list(mine.filter(source=id)))
            except OSError as error:
                log.warning("card_source_unavailable", source=id, user=user.pk, reason=error.__class__.__name__)
    return changed
