"""A subscribed book brought up to date: what is new and changed there is fetched, what is gone there goes to the trash.

Each batch is a transaction, and what the server calls its state is written down last: a refresh that breaks off is
repeated from where it began, and fetches again only what it has not got.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import structlog
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from apps.contacts.card import Value
from apps.contacts.foreign.client import Changes, Client, Collection, TokenOver
from apps.contacts.models import Contact, Remote, Subscription
from apps.contacts.services import importing, keeping, subscriptions
from apps.contacts.services.keeping import SYNCED, Doing
from apps.contacts.vcard import reading
from portal.delegations import Over
from portal.outward import Trouble

log = structlog.get_logger(__name__)
AT_ONCE = 50
WHOLE_SECONDS = 1800.0  # for one book: what it has not got by then, the next refresh fetches
NIGHT = range(1, 6)  # hours of the site's clock
SAME_NIGHT, TOO_LONG = timedelta(hours=20), timedelta(hours=30)


class GivenUp(Exception):
    """The subscription has ended meanwhile."""


def refresh(pk: int) -> None:
    """Whatever goes wrong stands beside the book afterwards; its contacts stay."""
    now = timezone.now()
    if not Subscription.objects.filter(_free(now), pk=pk).update(busy=now, asked=None, total=0, done=0):
        return
    subscription = Subscription.objects.select_related("book__owner").get(pk=pk)
    what, about = "", ""
    try:
        _bring(subscription)
    except GivenUp:
        return
    except Trouble as trouble:
        what, about = trouble.what, trouble.about
    except Over:
        what = "revoked"
    except Exception:
        log.exception("refresh_failed", subscription=pk)
        what = "ours"
    values: dict[str, object] = {"busy": None, "tried": now, "trouble": what, "about": about[:200]}
    if not what:
        values["succeeded"] = now
    log.info("book_refreshed", subscription=pk, trouble=what)
    Subscription.objects.filter(pk=pk).update(**values)


def due() -> list[Subscription]:
    """Every night; whenever it has been too long. Without its password a book waits for its owner."""
    now = timezone.now()
    night = timezone.localtime(now, timezone.get_default_timezone()).hour in NIGHT
    before = now - (SAME_NIGHT if night else TOO_LONG)
    late = Subscription.objects.filter(Q(tried=None) | Q(tried__lt=before), book__owner__is_active=True)
    return [each for each in late.exclude(trouble="revoked") if not subscriptions.under_way(each, now=now)]


def ask_for_due() -> None:
    Subscription.objects.filter(pk__in=[each.pk for each in due()]).update(asked=timezone.now(), total=0, done=0)


def next_asked() -> int | None:
    """Whose turn it is."""
    waits = Subscription.objects.filter(_free(timezone.now()), asked__isnull=False).order_by("asked", "pk")
    return waits.values_list("pk", flat=True).first()


def _free(now: datetime) -> Q:
    """Nobody is at it, or whoever was has died."""
    return Q(busy=None) | Q(busy__lt=now - subscriptions.STALE)


@dataclass(slots=True)
class _Round:
    subscription: Subscription
    client: Client
    known: dict[str, Remote]  # by path
    doing: Doing
    done: int = 0
    new: list[tuple[Remote, str, list[Value]]] = field(default_factory=list)  # (row, UID, values)

    def gets_on(self) -> None:
        """Raises ``GivenUp``."""
        rows = Subscription.objects.filter(pk=self.subscription.pk)
        if not rows.update(busy=timezone.now(), done=self.done):
            raise GivenUp


def _bring(subscription: Subscription) -> None:
    """Raises ``Trouble``, ``Over`` and ``GivenUp``."""
    client = subscriptions.client_of(subscription, until=time.monotonic() + WHOLE_SECONDS)
    there = client.collection(subscription.url)
    if _as_it_was(subscription, there):
        return
    known = {row.path: row for row in subscription.remotes.all()}
    changes, whole = _changes(client, there, subscription)
    wanted = [path for path, etag in changes.etags.items() if path not in known or not etag or known[path].etag != etag]
    gone = known.keys() - changes.etags.keys() if whole else changes.gone & known.keys()
    if len(known.keys() | changes.etags.keys()) - len(gone) > subscriptions.MOST:
        raise Trouble("large")
    Subscription.objects.filter(pk=subscription.pk).update(total=len(wanted))
    work = _Round(subscription, client, known, Doing(None, SYNCED, urlsplit(subscription.url).hostname or ""))
    for start in range(0, len(wanted), AT_ONCE):
        part = wanted[start : start + AT_ONCE]
        for cards in _fetched(client, there.url, part):
            _take_in(work, cards)
        work.done += len(part)
        work.gets_on()
    _let_go(work, gone)
    Subscription.objects.filter(pk=subscription.pk).update(ctag=there.ctag, sync_token=changes.token)


def _as_it_was(subscription: Subscription, there: Collection) -> bool:
    if there.syncs and subscription.sync_token:
        return there.sync_token == subscription.sync_token
    return bool(there.ctag) and there.ctag == subscription.ctag


def _changes(client: Client, there: Collection, subscription: Subscription) -> tuple[Changes, bool]:
    """What has happened since the last time; or, with True, all that is there."""
    if not there.syncs:
        return client.listing(there.url), True
    if subscription.sync_token:
        try:
            return client.changes(there.url, subscription.sync_token), False
        except TokenOver:
            pass
    return client.changes(there.url, ""), True


def _fetched(client: Client, url: str, paths: Sequence[str]) -> Iterator[dict[str, tuple[str, str]]]:
    """In smaller parts where the answer would be too large; a single card that is too large comes as an empty one."""
    try:
        yield client.cards(url, paths)
    except Trouble as trouble:
        if trouble.what != "large":
            raise
        if len(paths) == 1:
            yield {paths[0]: ("", "")}
            return
        half = len(paths) // 2
        yield from _fetched(client, url, paths[:half])
        yield from _fetched(client, url, paths[half:])


@transaction.atomic
def _take_in(work: _Round, cards: dict[str, tuple[str, str]]) -> None:
    rows = [work.known.get(path) for path in cards]
    there = Contact.objects.select_related("card").in_bulk([row.contact_id for row in rows if row and row.contact_id])
    items = {path: _item(text) for path, (_etag, text) in cards.items()}
    uids = [item.uid[:190] for item in items.values() if item and item.uid]
    thrown = Contact.objects.filter(book=work.subscription.book, uid__in=uids, remote=None).exclude(deleted=None)
    trash = {contact.uid: contact for contact in thrown.select_related("card")}
    work.new = []
    for path, (etag, _text) in cards.items():
        row = work.known.get(path) or Remote(subscription=work.subscription, path=path)
        row.etag, item = etag[:190], items[path]
        if item is not None:
            _one(work, row, item, there.get(row.contact_id or 0) or trash.pop(item.uid[:190], None))
        work.known[path] = row
    made = keeping.create_many(work.subscription.book, [(uid, values) for _row, uid, values in work.new], work.doing)
    for (row, _uid, _values), contact in zip(work.new, made, strict=True):
        row.contact = contact
    for path in cards:
        work.known[path].save()


def _one(work: _Round, row: Remote, item: importing.Item, contact: Contact | None) -> None:
    """Into the contact that it was, or that was thrown away and is back; or among the new ones."""
    values = importing.with_photo(work.subscription.book.owner_id, item)
    if contact is None:
        work.new.append((row, item.uid, values))
        return
    if contact.deleted is not None:
        keeping.bring_back([contact], work.doing)
    importing.bring_up_to_date(contact, values, work.doing)
    row.contact = contact


def _item(text: str) -> importing.Item | None:
    """None for a group, and for what cannot be read as a person: what there was of it stays as it is."""
    card = next(reading.cards(io.BytesIO(text.encode("utf-8", "replace"))), None)
    if card is None or card.kind == "group" or len(card.values) >= keeping.MOST_VALUES:
        return None
    item = importing.checked(importing.Item(card.number, card.values, card.uid, problems=card.problems))
    return None if item.bad else item


@transaction.atomic
def _let_go(work: _Round, gone: set[str]) -> None:
    rows = [work.known[path] for path in gone]
    contacts = Contact.objects.filter(pk__in=[row.contact_id for row in rows if row.contact_id], deleted=None)
    keeping.throw_away(list(contacts), work.doing)
    Remote.objects.filter(pk__in=[row.pk for row in rows]).delete()
