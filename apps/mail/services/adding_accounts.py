"""Another account, from an address and a password to something that can be read: found, really signed in, kept."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from apps.mail.account_models import OtherAccount
from apps.mail.models import Identity
from apps.mail.services import (
    account_check,
    account_keys,
    autoconfig,
    identities,
    other_accounts,
    pop_shelf,
    stores,
)
from apps.mail.services.account_check import NotLetIn
from apps.mail.services.autoconfig import Step
from portal.http import PortalRequest
from portal.net import BadServerUrl


@dataclass
class Tried:
    """What was done to set an account up, step by step. ``row`` has the servers as far as they are known."""

    row: OtherAccount
    steps: list[Step] = field(default_factory=list)
    done: bool = False

    def note(self, what: str, result: str, *, good: bool = False) -> None:
        self.steps.append(Step(what=what, result=result, good=good))


@sensitive_variables("password")
def find(row: OtherAccount, password: str) -> Tried:
    """Look for the servers of its address, and sign in there. A server that lies outside of the address's domain is
    shown to its owner first, where only DNS has named it (RFC 6186 section 6): anybody may have answered."""
    found = autoconfig.look(row.email)
    tried = Tried(row, list(found.steps))
    row.incoming, row.outgoing = found.incoming, found.outgoing
    row.login, row.outgoing_login = found.login or row.email, found.outgoing_login
    if not found.incoming:
        tried.note(row.email, _("Nobody has told its servers. Ask your provider for them, and enter them below."))
        return tried
    if not found.certain:
        tried.note(
            row.email,
            _("These servers lie outside of its domain. Compare them with what your provider says, then save."),
        )
        return tried
    logins = [row.login] if found.login else [row.email, row.email.rpartition("@")[0]]
    return sign_in(tried, password, logins=logins)


@sensitive_variables("password")
def sign_in(tried: Tried, password: str, *, logins: Sequence[str] = ()) -> Tried:
    """At both servers, with each of the names until one is right."""
    row = tried.row
    for login in logins or [row.login]:
        row.login = login
        what = _("Signing in at %(server)s as %(login)s") % {"server": row.incoming, "login": login}
        try:
            account_check.reading(row, password)
        except NotLetIn as error:
            tried.note(what, error.text)
            if error.login:
                continue
            return tried
        tried.note(what, _("Accepted."), good=True)
        break
    else:
        return tried
    if row.outgoing:
        what = _("Signing in at %(server)s as %(login)s") % {"server": row.outgoing, "login": row.sending_login}
        try:
            account_check.sending(row, password)
        except NotLetIn as error:
            tried.note(what, error.text)
            return tried
        tried.note(what, _("Accepted."), good=True)
    tried.done = True
    return tried


class Known(Exception):
    """There is this very account already."""


@sensitive_variables("password")
def save(request: PortalRequest, row: OtherAccount, password: str) -> None:
    """A new one behind the others, with an identity of its own. Raises ``Known``, ``portal.credentials.Locked``."""
    new = row.pk is None
    try:
        with transaction.atomic():
            if new:
                row.position = other_accounts.next_position(request.user.pk)
            row.save()
            if password:
                account_keys.keep(request, row, password)
            if new and row.outgoing:
                _add_identity(request, row)
    except IntegrityError as error:
        raise Known from error
    finally:
        other_accounts.changed(request.user.pk)
        other_accounts.note_there(row.pk)


def _add_identity(request: PortalRequest, row: OtherAccount) -> None:
    known = identities.all_of(request)
    if len(known) >= identities.MOST:
        return
    identity = Identity(
        user=request.user,
        account=row,
        label=row.label if row.label != row.email else "",
        email=row.email,
        name=known[0].name,
        position=max(each.position for each in known) + 1,
    )
    identities.save(request, identity)


def remove(request: PortalRequest, row: OtherAccount) -> None:
    """From here: nothing happens at its servers. Its identities go with it, and of a POP3 account the folders that the
    portal keeps; what waits to be sent from it still goes out."""
    OtherAccount.objects.filter(pk=row.pk, user_id=request.user.pk).delete()
    if host := _maildrop(request, row):
        pop_shelf.take_away(request.user.pk, host, row.login)
    account_keys.forget(request, row.pk)
    other_accounts.changed(request.user.pk)


def kept_here(request: PortalRequest, row: OtherAccount) -> int:
    """How many messages go with it."""
    host = _maildrop(request, row)
    return pop_shelf.kept_of(request.user.pk, host, row.login) if host else 0


def _maildrop(request: PortalRequest, row: OtherAccount) -> str:
    """The host of its maildrop, where no other account of the same person reads that, the main one included."""
    try:
        server = other_accounts.incoming_server(row.incoming)
    except BadServerUrl:
        return ""
    names = {(stores.backend_of(request.user).server.host.lower(), stores.mail_login(request.user))}
    for each in other_accounts.of(request.user.pk):
        with suppress(BadServerUrl):
            if each.pk != row.pk:
                names.add((other_accounts.incoming_server(each.incoming).host.lower(), each.login))
    return server.host if server.scheme == "pop3" and (server.host.lower(), row.login) not in names else ""
