"""From a request to its mail store: which server, whose secret."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from apps.mail.mailbox.account import Account
from apps.mail.mailbox.errors import AccountLocked, ProviderAway, ServerUnreachable, SignInRefused
from apps.mail.mailbox.names import account_of as account_of_name
from apps.mail.mailbox.pool import Pool
from apps.mail.mailbox.pop.shelf import Shelf
from apps.mail.mailbox.routed import Routed
from apps.mail.mailbox.store import MailStore
from apps.mail.mailbox.ways import Apart
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
    with contextlib.ExitStack() as stack:
        stack.enter_context(_place(target.number))
        try:
            store = stack.enter_context(pool().lease(target))
        except SignInRefused as error:
            if target.number:
                raise AccountLocked(target.number, refused=True) from error
            raise
        yield Routed(partial(_only, store, target.number), account=target.number)


def _only(store: MailStore, mine: int, number: int) -> MailStore:
    if number != mine:
        raise AccountLocked(number)
    return store


def _place(number: int) -> contextlib.AbstractContextManager[None]:
    if not number:
        return contextlib.nullcontext()
    from apps.mail.services import other_accounts  # models: without mail among the apps this module loads too

    return other_accounts.place()


@contextmanager
def open_delegated(user: User, secret: Secret, number: int = 0) -> Iterator[MailStore]:
    """Somebody's mail without their browser, with what a delegation holds; ``number``: of which account. Raises
    ``MailError``: ``SignInRefused`` where the tokens are over, ``AccountLocked``."""
    with open_account(_delegated(user, secret, number)) as store:
        store.wish = _wish(user.pk)
        yield store


def _delegated(user: User, secret: Secret, number: int) -> Account:
    try:
        password = shown(secret)
    except credentials.Locked as error:
        raise SignInRefused("the tokens are over") from error
    if not number:
        return account(backend_of(user), login=mail_login(user), password=password, owner=user.pk)
    from apps.mail.services import other_accounts

    row = other_accounts.find(user.pk, number)
    if row is None or not isinstance(password, str):
        raise AccountLocked(number)
    return other_accounts.account_with(row, password)


def check_password(target: Account) -> None:
    """Whether the server takes this password, asked now and not remembered from before. Raises ``SignInRefused`` when
    it does not, and the other errors of ``apps.mail.mailbox.errors`` when it cannot be asked."""
    pool().sign_in(target)


@contextmanager
def open_store(request: PortalRequest, at: str = "") -> Iterator[MailStore]:
    """The signed-in user's mail, with the account of the mailbox ``at`` at hand. Raises ``portal.credentials.Locked``
    when the password is not at hand, or is one that the server refuses. A token that it refuses is renewed once: it may
    have been taken back before its time. Of other accounts ``AccountLocked`` says the same."""
    with contextlib.ExitStack() as stack:
        store = Routed(
            lambda number: _leased(request, number, stack),
            account=account_of_name(at),
            wish=_wish(request.user.pk),
            elsewhere=_Elsewhere(request),
        )
        store.reach()
        yield store


class _Elsewhere:
    """All accounts of the person who is signed in; the secret of each is opened here, in the request's own thread."""

    def __init__(self, request: PortalRequest) -> None:
        self._request = request

    def numbers(self) -> Sequence[int]:
        from apps.mail.services import other_accounts

        rows = other_accounts.of(self._request.user.pk)
        return [0, *(row.pk for row in rows)] if rows else []

    def apart(self, number: int) -> Apart:
        return partial(open_account, _account(self._request, number))


def _leased(request: PortalRequest, number: int, stack: contextlib.ExitStack) -> MailStore:
    stack.enter_context(_place(number))
    target = _account(request, number)
    try:
        return stack.enter_context(pool().lease(target))
    except SignInRefused as error:
        if number:
            raise
        if isinstance(target.password, str):
            raise credentials.Locked(refused=True) from error
        refused = target.password
    try:
        return stack.enter_context(pool().lease(_account(request, 0, refused=refused.token)))
    except SignInRefused as error:
        raise credentials.Locked(refused=True) from error


def account_of(request: PortalRequest, mailbox: str = "") -> Account:
    """The account of this mailbox. Raises ``portal.credentials.Locked``, ``ProviderAway``, ``AccountLocked``."""
    return _account(request, account_of_name(mailbox))


def secret_of(request: PortalRequest, mailbox: str = "") -> Secret:
    """What a delegation for the account of this mailbox holds. Raises ``portal.credentials.Locked``,
    ``AccountLocked``."""
    if not (number := account_of_name(mailbox)):
        return credentials.unseal(request)
    from apps.mail.services import other_accounts

    password = other_accounts.target(request, number).password
    assert isinstance(password, str)
    return password


def _account(request: PortalRequest, number: int, *, refused: str = "") -> Account:
    """``refused``: the token that is good no more."""
    if number:
        from apps.mail.services import other_accounts

        return other_accounts.target(request, number)
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
