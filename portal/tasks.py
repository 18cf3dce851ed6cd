from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from portal import delegations, devices, notices
from portal.celery import app
from portal.models import WorkerPing
from portal.sessions import SessionStore


@app.task(name="portal.ping", expires=30)  # type: ignore[untyped-decorator, unused-ignore]
def ping(question: int) -> None:
    """Answers the self-test's question whether a worker is there."""
    WorkerPing.objects.filter(pk=question, answered=None).update(answered=timezone.now())


@app.task(name="portal.clean_up", expires=3000)  # type: ignore[untyped-decorator, unused-ignore]
def clean_up() -> None:
    """Expired sessions and delegations go, and with them the sealed passwords that nobody can open any more."""
    SessionStore.clear_expired()
    delegations.expire()
    devices.forget_old()
    notices.forget_old()
    WorkerPing.objects.filter(asked__lt=timezone.now() - timedelta(hours=1)).delete()
