"""What the worker does for this app; Celery looks for it here."""

from __future__ import annotations

from apps.auth.certificates import tasks as certificates

__all__ = ["certificates"]
