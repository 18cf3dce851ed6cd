"""What mail does when nobody is looking. The worker's clock (portal.celery) calls it."""

from __future__ import annotations

from django.conf import settings

from apps.mail.services import delivery, outbox, uploads
from portal.celery import app

DAY = 24 * 3600.0
SWEEP = 30.0


@app.task(name="mail.purge_uploads", expires=DAY / 2)  # type: ignore[untyped-decorator, unused-ignore]
def purge_uploads() -> None:
    """Files that were attached to something nobody sent, saved or discarded."""
    uploads.purge(settings.DATA_DIR / "uploads")


@app.task(name="mail.send_message")  # type: ignore[untyped-decorator, unused-ignore]
def send_message(pk: int) -> None:
    """The time to undo is over."""
    delivery.deliver(pk)


@app.task(name="mail.sweep_outbox", expires=SWEEP)  # type: ignore[untyped-decorator, unused-ignore]
def sweep_outbox() -> None:
    """What was not sent when it was due, and what a crashed worker has left."""
    delivery.sweep()
    outbox.rescue()


app.add_periodic_task(DAY, purge_uploads.s(), name="mail.purge_uploads")
app.add_periodic_task(SWEEP, sweep_outbox.s(), name="mail.sweep_outbox")
