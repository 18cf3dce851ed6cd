"""Who may do what in a folder (RFC 4314), in words: roles for most people, the eleven rights behind them for others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.mail.mailbox.errors import MailError
from apps.mail.mailbox.sharing import RIGHTS, Grant, ordered
from apps.mail.mailbox.store import Mailbox, MailStore
from apps.mail.services.folder_actions import in_words
from apps.mail.services.folder_names import FolderRefused
from apps.mail.services.stores import backend_of
from portal import addressing
from portal.contracts import Text
from portal.mail_servers import Backend

if TYPE_CHECKING:
    from apps.auth.models import User

#: From the weakest on: each has what those before it have.
ROLES: dict[str, tuple[str, Text]] = {
    "read": ("lr", gettext_lazy("read")),
    "mark": ("lrsw", gettext_lazy("read and mark")),
    "add": ("lrswip", gettext_lazy("add messages")),
    "edit": ("lrswipkte", gettext_lazy("edit: add, move and delete messages")),
    "manage": ("lrswipkxtea", gettext_lazy("manage, and decide who else may")),
}
WORDS: dict[str, Text] = {
    "l": gettext_lazy("see that the folder is there"),
    "r": gettext_lazy("read its messages"),
    "s": gettext_lazy("mark messages as read"),
    "w": gettext_lazy("set flags and labels"),
    "i": gettext_lazy("add messages"),
    "p": gettext_lazy("send mail to its address"),
    "k": gettext_lazy("make folders inside"),
    "x": gettext_lazy("rename and delete the folder"),
    "t": gettext_lazy("mark messages as deleted"),
    "e": gettext_lazy("remove deleted messages for ever"),
    "a": gettext_lazy("decide who may do what"),
}
ANYONE, AUTHENTICATED = "anyone", "authenticated"
_NAMES: dict[str, Text] = {
    ANYONE: gettext_lazy("everybody, also without signing in"),
    AUTHENTICATED: gettext_lazy("everybody who is signed in"),
    "owner": gettext_lazy("the owner"),
}
_IDENTIFIER = re.compile(r"-?[^\x00-\x1f\x7f\s]{1,250}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A grant as people see it."""

    grant: Grant
    name: Text
    role: str  # a key of ``ROLES``; "" where the rights are those of none
    mine: bool  # one's own

    @property
    def letters(self) -> tuple[tuple[str, Text, bool], ...]:
        return tuple((letter, WORDS[letter], letter in self.grant.rights) for letter in RIGHTS)

    @property
    def words(self) -> str:
        return in_rights_words(self.grant.rights)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    rights: str  # one's own
    words: str
    lines: tuple[Line, ...] = ()  # of everybody, for whoever may administer it

    @property
    def may_change(self) -> bool:
        return "a" in self.rights


def role_of(rights: str) -> str:
    """ "p" matters to few servers: with it or without it is the same role."""
    for role, (letters, _label) in ROLES.items():
        if set(rights) - {"p"} == set(letters) - {"p"}:
            return role
    return ""


def in_rights_words(rights: str) -> str:
    role = role_of(rights)
    return str(ROLES[role][1]) if role else ", ".join(str(WORDS[letter]) for letter in ordered(rights)) or _("nothing")


def of(store: MailStore, mailbox: Mailbox, *, login: str) -> Access | None:
    """None where the server knows nothing of it."""
    if not store.shares or not mailbox.selectable:
        return None
    rights = store.my_rights([mailbox.name]).get(mailbox.name)
    if rights is None:
        return None
    lines: tuple[Line, ...] = ()
    if "a" in rights:
        with in_words(mailbox.name):
            lines = tuple(_line(grant, login) for grant in store.acl(mailbox.name))
    return Access(rights=rights, words=in_rights_words(rights), lines=lines)


def _line(grant: Grant, login: str) -> Line:
    who = grant.identifier.removeprefix("-")
    name = _NAMES.get(who, who)
    if grant.negative:
        name = _("not: %(name)s") % {"name": name}
    return Line(grant=grant, name=name, role=role_of(grant.rights), mine=who == login)


def give(store: MailStore, mailbox: Mailbox, *, identifier: str, rights: str) -> str:
    """Raises ``FolderRefused``. Without rights the line goes. Returns what to say."""
    who = identifier.strip()
    if not _IDENTIFIER.fullmatch(who):
        raise FolderRefused(_("Name a person by their login, without blanks."), field="identifier")
    letters = ordered(rights)
    with in_words(mailbox.name):
        if letters:
            store.set_rights(mailbox.name, who, letters)
            text = _("%(name)s may now: %(rights)s.")
            return text % {"name": _NAMES.get(who, who), "rights": in_rights_words(letters)}
        store.delete_rights(mailbox.name, who)
    return _("%(name)s has no rights of their own here any more.") % {"name": _NAMES.get(who, who)}


def rights_in(data: Sequence[str], role: str) -> str:
    """Of a form: letters that were ticked, or those of a role."""
    return ordered("".join(data)) if role == "own" else ROLES[role][0] if role in ROLES else ""


def people(user: User, prefix: str) -> list[tuple[str, str]]:
    """(login at the mail server, name) of people in the books of ``user`` who have an account here, or an address of
    the site's own domain."""
    contacts = [each for each in addressing.complete(user=user, prefix=prefix, limit=20) if not each.group]
    backend = backend_of(user)
    own = backend.address_domain.casefold()
    emails = {contact.address.email.casefold(): contact.address for contact in contacts}
    here = get_user_model().objects.filter(email__in=[*emails, *(each.email for each in emails.values())])
    there = [known for known in here if _is_at(backend, known)]
    logins = {known.email.casefold(): backend.login_of(known.login, known.email) for known in there}
    found: list[tuple[str, str]] = []
    for email, address in emails.items():
        local, _at, domain = email.rpartition("@")
        login = logins.get(email) or (local if domain == own else "")
        if login:
            found.append((login, address.name or address.email))
    return found[:8]


def _is_at(backend: Backend, user: User) -> bool:
    try:
        return backend_of(user) == backend
    except MailError:
        return False
