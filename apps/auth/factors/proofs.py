"""Whether what somebody brings proves who they are. Nothing in here opens a connection to anything but our database.

A name that nobody has costs the same work as a wrong proof for one that somebody has.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from django.db.models.functions import Lower
from django.views.decorators.debug import sensitive_variables

from apps.auth.certificates import services as certificates
from apps.auth.certificates import store
from apps.auth.factors import codes, invitations, ways
from apps.auth.factors.models import CodeDevice, Passkey, RecoveryCode
from portal.accounts import canonical_login

if TYPE_CHECKING:
    from apps.auth.models import User

MOST = 1024  # characters
MOST_OF_A_NAME = 10  # accounts
_NOBODY_HAS_THIS = secrets.token_bytes(codes.KEY_OCTETS)


def named(login: str) -> list[User]:
    """The accounts that a name may mean, on the mail server and the portal's own: by login, else by mail address, as it
    stands here. The directory, which knows more of them, is not asked."""
    from apps.auth.models import User

    try:
        canonical = canonical_login(login)
    except ValueError:
        return []
    # the database's collation may find more than was asked for
    people = User.objects.filter(is_active=True)
    found = [user for user in people.filter(login=canonical)[:MOST_OF_A_NAME] if user.login == canonical]
    if "@" in canonical:  # asked for names that are known and for others
        # not iexact, which MariaDB leaves to the collation, and ours knows upper and lower case
        by_address = people.alias(address=Lower("email")).filter(address=canonical).exclude(login=canonical)
        by_address = by_address[:MOST_OF_A_NAME]
        found += [user for user in by_address if user.email.casefold() == canonical]
    return found


@sensitive_variables("proof")
def prove(people: Sequence[User], way: str, proof: str) -> User | None:
    """The one of these whose proof it is. Never raises; an unknown way proves nothing."""
    test = _CHECKS.get(way)
    if test is None or not proof or len(proof) > MOST:
        return None
    if way == ways.PASSWORD:  # a name of two accounts costs no second hash, for an account that has none
        people = [user for user in people if user.has_usable_password()]
    if not people:
        test(None, proof)  # as much work for a name that nobody has
        return None
    return next((user for user in people if test(user, proof)), None)


def _code(user: User | None, proof: str) -> bool:
    devices = list(CodeDevice.objects.filter(user=user, confirmed=True)) if user is not None else []
    if not devices:
        for counter in range(2 * codes.STEPS + 1):
            codes.code_at(_NOBODY_HAS_THIS, counter)
    return any(codes.accept(device, proof) for device in devices)


def _password(user: User | None, proof: str) -> bool:
    from apps.auth.models import User

    if user is None:
        User().set_password(proof)  # takes as long
        return False
    return user.check_password(proof)


def _recovery(user: User | None, proof: str) -> bool:
    return codes.use_recovery(user if user is not None else _nobody(), proof)


def _invitation(user: User | None, proof: str) -> bool:
    return invitations.is_open(user if user is not None else _nobody(), proof)


def _nobody() -> User:
    from apps.auth.models import User

    return User(pk=0)


_CHECKS: Mapping[str, Callable[[User | None, str], bool]] = {
    ways.CODE: _code,
    ways.PASSWORD: _password,
    ways.RECOVERY: _recovery,
    ways.INVITATION: _invitation,
}


def has(user: User) -> frozenset[str]:
    """The ways that somebody has set up."""
    found = {
        ways.CODE: CodeDevice.objects.filter(user=user, confirmed=True).exists(),
        ways.PASSKEY: Passkey.objects.filter(user=user).exists(),
        ways.RECOVERY: RecoveryCode.objects.filter(user=user, used=None).exists(),
        ways.PASSWORD: user.has_usable_password(),
        ways.CERTIFICATE: store.exists() and certificates.held_by(user).exists(),
    }
    return frozenset(way for way, there in found.items() if there)
