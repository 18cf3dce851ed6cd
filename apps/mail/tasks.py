"""What mail does when nobody is looking. The worker's clock (portal.celery) calls it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from django.conf import settings

from apps.mail.services import delivery, laid, pop_files, pop_shelf, sweeping, uploads
from apps.mail.services.transfers import imports, running
from portal.celery import app

DAY = 24 * 3600.0
SWEEP, TIDY = 3.0, 60.0
_one_sweep, _one_tidy, _one_import = threading.Lock(), threading.Lock(), threading.Lock()


@app.task(name="mail.purge_uploads", expires=DAY / 2)  # type: ignore[untyped-decorator, unused-ignore]
def purge_uploads() -> None:
    """Files that were attached to something nobody sent, saved or discarded."""
    uploads.purge(settings.DATA_DIR / "uploads")


@app.task(name="mail.purge_pop", expires=DAY / 2)  # type: ignore[untyped-decorator, unused-ignore]
def purge_pop() -> None:
    """Files of the portal's folders that a process has written and never got to refer to."""
    pop_files.sweep(pop_shelf.kept_files())


@app.task(name="mail.purge_content", expires=TIDY)  # type: ignore[untyped-decorator, unused-ignore]
def purge_content() -> None:
    """Documents of CONTENT_HOST whose address has lost its force."""
    laid.clean_up()


@app.task(name="mail.send_message")  # type: ignore[untyped-decorator, unused-ignore]
def send_message(pk: int) -> None:
    """The time to undo is over."""
    delivery.deliver(pk)


@app.task(name="mail.sweep_outbox", expires=SWEEP)  # type: ignore[untyped-decorator, unused-ignore]
def sweep_outbox() -> None:
    """What was not sent when it was due, what waits for a server, and what a crashed worker has left."""
    _alone(_one_sweep, sweeping.sweep)


@app.task(name="mail.tidy_outbox", expires=TIDY)  # type: ignore[untyped-decorator, unused-ignore]
def tidy_outbox() -> None:
    """What is over, and what would soon be beyond reading."""
    _alone(_one_tidy, sweeping.tidy)


@app.task(name="mail.run_imports", expires=TIDY)  # type: ignore[untyped-decorator, unused-ignore]
def run_imports() -> None:
    """Imports of everybody, each in its turn for a while: they hold one thread, and mail goes out by the others. Who
    asks while this ends is heard by the clock."""
    _alone(_one_import, running.all_of_them)


@app.task(name="mail.tidy_imports", expires=DAY / 48)  # type: ignore[untyped-decorator, unused-ignore]
def tidy_imports() -> None:
    imports.tidy()


def _alone(lock: threading.Lock, work: Callable[[], None]) -> None:
    """One at a time: a server that hangs holds one thread."""
    if lock.acquire(blocking=False):
        try:
            work()
        finally:
            lock.release()


app.add_periodic_task(DAY, purge_uploads.s(), name="mail.purge_uploads")
app.add_periodic_task(DAY, purge_pop.s(), name="mail.purge_pop")
app.add_periodic_task(TIDY, purge_content.s(), name="mail.purge_content")
app.add_periodic_task(SWEEP, sweep_outbox.s(), name="mail.sweep_outbox")
app.add_periodic_task(TIDY, tidy_outbox.s(), name="mail.tidy_outbox")
app.add_periodic_task(TIDY, run_imports.s(), name="mail.run_imports")
app.add_periodic_task(DAY / 24, tidy_imports.s(), name="mail.tidy_imports")
