"""The provider as the portal sees it (``portal.contracts.Provider``)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from portal.contracts import Text
    from portal.secret import Bearer, Tokens


def name() -> str:
    return settings.OIDC_NAME or urlsplit(settings.OIDC_ISSUER).hostname or ""


class SignInElsewhere:
    """Imported when it is asked, as ``portal.py`` is read before the models are there."""

    @property
    def label(self) -> Text:
        return format_lazy(_("Sign in with {name}"), name=name())

    def start_url(self, target: str, *, beside: bool = False) -> str:
        values = {"next": target, **({"beside": "1"} if beside else {})}
        return f"{reverse('auth:oauth_start')}?{urlencode(values)}"

    def signs_in(self, user: AbstractBaseUser) -> bool:
        from apps.auth.oauth.identity import SOURCE

        return getattr(user, "source", "") == SOURCE

    def bearer(self, tokens: Tokens, *, refused: str = "") -> Bearer:
        from apps.auth.oauth import grants

        return grants.bearer(tokens, refused=refused)

    def leave(self, request: HttpRequest) -> None:
        from apps.auth.oauth import grants
        from portal import credentials
        from portal.secret import Tokens

        try:
            secret = credentials.unseal(request)
        except credentials.Locked:
            return
        if isinstance(secret, Tokens):
            grants.forget(secret, user_id=request.user.pk or 0)

    def leave_url(self) -> str:
        from apps.auth.oauth import provider

        return reverse("auth:oauth_leave") if provider.known().get("end_session_endpoint") else ""
