"""Django's sessions in the database, read by a prepared query: each request begins with one."""

from __future__ import annotations

from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.utils import timezone

from portal.prepared import Prepared

_STORED = Prepared(lambda key: Session.objects.filter(session_key=key).values_list("session_data", "expire_date"))


class SessionStore(db.SessionStore):
    def load(self) -> dict[str, Any]:
        found = _STORED.rows(self.session_key or "")
        if not found or found[0][1] <= timezone.now():
            self._session_key = None
            return {}
        return self.decode(found[0][0])
