"""Somebody's other accounts: which there are, where their servers are, and what may be asked of whom.

People name these servers themselves. They are reached like everything of that kind (``portal.outward``): public
addresses, those of ``INSIDE_NETWORKS`` and the site's own mail servers, and mail ports only. All of them together hold
a quarter of the threads for requests at most, so that however many hang, the main account is read beside them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.cache import cache as site_cache
from django.db.models import Max
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from apps.mail.account_models import OtherAccount
from apps.mail.mailbox.account import Account
from apps.mail.mailbox.errors import AccountLocked, ServerUnreachable, TooManyConnections
from apps.mail.services import account_keys
from portal import mail_servers, net, outward
from portal.net import BadServerUrl, ServerUrl, parse_server_url
from portal.prepared import Prepared

if TYPE_CHECKING:
    from portal.http import PortalRequest

MOST = 20  # of one person
PORTS = frozenset({25, 110, 143, 465, 587, 993, 995, 2525})
CONNECT_SECONDS, READ_SECONDS = 4.0, 12.0
AWAY_SECONDS = 20  # for which nobody but the person's own click asks a server that has not answered

_OF_USER = Prepared(lambda user: OtherAccount.objects.filter(user=user))
_SECONDS = 300


def of(user_id: int) -> list[OtherAccount]:
    """In their order; most people have none, and cost no query."""
    if not settings.OTHER_ACCOUNTS or site_cache.get(_key(user_id)) == "none":
        return []
    found = _OF_USER.objects(user_id)
    if not found:
        site_cache.set(_key(user_id), "none", _SECONDS)
    return found


def find(user_id: int, number: int) -> OtherAccount | None:
    return next((each for each in of(user_id) if each.pk == number), None)


def beside(user_id: int, number: int) -> list[tuple[int, str]]:
    """(number, name) of the accounts but this one, the main one first; none where there is only that."""
    rows = of(user_id)
    found = [(0, _("Main account")), *((row.pk, row.label) for row in rows)] if rows else []
    return [pair for pair in found if pair[0] != number]


def _key(user_id: int) -> str:
    return f"mail.accounts.{user_id}"


def changed(user_id: int) -> None:
    site_cache.delete(_key(user_id))


# servers


def incoming_server(url: str) -> ServerUrl:
    """Raises ``BadServerUrl``."""
    return mail_servers.incoming_url(url)


def outgoing_server(url: str) -> ServerUrl:
    """Raises ``BadServerUrl``."""
    return parse_server_url(url, services=settings.SMTP_SERVICES)


def refusal(server: ServerUrl) -> str:
    """Why the site does not let anybody name this server, in words; "" where it does. Its address is judged when it is
    connected to."""
    if is_own(server):
        return ""
    host = server.host.lower().rstrip(".")
    allowed = settings.OTHER_ACCOUNT_HOSTS
    if allowed and not any(host == each or host.endswith(f".{each}") for each in allowed):
        return _("Your administrator permits accounts at these servers only: %(hosts)s.") % {
            "hosts": ", ".join(allowed)
        }
    if server.security == "plain" and not settings.ALLOW_PLAINTEXT and not net.is_loopback(server.host):
        return _("Your password would cross the network unprotected. Choose an encrypted connection.")
    return ""


def is_own(server: ServerUrl) -> bool:
    """Whether it is one of the site's own mail servers."""
    return str(server) in _own()


def _own() -> dict[str, str]:
    """The site's own servers, each with the file of its authority."""
    found = {}
    for backend in mail_servers.backends():
        found[str(backend.server)] = backend.incoming_ca_file
        if backend.outgoing:
            found[str(backend.way_out)] = backend.outgoing_ca_file
    return found


def reached(server: ServerUrl) -> Sequence[str]:
    """The addresses to connect to: those that were judged. Raises ``OSError``."""
    if is_own(server):
        return ()
    try:
        return outward.judged(server, ports=PORTS)
    except outward.Trouble as error:
        raise OSError(f"not asked: {error.what}") from error


def ca_file_of(server: ServerUrl) -> str | None:
    return _own().get(str(server), settings.INSIDE_CA_FILE) or None


# reading


@sensitive_variables("password")
def account_with(row: OtherAccount, password: str) -> Account:
    """For the pool. Raises ``ServerUnreachable`` for what is no server any more by the site's rules."""
    try:
        server = incoming_server(row.incoming)
    except BadServerUrl as error:
        raise ServerUnreachable(str(error)) from error
    if not settings.OTHER_ACCOUNTS or refusal(server):
        raise ServerUnreachable("the site does not permit this server")
    return Account(
        server=server,
        login=row.login,
        password=password,
        owner=row.user_id,
        ca_file=ca_file_of(server),
        and_system=not is_own(server),
        allow_plain=settings.ALLOW_PLAINTEXT,
        number=row.pk,
        reached=reached,
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
    )


def target(request: PortalRequest, number: int) -> Account:
    """Raises ``AccountLocked``, ``ServerUnreachable``."""
    row = find(request.user.pk, number)
    if row is None:
        raise AccountLocked(number)
    return account_with(row, account_keys.password_of(request, row))


@cache
def places() -> threading.BoundedSemaphore:
    return threading.BoundedSemaphore(max(1, settings.WEB_THREADS // 4))


@contextmanager
def place() -> Iterator[None]:
    """For a connection to somebody's other account. Nobody waits for one. Raises ``TooManyConnections``."""
    if not places().acquire(blocking=False):
        raise TooManyConnections("as many other accounts as may be are asked just now")
    try:
        yield
    finally:
        places().release()


# servers that do not answer


def note_away(row_id: int) -> None:
    site_cache.set(f"mail.away.{row_id}", True, AWAY_SECONDS)


def note_there(row_id: int) -> None:
    site_cache.delete(f"mail.away.{row_id}")


def is_away(row_id: int) -> bool:
    """It has not answered a moment ago: what asks by itself does not wait for it again."""
    return bool(site_cache.get(f"mail.away.{row_id}"))


# order


def next_position(user_id: int) -> int:
    last = OtherAccount.objects.filter(user_id=user_id).aggregate(last=Max("position"))["last"]
    return 0 if last is None else int(last) + 1


# for work that goes on without the browser

_NOTED = ("pk", "email", "incoming", "login", "outgoing", "outgoing_login")


def noted(user_id: int, number: int) -> dict[str, str | int]:
    """What such work has to know, to be sealed with its secret: a row that somebody changes sends no password
    elsewhere. Empty for the main account."""
    row = find(user_id, number) if number else None
    return {name: getattr(row, name) for name in _NOTED} if row else {}


def named(user_id: int, number: int) -> str:
    """The account as a delegation names it, which nobody can change afterwards; "" for the main one."""
    row = find(user_id, number) if number else None
    return f"{row.login} ({row.incoming})"[:320] if row else ""


def of_note(user_id: int, note: Mapping[str, str | int]) -> OtherAccount:
    return OtherAccount(user_id=user_id, **note)


def way_out(row: OtherAccount) -> tuple[ServerUrl, Sequence[str]]:
    """The server for sending and where it may be reached. Raises ``OSError``."""
    try:
        server = outgoing_server(row.outgoing)
    except BadServerUrl as error:
        raise OSError(str(error)) from error
    if not settings.OTHER_ACCOUNTS or refusal(server):
        raise OSError("the site does not permit this server")
    return server, reached(server)
