"""Browsers that need not prove anything for a while, because somebody has said "this is my own computer"."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

from apps.auth.factors.models import RememberedBrowser
from portal import sealing

if TYPE_CHECKING:
    from apps.auth.models import User

MOST = 20  # of one person
_PENDING = "_auth_remembered_cookie"


def remember(request: HttpRequest, user: User, *, days: int, label: str = "") -> None:
    """Its answer carries the cookie (``set_cookie``)."""
    content = secrets.token_urlsafe(32)
    now = timezone.now()
    RememberedBrowser.objects.create(
        user=user, digest=_digests(content)[0], label=label, created=now, expires=now + timedelta(days=days)
    )
    old = RememberedBrowser.objects.filter(user=user).order_by("-created", "-pk").values_list("pk", flat=True)[MOST:]
    RememberedBrowser.objects.filter(pk__in=list(old)).delete()
    setattr(request, _PENDING, (content, days))


def recognise(request: HttpRequest, people: Sequence[User]) -> User | None:
    """Whose browser this is, of these."""
    content = request.COOKIES.get(settings.REMEMBERED_COOKIE_NAME, "")
    if not content or not people:
        return None
    found = RememberedBrowser.objects.filter(digest__in=_digests(content), expires__gt=timezone.now()).first()
    return next((user for user in people if found is not None and user.pk == found.user_id), None)


def is_remembered(request: HttpRequest) -> bool:
    """Whether this is a remembered browser of somebody."""
    content = request.COOKIES.get(settings.REMEMBERED_COOKIE_NAME, "")
    return (
        bool(content)
        and RememberedBrowser.objects.filter(digest__in=_digests(content), expires__gt=timezone.now()).exists()
    )


def set_cookie(request: HttpRequest, response: HttpResponseBase) -> None:
    pending = getattr(request, _PENDING, None)
    if pending is None:
        return
    content, days = pending
    response.set_cookie(
        settings.REMEMBERED_COOKIE_NAME,
        content,
        max_age=days * 24 * 3600,
        path=settings.COOKIE_PATH,
        secure=settings.SECURE_SITE,
        httponly=True,
        samesite="Lax",
    )


def of(user: User) -> int:
    """How many there are."""
    return RememberedBrowser.objects.filter(user=user, expires__gt=timezone.now()).count()


def forget_old() -> None:
    RememberedBrowser.objects.filter(expires__lte=timezone.now()).delete()


def forget_all(user: User) -> int:
    return RememberedBrowser.objects.filter(user=user).delete()[0]


def _digests(content: str) -> list[str]:
    return sealing.digests(content, purpose="remembered browser")
