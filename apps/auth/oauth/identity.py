"""From what the provider says to an account here."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.views.decorators.debug import sensitive_variables

from apps.auth.models import User
from apps.auth.oauth import provider
from apps.auth.oauth.models import ProviderIdentity
from apps.auth.oauth.provider import Refused
from portal.accounts import account_server, canonical_login, external_user, mail_address_of

SOURCE = "oidc"


class OtherSubject(Refused):
    """The login belongs to another person of the provider, or this person to another login."""


@sensitive_variables("token")
def person(claims: Mapping[str, Any], token: str) -> User:
    """The account of OIDC_LOGIN_CLAIM, made at the first sign-in. Raises ``Refused``, ``Unavailable``.

    An account of the mail server's or the directory's with the same login is another one: who may say that both are one
    person? What the provider calls somebody opens nothing that their password there has opened.
    """
    wanted = settings.OIDC_LOGIN_CLAIM
    if wanted not in claims:
        claims = {**_more(claims, token), **claims}
    login = _login(claims, wanted)
    subject = hashlib.sha256(f"{settings.OIDC_ISSUER}\0{claims['sub']}".encode()).hexdigest()
    _no_other(login, subject)
    email = str(claims.get("email", "")) if _is_verified(claims) else ""
    user = external_user(
        source=SOURCE,
        server=account_server(SOURCE),
        login=login,
        email=_address(email) or mail_address_of(login),
        name=_line(claims.get("name")),
    )
    _bind(user, subject)
    return user


def _more(claims: Mapping[str, Any], token: str) -> Mapping[str, Any]:
    """Said by the userinfo endpoint, about the same person (OpenID Connect Core, section 5.3.2)."""
    found = provider.about(token)
    if found and found.get("sub") != claims["sub"]:
        raise Refused("the claims are another person's")
    return found


def _login(claims: Mapping[str, Any], wanted: str) -> str:
    said = claims.get(wanted)
    if not isinstance(said, str):
        raise Refused("no login claim")
    if wanted == "email" and not _is_verified(claims):
        raise Refused("an address that nobody has verified")
    try:
        return canonical_login(said)
    except ValueError as error:
        raise Refused("a login claim that can be no login") from error


def _is_verified(claims: Mapping[str, Any]) -> bool:
    said = claims.get("email_verified")
    return said is True or said == "true"  # some providers write it as a text


def _address(said: str) -> str:
    from portal.conf import mail_address

    try:
        return mail_address(said) if len(said) <= 254 and said.isprintable() else ""
    except ValueError:
        return ""


def _line(said: object) -> str:
    return said[:190] if isinstance(said, str) and said.isprintable() else ""


def _no_other(login: str, subject: str) -> None:
    """Before an account is made. Raises ``OtherSubject``."""
    bound = ProviderIdentity.objects.select_related("user").filter(subject=subject).first()
    here = bound is None or (bound.user.server == account_server(SOURCE) and bound.user.login == login)
    known = User.objects.identified(source=SOURCE, server=account_server(SOURCE), login=login)
    taken = known is not None and ProviderIdentity.objects.filter(user=known).exclude(subject=subject).exists()
    if not here or taken:
        raise OtherSubject("the login is bound to another subject")


def _bind(user: User, subject: str) -> None:
    try:
        with transaction.atomic():
            found, _made = ProviderIdentity.objects.get_or_create(user=user, defaults={"subject": subject})
    except IntegrityError as error:
        raise OtherSubject("the subject is bound to another login") from error
    if found.subject != subject:
        raise OtherSubject("the login is bound to another subject")
