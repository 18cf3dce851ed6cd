"""What mail offers to the portal: people written to as an address book, a place to write, and a search of the inbox."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, cast
from urllib.parse import urlencode

from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from apps.mail import blocks
from apps.mail.mime import addresses
from apps.mail.models import Recipient, address_key
from apps.mail.services import folders, labels, listing
from apps.mail.services.stores import open_store
from apps.mail.services.view import View
from apps.mail.views.rows import RowLook
from portal.contracts import Address, Contact, Place, SearchHit, Text

if TYPE_CHECKING:
    from portal.http import PortalRequest

MOST_NAMES = 2000  # of people written to, that are known while somebody writes


class RecentRecipients:
    """The address book of the people a user has written to."""

    id = "mail.recent"
    remote = False

    def complete(self, user: AbstractBaseUser, prefix: str, limit: int) -> Iterable[Contact]:
        found = Recipient.objects.filter(user_id=user.pk).matching(prefix)[:limit]
        return [Contact(address=person.address, source=_("Recent"), rank=person.rank) for person in found]

    def resolve(self, user: AbstractBaseUser, emails: Collection[str]) -> Mapping[str, Contact]:
        keys = [address_key(email) for email in emails]
        found = Recipient.objects.filter(user_id=user.pk, key__in=keys)
        return {person.email.lower(): Contact(address=person.address, source=_("Recent")) for person in found}

    def add_url(self, address: Address) -> str:
        return ""

    def expand(self, user: AbstractBaseUser, group: str) -> Sequence[Address]:
        raise LookupError(group)

    def names(self, user: AbstractBaseUser, words: Collection[str]) -> Collection[str]:
        known = Recipient.objects.filter(user_id=user.pk).order_by("-uses", "-last_used")
        names = known.values_list("name", flat=True)[:MOST_NAMES]
        there = {part.casefold() for name in names for part in re.findall(r"[^\W\d_]+", name)}
        return {word for word in words if word.casefold() in there}


class MailComposer:
    """Writing to somebody from anywhere in the portal."""

    def can_write(self, user: AbstractBaseUser) -> bool:
        return not getattr(user, "is_local", True)

    def compose_url(self, to: Sequence[Address]) -> str:
        query = urlencode({"to": addresses.format(to)}) if to else ""
        return reverse("mail:compose") + (f"?{query}" if query else "")


class MailSearch:
    """The newest messages of the inbox that hold the words, and the way to all of them."""

    id = "mail.inbox"

    @property
    def label(self) -> Text:
        return gettext_lazy("Messages in the inbox")

    def search(self, request: HttpRequest, query: str, limit: int) -> Iterable[SearchHit]:
        if not blocks.has_mailbox(request):
            return []
        portal_request = cast("PortalRequest", request)
        view = View(q=query)
        with open_store(portal_request) as store, labels.read_by(portal_request.user.pk):
            page = store.search("INBOX", view.query, limit=limit - 1)
        look = RowLook(portal_request, "INBOX", "inbox")
        rows = listing.rows_of(page.rows, uidvalidity=page.status.uidvalidity, view=view, look=look)
        hits = [SearchHit(row.subject, row.url, row.who, row.summary.received) for row in rows]
        if page.total > len(hits):
            words = ngettext("All %(count)d message", "All %(count)d messages", page.total) % {"count": page.total}
            url = f"{reverse('mail:mailbox', args=('INBOX',))}?{urlencode({'q': query})}"
            hits.append(SearchHit(words, url))
        return hits


def folder_places(request: HttpRequest) -> Iterable[Place]:
    """All folders that can be opened, as the tree calls them."""
    if not blocks.has_mailbox(request):
        return
    with open_store(cast("PortalRequest", request)) as store:
        tree = folders.tree(store.mailboxes(status=False))
    for node in tree.walk():
        if node.selectable:
            yield Place(str(node.label), reverse("mail:mailbox", args=(node.name,)), node.icon)


def revoke_sending(request: HttpRequest, task: str) -> None:
    from apps.mail.services import outbox

    outbox.revoke(request, task)


def revoke_import(request: HttpRequest, task: str) -> None:
    from apps.mail.services.transfers import imports

    imports.revoke(task, cast("PortalRequest", request).user.pk)
