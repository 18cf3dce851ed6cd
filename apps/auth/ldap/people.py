"""The accounts of a directory's people, held against the directory."""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from django.utils import timezone

from apps.auth import leaving
from apps.auth.ldap import groups
from apps.auth.ldap.backend import SOURCE, WHOLE, site_directory
from apps.auth.models import User
from portal.accounts import account_server
from portal.ldap.connection import Unavailable

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Changes:
    asked: int
    gone: list[str]  # logins
    back: list[str]


def check() -> Changes:
    """Lock out who is gone from the directory or disabled there, and let in again who has come back. Whom an
    administrator has locked out stays so. Raises ``Unavailable``, and then nothing changes: also where a filter that is
    wrong finds nobody at all, or everybody would be out. Groups that cannot be asked for keep nobody in."""
    users = list(User.objects.filter(source=SOURCE, server=account_server(SOURCE)))
    with site_directory(patience=WHOLE).open() as session:
        present = session.present(user.login for user in users)
        if users and not present and not session.anybody():
            raise Unavailable("nobody at all is found there")
        groups.check(session, present, users)
    gone = [user for user in users if user.is_active and user.login not in present]
    back = [user for user in users if user.gone_since is not None and user.login in present]
    for user in gone:
        lock_out(user)
    User.objects.filter(pk__in=[user.pk for user in back]).update(is_active=True, gone_since=None)
    for user in back:
        log.info("person_back", user=user.pk)
    return Changes(len(users), [user.login for user in gone], [user.login for user in back])


def lock_out(user: User) -> None:
    """No way in, and nothing that goes on."""
    User.objects.filter(pk=user.pk).update(is_active=False, gone_since=timezone.now())
    ended = leaving.shut_out(user)
    log.info("person_gone", user=user.pk, sessions=ended)
