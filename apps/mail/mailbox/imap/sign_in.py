"""Saying who we are: AUTHENTICATE with a password or a token (RFC 9051 section 6.2.2), or LOGIN."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.mail import sasl
from apps.mail.mailbox import errors
from apps.mail.mailbox.account import Account
from apps.mail.mailbox.imap import guard
from apps.mail.mailbox.imap.commands import Command, Completion
from portal.secret import Bearer

if TYPE_CHECKING:
    from apps.mail.mailbox.imap.connection import Connection


def authenticate(connection: Connection, account: Account) -> None:
    """Raises ``SignInRefused``, ``TokensNotTaken``, ``TlsFailed``, ``BadArgument``."""
    login, secret = account.login, account.password
    if not isinstance(secret, str):
        _show_token(connection, account, secret)
    elif connection.has("AUTH=PLAIN"):
        _sasl(connection, "PLAIN", guard.sasl_plain(login, secret))
    else:
        pieces = guard.string(login), guard.string(secret)
        if connection.has("LOGINDISABLED"):
            raise errors.TlsFailed("the server takes no password on this connection")
        connection.run(Command("LOGIN", pieces), check=Completion.sign_in_error)


def _show_token(connection: Connection, account: Account, secret: Bearer) -> None:
    offered = {name.removeprefix("AUTH=") for name in connection.capabilities if name.startswith("AUTH=")}
    try:
        found = sasl.bearer(offered, account.server, account.login, secret)
    except ValueError as error:
        raise errors.BadArgument(str(error)) from error
    if found is None:
        raise errors.TokensNotTaken("the server offers neither OAUTHBEARER nor XOAUTH2")
    mechanism, message, give_up = found
    _sasl(connection, mechanism, guard.Wire(message.encode()), give_up.encode())


def _sasl(connection: Connection, mechanism: str, message: guard.Wire, *after: bytes) -> None:
    """``after``: what answers a challenge that follows."""
    name = guard.words(mechanism)
    at_once = connection.has("SASL-IR")
    pieces = (name, message) if at_once else (name,)
    replies = after if at_once else (message, *after)
    connection.run(Command("AUTHENTICATE", pieces), check=Completion.sign_in_error, replies=replies)
