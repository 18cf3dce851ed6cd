"""What is done for accounts when nobody is looking. The worker's clock (portal.celery) calls it."""

from __future__ import annotations

from apps.auth.audit import record
from portal.celery import app


@app.task(name="auth.forget_old_events", expires=3000)  # type: ignore[untyped-decorator, unused-ignore]
def forget_old_events() -> None:
    record.forget_old()


app.add_periodic_task(3600.0, forget_old_events.s(), name="auth.forget_old_events")
