"""Whose page it was that a form comes from, once the session behind it has ended.

The account is told by a signed cookie that outlives the session, and by a signed field where a form waits for the
password. Repeated as somebody else, a letter would go out under another name: on a computer that several people use,
the next one to sign in is not always the one who wrote.
"""

from __future__ import annotations

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.http import HttpRequest, HttpResponseBase

FIELD = "portal_account"
_PENDING = "_portal_account_cookie"  # on the request: the cookie to set
_signer = Signer(salt="portal.whose")


def remember(request: HttpRequest) -> None:
    """At sign-in."""
    setattr(request, _PENDING, _signer.sign(str(request.user.pk)))


def set_cookie(request: HttpRequest, response: HttpResponseBase) -> None:
    """For ``CredentialsMiddleware``."""
    value: str | None = getattr(request, _PENDING, None)
    if value:
        response.set_cookie(
            settings.ACCOUNT_COOKIE_NAME,
            value,
            path=settings.COOKIE_PATH,
            secure=settings.SECURE_SITE,
            httponly=True,
            samesite="Lax",
        )


def token(request: HttpRequest) -> str:
    """For the form that waits: whose it is, "" where nobody knows."""
    kept = request.POST.get(FIELD, "")
    if _account(kept):
        return kept
    if request.user.is_authenticated:
        return _signer.sign(str(request.user.pk))
    cookie = request.COOKIES.get(settings.ACCOUNT_COOKIE_NAME, "")
    return cookie if _account(cookie) else ""


def is_of(request: HttpRequest, account: object) -> bool:
    """Whether the form that waited was this account's."""
    return _account(request.POST.get(FIELD, "")) == str(account)


def _account(text: str) -> str:
    try:
        return _signer.unsign(text)
    except BadSignature:
        return ""
