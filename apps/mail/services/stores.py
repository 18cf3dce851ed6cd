"""From a request to its mail store: which server, whose secret."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from apps.mail.mailbox.account import Account
from apps.mail.mailbox.errors import ProviderAway, ServerUnreachable, SignInRefused
from apps.mail.mailbox.pool import Pool
from apps.mail.mailbox.pop.shelf import Shelf
from apps.mail.mailbox.store import MailStore
from apps.mail.mailbox.wishes import Asked
from portal import credentials, mail_servers
from portal.accounts import SignInUnavailable
from portal.diagnostics import AT_ONCE
from portal.http import PortalRequest
from portal.mail_servers import Backend
from portal.secret import Bearer, Secret, Shown, Tokens

if TYPE_CHECKING:
    from apps.auth.models import User


def backend_of(user: User) -> Backend:
    """The mail server of the site that is this person's. Raises ``ImproperlyConfigured`` while none is set, and
    ``ServerUnreachable`` where theirs is gone."""
    first_backend()
    try:
        return mail_servers.of_user(user)
    except mail_servers.NoBackend as error:
        raise ServerUnreachable(f"none of the site's mail servers is {error}") from error


def first_backend() -> Backend:
    if not (found := mail_servers.backends()):
        raise ImproperlyConfigured("IMAP_URL is not set: name the mail server, for example imaps://mail.example.org")
    return found[0]


def mail_login(user: User) -> str:
    """What their mail server knows somebody as, by the site's rule (MAIL_LOGIN_RULE, or the backend's)."""
    return backend_of(user).login_of(user.login, user.email)


def account(
    backend: Backend | None = None, *, login: str, password: Shown, client_address: str = "", owner: int = 0
) -> Account:
    """An account on this server, or the site's first. The client's address is passed on (IMAP ID) where the site
    trusts the server. ``owner``: whose it is here, see ``Account``."""
    backend = backend or first_backend()
    return Account(
        server=backend.server,
        login=login,
        password=password,
        owner=owner,
        ca_file=backend.incoming_ca_file or None,
        allow_plain=settings.ALLOW_PLAINTEXT,
        client_address=client_address if settings.IMAP_SEND_CLIENT_ADDRESS else "",
    )


@cache
def pool() -> Pool:
    """The process's one pool of warm connections. No server holds more than half of the request threads, those of the
    self-test included: beyond that the answer is "busy" at once, so that a hanging server leaves the rest of the portal
    alive. A quarter of these, and as many of the connections, are for people who sign in."""
    most = max(2, settings.WEB_THREADS // 2 - AT_ONCE)
    sign_ins = max(1, min(most // 4, settings.IMAP_MAX_CONNECTIONS // 8))
    return Pool(
        directory=settings.DATA_DIR / "connections",
        per_account=settings.IMAP_MAX_PER_ACCOUNT,
        per_server=max(1, settings.IMAP_MAX_CONNECTIONS - sign_ins),
        threads=most - sign_ins,
        sign_ins=sign_ins,
        shelves=_shelf,
        look_every=settings.POP3_LOOK_SECONDS,
    )


@contextmanager
def open_account(target: Account) -> Iterator[MailStore]:
    """Lease a connection of this account. Raises the errors of ``apps.mail.mailbox.errors``."""
    with pool().lease(target) as store:
        yield store


@contextmanager
def open_delegated(user: User, secret: Secret) -> Iterator[MailStore]:
    """Somebody's mail without their browser, with what a delegation holds. Raises ``MailError``: ``SignInRefused``
    where the tokens are over."""
    try:
        password = shown(secret)
    except credentials.Locked as error:
        raise SignInRefused("the tokens are over") from error
    target = account(backend_of(user), login=mail_login(user), password=password, owner=user.pk)
    with open_account(target) as store:
        store.wish = _wish(user.pk)
        yield store


def check_password(target: Account) -> None:
    """Whether the server takes this password, asked now and not remembered from before. Raises ``SignInRefused`` when
    it does not, and the other errors of ``apps.mail.mailbox.errors`` when it cannot be asked."""
    pool().sign_in(target)


@contextmanager
def open_store(request: PortalRequest) -> Iterator[MailStore]:
    """The signed-in user's mail. Raises ``portal.credentials.Locked`` when the password is not at hand, or is one that
    the server refuses. A token that it refuses is renewed once: it may have been taken back before its time."""
    with contextlib.ExitStack() as stack:
        target = account_of(request)
        try:
            store = stack.enter_context(open_account(target))
        except SignInRefused as error:
            if isinstance(target.password, str):
                raise credentials.Locked(refused=True) from error
            store = stack.enter_context(_open_again(request, refused=target.password))
        store.wish = _wish(request.user.pk)
        yield store


@contextmanager
def _open_again(request: PortalRequest, *, refused: Bearer) -> Iterator[MailStore]:
    with contextlib.ExitStack() as stack:
        try:
            store = stack.enter_context(open_account(account_of(request, refused=refused.token)))
        except SignInRefused as error:
            raise credentials.Locked(refused=True) from error
        yield store


def account_of(request: PortalRequest, *, refused: str = "") -> Account:
    """Raises ``portal.credentials.Locked``, ``ProviderAway``. ``refused``: the token that is good no more."""
    return account(
        backend_of(request.user),
        login=mail_login(request.user),
        password=shown(credentials.unseal(request), refused=refused),
        client_address=request.client_address,
        owner=request.user.pk,
    )


def shown(secret: Secret, *, refused: str = "") -> Shown:
    """As ``portal.credentials.shown``, with an error of ours: raises ``ProviderAway``."""
    try:
        return credentials.shown(secret, refused=refused)
    except SignInUnavailable as error:
        raise ProviderAway(str(error)) from error


def close_connections(request: PortalRequest) -> None:
    """Close the connections that were opened with this session's password; busy ones as soon as they are free."""
    try:
        secret = credentials.unseal(request)
    except credentials.Locked:
        return  # nothing was opened with a password that is not there
    password: Shown = Bearer("", secret.of) if isinstance(secret, Tokens) else secret  # nobody is asked for a token
    target = account(backend_of(request.user), login=mail_login(request.user), password=password)
    pool().close_account(pool().key(target))


def _shelf(target: Account) -> Shelf:
    from apps.mail.services import pop_shelf  # models, as below

    return pop_shelf.of(target)


def _wish(user_id: int) -> Asked:
    from apps.mail.services import folder_settings  # models: without mail among the apps this module loads too

    return folder_settings.asked(user_id)
