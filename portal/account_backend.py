"""What authentication backends stand on whose accounts are rows here. Apart from ``portal.accounts``, which the user
model itself needs: Django's own backend can be imported only when that is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend

from portal.prepared import Prepared

if TYPE_CHECKING:
    from apps.auth.models import User

_BY_ID: Prepared[User] = Prepared(lambda pk: get_user_model().objects.filter(pk=pk).order_by())


class AccountBackend(ModelBackend):
    """Each request asks whom its session belongs to: by a prepared query."""

    def get_user(self, user_id: int) -> User | None:
        found = _BY_ID.objects(user_id)
        return found[0] if found and self.user_can_authenticate(found[0]) else None
