"""What a list can be narrowed to, one by one or together: each filter is in the address, and asked of the server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.contrib.auth.models import AbstractBaseUser
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.mail.mailbox.store import MailStore
from apps.mail.services.view import FILTERS, View
from portal import addressing
from portal.contracts import Text

NEWEST = 1000  # messages whose writers are looked up: who of them is known, the books say, not the server
MOST_KNOWN = 60  # people that one SEARCH can name: the most frequent
MOST_MINE = 20

LABELS: dict[str, Text] = {
    "unread": pgettext_lazy("messages", "Unread"),
    "flagged": pgettext_lazy("messages", "Flagged"),
    "attachment": pgettext_lazy("messages", "With attachment"),
    "me": pgettext_lazy("messages", "To me"),
    "lists": pgettext_lazy("messages", "From lists"),
    "contacts": pgettext_lazy("messages", "From contacts"),
}
_HELP: dict[str, Text] = {
    "contacts": _("People of your address books and people you have written to, among who wrote lately"),
}


@dataclass(frozen=True, slots=True)
class Filter:
    name: str
    label: Text
    help: Text
    on: bool
    url: str  # of the list with one more, or without it


def links(view: View, folder_url: str) -> tuple[Filter, ...]:
    return tuple(
        Filter(name, LABELS[name], _HELP.get(name, ""), name in view.filters, folder_url + view.toggled(name).encoded())
        for name in FILTERS
    )


def filled(store: MailStore, mailbox: str, view: View, *, user: AbstractBaseUser, mine: Sequence[str]) -> View:
    """With the people that its filters are about."""
    if "me" in view.filters:
        view = replace(view, mine=tuple(dict.fromkeys(email.lower() for email in mine if email))[:MOST_MINE])
    if "contacts" in view.filters:
        found = store.senders(mailbox, limit=NEWEST)
        known = addressing.resolve(user=user, emails=[email for email in found if email.isascii()])
        view = replace(view, known=tuple(email for email in found if email in known)[:MOST_KNOWN])
    return view
