"""What mail does when nobody is looking. The worker's clock (portal.celery) calls it."""

from __future__ import annotations

from django.conf import settings

from apps.mail.services import uploads
from portal.celery import app

DAY = 24 * 3600.0


@app.task(name="mail.purge_uploads", expires=DAY / 2)  # type: ignore[untyped-decorator, unused-ignore]
def purge_uploads() -> None:
    """Files that were attached to something nobody sent, saved or discarded."""
    uploads.purge(settings.DATA_DIR / "uploads")


app.add_periodic_task(DAY, purge_uploads.s(), name="mail.purge_uploads")
