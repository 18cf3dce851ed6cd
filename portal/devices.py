"""Browsers in which somebody has signed in before: they are told apart from strangers when passwords are guessed, and a
new one is told to its owner.

Each browser has a random name of its own in a signed cookie, whoever signs in there; the database holds its digest with
the person. It opens nothing: without it, signing in is slower under attack, and no more.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.signing import BadSignature, Signer
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Lower
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

from portal import browsers, security_events
from portal.models import KnownDevice
from portal.security_events import SecurityEvent

LIFETIME = timedelta(days=400)  # as long as browsers keep a cookie
MOST = 50  # of one person: a program that signs in without cookies is a new one each time
_PENDING = "_portal_device_cookie"  # on the request: the cookie to set
_signer = Signer(salt="portal.device")


def known(request: HttpRequest, *, login: str) -> str:
    """A digest of this browser's name if somebody with this login (canonical), or mail address, has signed in here,
    else ""."""
    name = _name(request)
    people = get_user_model()
    theirs = Q(**{f"user__{people.USERNAME_FIELD}": login}) | Q(address=login)
    rows = KnownDevice.objects.alias(address=Lower(f"user__{people.EMAIL_FIELD}"))
    found = name and rows.filter(theirs, digest=_digest(name)).exists()
    return _digest(name) if found else ""


def of_anybody(request: HttpRequest) -> str:
    """As ``known``, whoever has signed in here: for what tells by itself who it is."""
    name = _name(request)
    return _digest(name) if name and KnownDevice.objects.filter(digest=_digest(name)).exists() else ""


def greet(*, request: HttpRequest | None, event: SecurityEvent, **_signal: Any) -> None:
    """For ``security_event``: somebody has signed in here. Tells ``new_device`` unless it is their first at all."""
    if event.kind != "signed_in" or request is None or event.user_id is None:
        return
    name = _name(request) or secrets.token_urlsafe(24)
    setattr(request, _PENDING, _signer.sign(name))  # one that is there stays for another 400 days
    digest = _digest(name)
    theirs = KnownDevice.objects.filter(user=event.user_id)
    now = timezone.now()
    if theirs.filter(digest=digest).update(last_seen=now):
        return
    first = not theirs.exists()
    try:
        with transaction.atomic():
            KnownDevice.objects.create(
                user_id=event.user_id,
                digest=digest,
                browser=browsers.summary(request.headers.get("User-Agent", "")),
                first_seen=now,
                last_seen=now,
            )
    except IntegrityError:
        return  # two tabs signed in at once
    old = theirs.order_by("-last_seen", "-pk").values_list("pk", flat=True)[MOST:]
    KnownDevice.objects.filter(pk__in=list(old)).delete()
    if not first:
        security_events.tell(request, kind="new_device", user=event.user_id)


def set_cookie(request: HttpRequest, response: HttpResponseBase) -> None:
    """For ``CredentialsMiddleware``."""
    value: str | None = getattr(request, _PENDING, None)
    if value:
        response.set_cookie(
            settings.DEVICE_COOKIE_NAME,
            value,
            max_age=LIFETIME,
            path=settings.COOKIE_PATH,
            secure=settings.SECURE_SITE,
            httponly=True,
            samesite="Lax",
        )


def forget_old() -> None:
    KnownDevice.objects.filter(last_seen__lt=timezone.now() - LIFETIME).delete()


def _name(request: HttpRequest) -> str:
    try:
        return _signer.unsign(request.COOKIES.get(settings.DEVICE_COOKIE_NAME, ""))
    except BadSignature:
        return ""


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
