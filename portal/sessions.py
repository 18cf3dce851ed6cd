"""Sessions in the database with the person they belong to, read by a prepared query: each request begins with one.

What a list of sessions shows stands in columns beside the session's data, from which each save fills them. The key of a
session is as good as a password for its time; lists and the audit log name it by its ``reference``.
"""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from portal import browsers, security_events
from portal.models import Session
from portal.prepared import Prepared

STARTED, SEEN, TRUSTED = "portal.started", "portal.seen", "portal.trusted"
_REFERENCE, _ADDRESS, _BROWSER = "portal.reference", "portal.address", "portal.browser"
_STORED = Prepared(lambda key: Session.objects.filter(session_key=key).values_list("session_data", "expire_date"))


class SessionStore(db.SessionStore):
    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def load(self) -> dict[str, Any]:
        found = _STORED.rows(self.session_key or "")
        if not found or found[0][1] <= timezone.now():
            self._session_key = None
            return {}
        return self.decode(found[0][0])

    def get_session_cookie_age(self) -> int:
        """Seconds until the row expires, if nobody uses it."""
        now = int(time.time())
        age = now - int(self.get(STARTED, now))
        return max(1, min(idle_limit(self), age_limit(self) - age))

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        row = super().create_model_instance(data)
        assert isinstance(row, Session)
        row.user_id = int(data[SESSION_KEY]) if SESSION_KEY in data else None
        row.reference, row.address = data.get(_REFERENCE, ""), data.get(_ADDRESS, "")
        row.browser, row.trusted = data.get(_BROWSER, ""), data.get(TRUSTED, True)
        row.started, row.seen = _moment(data.get(STARTED)), _moment(data.get(SEEN))
        return row


def _moment(seconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds is not None else None


def idle_limit(session: Any) -> int:
    """Seconds. ``portal.trusted`` is False where somebody has signed in on a computer that is not their own."""
    trusted = session.get(TRUSTED, True)
    return 60 * int(settings.SESSION_IDLE_MINUTES if trusted else settings.SESSION_IDLE_MINUTES_UNTRUSTED)


def age_limit(session: Any) -> int:
    trusted = session.get(TRUSTED, True)
    return 3600 * int(settings.SESSION_MAX_HOURS if trusted else settings.SESSION_MAX_HOURS_UNTRUSTED)


def begin(request: HttpRequest) -> None:
    """At sign-in: start counting, and note what its owner will know it by."""
    session = request.session
    session[STARTED] = session[SEEN] = int(time.time())
    session[_REFERENCE] = secrets.token_hex(8)
    session[_ADDRESS] = getattr(request, "client_address", "")[:45]
    session[_BROWSER] = browsers.summary(request.headers.get("User-Agent", ""))


def reference(request: HttpRequest) -> str:
    """What this session is called; it stays when the key is changed. "" for those of nobody."""
    session = getattr(request, "session", None)
    return str(session.get(_REFERENCE, "")) if session is not None else ""


def of_user(user_id: int) -> QuerySet[Session]:
    """Those that live, the last used first."""
    return Session.objects.filter(user=user_id, expire_date__gt=timezone.now()).order_by("-seen", "-started")


def end(*, user_id: int, reference: str, request: HttpRequest | None = None) -> bool:
    """End one; False where this person has none that is called so."""
    return bool(reference) and _end(Session.objects.filter(user=user_id, reference=reference), user_id, request) > 0


def end_all(*, user_id: int, but: str | None = None, request: HttpRequest | None = None) -> int:
    """End a person's sessions wherever they are; returns how many. ``but``: the key of one that stays.

    ``request``: of whoever does it, for the log. A request that is running in such a session can save nothing any more.
    """
    return _end(Session.objects.filter(user=user_id).exclude(session_key=but or ""), user_id, request)


def _end(rows: QuerySet[Session], user_id: int, request: HttpRequest | None) -> int:
    ended, _each = rows.delete()
    if ended:
        by = getattr(request, "user", None)
        who = {"by": by.get_username()} if by is not None and by.is_authenticated and by.pk != user_id else {}
        security_events.tell(request, kind="sessions_ended", user=user_id, count=ended, **who)
    return ended
