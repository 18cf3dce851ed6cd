"""What the accounts do when nobody is looking. The worker's clock (portal.celery) calls it."""

from __future__ import annotations

import structlog
from django.conf import settings

from apps.auth.audit import record
from apps.auth.certificates import tasks as certificates
from apps.auth.factors import browsers
from portal.celery import app

__all__ = ["certificates", "check_people", "forget_old_events"]  # Celery looks for an app's tasks here

log = structlog.get_logger(__name__)
OFTEN = 600.0  # seconds: a person who is gone is out within a quarter of an hour


@app.task(name="auth.check_people", expires=OFTEN)  # type: ignore[untyped-decorator, unused-ignore]
def check_people() -> None:
    """Who is gone from the directory, or disabled there. One that cannot be asked is asked again the next time."""
    from apps.auth.ldap import people
    from portal.ldap.connection import Unavailable

    try:
        people.check()
    except Unavailable as error:
        log.warning("directory_unavailable", reason=str(error))


if settings.LDAP_URL:
    app.add_periodic_task(OFTEN, check_people.s(), name="auth.check_people")


@app.task(name="auth.forget_old_events", expires=3000)  # type: ignore[untyped-decorator, unused-ignore]
def forget_old_events() -> None:
    from apps.auth.oauth import grants

    record.forget_old()
    browsers.forget_old()
    grants.expire()


app.add_periodic_task(3600.0, forget_old_events.s(), name="auth.forget_old_events")
