from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from apps.auth.models import User
from portal.account_backend import AccountBackend


class LocalBackend(AccountBackend):
    """The portal's own accounts: for administrators, and for sites without a mail server."""

    @sensitive_variables("password")
    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        if username is None or password is None:
            return None
        try:
            user = User.objects.local(username)
        except ValueError:
            user = None
        if user is None:
            User().set_password(password)  # an unknown login takes as long as a wrong password
            return None
        return user if user.check_password(password) and self.user_can_authenticate(user) else None
