"""Who has nothing shared with them, as most people on most pages: remembered for a while, so that it costs no query.

Only that there is nothing is ever remembered: what is taken back is gone with the next query. A new share, and whoever
joins a group of the portal, changes the state, which makes all that was remembered void.
"""

from __future__ import annotations

import time
from typing import Any

from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.db.models.signals import m2m_changed, post_delete, post_save

from apps.contacts.models import Hidden, Share

KEPT_FOR = 30  # seconds
_STATE = "contacts.shares"


def state() -> int:
    return int(cache.get(_STATE) or 0)


def known(user_id: int) -> bool:
    kept: int | None = cache.get(_key(user_id))
    return kept is not None and kept == state()


def remember(user_id: int, state: int) -> None:
    """``state``: as it was before the shares were asked for."""
    cache.set(_key(user_id), state, KEPT_FOR)


def _key(user_id: int) -> str:
    return f"contacts.unshared.{user_id}"


def forget(**kwargs: Any) -> None:
    cache.set(_STATE, time.time_ns(), None)


def connect() -> None:
    post_save.connect(forget, Share, dispatch_uid="contacts.unshared.share")
    post_delete.connect(forget, Hidden, dispatch_uid="contacts.unshared.shown")
    m2m_changed.connect(forget, get_user_model().groups.through, dispatch_uid="contacts.unshared.group")
