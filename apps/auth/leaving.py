"""What ends when somebody is gone, or locked out: all that still lets them, or a program of theirs, in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.http import HttpRequest

from apps.auth.factors import browsers
from apps.auth.factors.models import AppPassword
from apps.auth.oauth.models import TokenGrant
from portal import delegations, sessions

if TYPE_CHECKING:
    from apps.auth.models import User


def proof_gone(user: User, *, but: str | None = None, request: HttpRequest | None = None) -> None:
    """One of a person's proofs counts no more: whoever has come in with it is out, and no browser is spared a proof.
    ``but``: the key of the session that stays, of somebody who has removed it themselves."""
    browsers.forget_all(user)
    sessions.end_all(user_id=user.pk, but=but, request=request)


def shut_out(user: User, *, request: HttpRequest | None = None) -> int:
    """Sessions, work without the browser, tokens, app passwords, remembered browsers; returns how many sessions. Proofs
    stay: whoever comes back has to bring them. ``request``: of whoever does it, for the log."""
    with transaction.atomic():
        delegations.end_all(user_id=user.pk)
        AppPassword.objects.filter(user=user).delete()
        TokenGrant.objects.filter(user=user).delete()
        browsers.forget_all(user)
    return sessions.end_all(user_id=user.pk, request=request)
