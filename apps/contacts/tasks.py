"""What contacts do when nobody is looking. The worker's clock (portal.celery) calls it."""

from __future__ import annotations

import threading
from datetime import timedelta

import structlog
from django.utils import timezone

from apps.contacts.models import Change, Contact, Rules, Sorting, Tag, Undertaking
from apps.contacts.services import importing, photos, sorting, syncing, taking, tracking
from portal.celery import app

log = structlog.get_logger(__name__)
DAY = 24 * 3600.0
QUARTER = 15 * 60.0
_one_refresh = threading.Lock()


def do_import(pk: int, step: str) -> None:
    """``step``: look through the file, or take it in. Whatever goes wrong leaves an import that can be undone."""
    whole = Undertaking.objects.select_related("book", "owner").get(pk=pk)
    if whole.state != Undertaking.State.RUNNING:
        return
    try:
        importing.look_through(whole) if step == "look" else importing.take_in(whole)
    except Exception:
        log.exception("import_failed", undertaking=pk, step=step)
        Undertaking.objects.filter(pk=pk).update(state=Undertaking.State.FAILED)
        importing.discard(whole)


@app.task(name="contacts.run_import")  # type: ignore[untyped-decorator, unused-ignore]
def run_import(pk: int, step: str) -> None:
    do_import(pk, step)


def start(whole: Undertaking, size: int, step: str) -> None:
    """At once where that is quick, else as the worker's."""
    if size <= importing.SMALL:
        do_import(whole.pk, step)
    else:
        run_import.delay(whole.pk, step)


@app.task(name="contacts.refresh_books")  # type: ignore[untyped-decorator, unused-ignore]
def refresh_books() -> None:
    """Subscribed books that are asked for, one after the other: servers that hang hold one thread of the worker, and
    mail goes out by the others. Who asks while this ends is heard by whoever comes last."""
    while syncing.next_asked() is not None and _one_refresh.acquire(blocking=False):
        try:
            while (pk := syncing.next_asked()) is not None:
                syncing.refresh(pk)
        finally:
            _one_refresh.release()


@app.task(name="contacts.refresh_due", expires=QUARTER)  # type: ignore[untyped-decorator, unused-ignore]
def refresh_due() -> None:
    """By night; and what a worker that has ended has left."""
    syncing.ask_for_due()
    refresh_books()


@app.task(name="contacts.sort_anew")  # type: ignore[untyped-decorator, unused-ignore]
def sort_anew(user_id: int) -> None:
    sorting.put_in_place(user_id)


@app.task(name="contacts.forget_old", expires=DAY / 2)  # type: ignore[untyped-decorator, unused-ignore]
def forget_old() -> None:
    """What cannot come back any more goes for good."""
    now = timezone.now()
    rules = Rules.now()
    Contact.objects.filter(deleted__lt=now - timedelta(days=rules.trash_days)).delete()
    Change.objects.filter(at__lt=now - timedelta(days=rules.history_days)).delete()
    for whole in Undertaking.objects.filter(at__lt=now - timedelta(days=1)).exclude(file=""):
        importing.discard(whole)
    Undertaking.objects.filter(at__lt=now - timedelta(days=1), state=Undertaking.State.READ).delete()
    Undertaking.objects.filter(at__lt=now - timedelta(days=rules.history_days)).delete()
    for owner_id in Sorting.objects.filter(stale=True).values_list("owner_id", flat=True):
        sorting.put_in_place(owner_id)
    photos.forget_unused()
    tracking.forget_old()
    _forget_tags()


@app.task(name="contacts.refresh_copies", expires=DAY / 2)  # type: ignore[untyped-decorator, unused-ignore]
def refresh_copies() -> None:
    """What was taken from a directory is looked at again."""
    changed = taking.at_night()
    if changed:
        log.info("copies_refreshed", changed=changed)


def _forget_tags() -> None:
    """Tags that no contact has."""
    from django.db.models import Exists, OuterRef

    from apps.contacts.models import Key

    used = Key.objects.filter(owner=OuterRef("owner"), kind=Key.Kind.TAG, key=OuterRef("key"))
    Tag.objects.filter(~Exists(used)).delete()


app.add_periodic_task(DAY, forget_old.s(), name="contacts.forget_old")
app.add_periodic_task(DAY, refresh_copies.s(), name="contacts.refresh_copies")
app.add_periodic_task(QUARTER, refresh_due.s(), name="contacts.refresh_due")
