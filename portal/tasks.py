from __future__ import annotations

from datetime import timedelta

from django.core.management import call_command
from django.utils import timezone

from portal import delegations
from portal.celery import app
from portal.models import WorkerPing


@app.task(name="portal.ping", expires=30)  # type: ignore[untyped-decorator, unused-ignore]
def ping(question: int) -> None:
    """Answers the self-test's question whether a worker is there."""
    WorkerPing.objects.filter(pk=question, answered=None).update(answered=timezone.now())


@app.task(name="portal.clean_up", expires=3000)  # type: ignore[untyped-decorator, unused-ignore]
def clean_up() -> None:
    """Expired sessions and delegations go, and with them the sealed passwords that nobody can open any more."""
    call_command("clearsessions")
    delegations.expire()
    WorkerPing.objects.filter(asked__lt=timezone.now() - timedelta(hours=1)).delete()
