"""Passwords for programs (address books on phones, and what else will come), one for each.

They open what takes them and nothing else: not the portal, and not the mailbox, whose own password never serves here.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from apps.auth.factors import codes
from apps.auth.factors.models import AppPassword
from portal import sealing
from portal.accounts import canonical_login
from portal.contracts import Program

if TYPE_CHECKING:
    from apps.auth.models import User

MOST = 20  # of one person
_SEEN = timedelta(minutes=10)  # between two notes of the last use


class TooMany(Exception):
    """Nobody needs more programs than that."""


def make(user: User, *, name: str) -> str:
    """The password, to be shown now and never again. Raises ``TooMany``."""
    if AppPassword.objects.filter(user=user).count() >= MOST:
        raise TooMany
    password = codes.new_code(groups=5)
    AppPassword.objects.create(user=user, name=name[:64], digest=_digests(password)[0])
    return password


def check(login: str, password: str) -> User | None:
    """Whose it is: for what programs sign in at."""
    found = find(login, password)
    return found.user if found else None


@sensitive_variables("password")
def find(login: str, password: str) -> AppPassword | None:
    """Somebody who is locked out has none any more."""
    try:
        canonical = canonical_login(login)
    except ValueError:
        return None
    found = AppPassword.objects.select_related("user").filter(digest__in=_digests(password)).first()
    if found is None or found.user.login != canonical or not found.user.is_active:
        return None
    now = timezone.now()
    if found.used is None or now - found.used > _SEEN:
        AppPassword.objects.filter(pk=found.pk).update(used=now)
    return found


def _digests(password: str) -> list[str]:
    return sealing.digests(codes.plain(password), purpose="app password")


class ForPrograms:
    """Fulfils ``portal.contracts.ProgramPasswords``."""

    url_name = "auth:security"

    @sensitive_variables("password")
    def check(self, login: str, password: str) -> Program | None:
        found = find(login, password)
        return Program(found.user, found.name) if found else None
