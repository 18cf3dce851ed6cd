"""What mail does when other apps say something happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.contrib.auth.signals import user_logged_out
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from portal import credentials, mail_servers

if TYPE_CHECKING:
    from apps.auth.models import User
    from portal.http import PortalRequest
    from portal.secret import Secret


def connect() -> None:
    user_logged_out.connect(close_connections_of, dispatch_uid="mail.close_connections_of")
    credentials.sealed.connect(renew_what_waits, dispatch_uid="mail.renew_what_waits")
    credentials.sealed.connect(open_accounts, dispatch_uid="mail.open_accounts")


def close_connections_of(*, request: HttpRequest | None, user: User | None, **kwargs: Any) -> None:
    """Signed out means out: no connection stays open to be found later. The session still stands when this is sent."""
    from apps.mail.services.stores import close_connections

    if request is not None and user is not None and not user.is_local and mail_servers.backends():
        close_connections(cast("PortalRequest", request))


@sensitive_variables("secret")
def renew_what_waits(*, request: HttpRequest, secret: Secret, **kwargs: Any) -> None:
    """What is to be sent at a later time goes out with the password that is right by now."""
    from apps.mail.services import planned

    if (pk := getattr(getattr(request, "user", None), "pk", None)) is not None:
        planned.renew_all(pk, secret)


@sensitive_variables("secret")
def open_accounts(*, request: HttpRequest, secret: Secret, **kwargs: Any) -> None:
    """The passwords of other accounts open with that of the main one."""
    from apps.mail.services import account_keys

    if getattr(getattr(request, "user", None), "pk", None) is not None:
        account_keys.opened(request, secret)
