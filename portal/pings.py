"""Is there a worker? The self-test asks through the broker, and the worker answers in the database they share."""

from __future__ import annotations

import time

from portal.models import WorkerPing

PATIENCE = 5.0  # seconds: a worker polls the filesystem broker ten times a second
STEP = 0.05


def ask(*, patience: float = PATIENCE) -> float | None:
    """Send a task and wait for its trace; the seconds it took, or None when no worker took it in time.

    Raises what the broker's driver raises when the task cannot even be sent.
    """
    from portal.tasks import ping

    started = time.monotonic()
    row = WorkerPing.objects.create()
    try:
        ping.delay(row.pk)
        while time.monotonic() - started < patience:
            if WorkerPing.objects.filter(pk=row.pk, answered__isnull=False).exists():
                return time.monotonic() - started
            time.sleep(STEP)
        return None
    finally:
        row.delete()
