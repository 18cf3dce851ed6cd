"""Letting people in who have nothing yet: a code on paper, good once, that leads to enrolling and to nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from apps.auth.factors import codes
from apps.auth.factors.models import Invitation
from portal import sealing

if TYPE_CHECKING:
    from apps.auth.models import User

LIFETIME = timedelta(days=14)


def invite(user: User, *, lifetime: timedelta = LIFETIME) -> str:
    """The code, to be handed out now and shown never again; one from before is void."""
    code = codes.new_code(groups=4)
    now = timezone.now()
    values = {"digest": _digests(user, code)[0], "created": now, "expires": now + lifetime, "used": None}
    Invitation.objects.update_or_create(user=user, defaults=values)
    return code


def is_open(user: User, code: str) -> bool:
    """Whether it would be accepted; it is used up by ``use``."""
    found = Invitation.objects.filter(user=user, digest__in=_digests(user, code), used=None)
    return found.filter(expires__gt=timezone.now()).exists()


def use(user: User) -> None:
    """Somebody has enrolled with it."""
    Invitation.objects.filter(user=user, used=None).update(used=timezone.now())


def _digests(user: User, code: str) -> list[str]:
    return sealing.digests(f"{user.pk} {codes.plain(code)}", purpose="invitation")
