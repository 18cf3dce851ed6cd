"""What mail knows of a person: what was said last, and the files that went to and fro."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, cast

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.mail.blocks import has_mailbox, says_why
from apps.mail.services import exchanged, listing
from apps.mail.services.exchanged import MOST_CONVERSATIONS, MOST_FILES, MOST_WITH_FILES, Conversation, File, Hit
from apps.mail.services.listing import Row
from apps.mail.services.stores import open_store
from apps.mail.services.view import View
from apps.mail.views.rows import RowLook
from portal.contracts import SearchHit

if TYPE_CHECKING:
    from portal.http import PortalRequest

LATELY = 3  # conversations beside a card


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation as the page shows it."""

    row: Row
    count: int  # messages


@dataclass(frozen=True, slots=True)
class Named:
    """A file as the page shows it."""

    file: File
    url: str
    row: Row  # of its message


@says_why
def conversations(request: HttpRequest, emails: Sequence[str]) -> Mapping[str, object]:
    if not has_mailbox(request):
        return {}
    portal_request = cast("PortalRequest", request)
    with open_store(portal_request) as store:
        found = exchanged.find(store, emails)
    talks = exchanged.conversations(found.hits)
    if not talks and found.complete:
        return {}
    return {
        "talks": list(_talks(portal_request, talks[:MOST_CONVERSATIONS])),
        "complete": found.complete,
        "link_url": _search_url(emails),
        "link_label": _("All mail with them"),
    }


@says_why
def files(request: HttpRequest, emails: Sequence[str]) -> Mapping[str, object]:
    if not has_mailbox(request):
        return {}
    portal_request = cast("PortalRequest", request)
    with open_store(portal_request) as store:
        found = exchanged.find(store, emails, files=True, most=MOST_WITH_FILES)
        some = list(islice(exchanged.files(store, found.hits), MOST_FILES + 1))
    if not some and found.complete:
        return {}
    more = len(some) > MOST_FILES or len(found.hits) > MOST_WITH_FILES or not found.complete
    return {
        "files": list(_named(portal_request, some[:MOST_FILES])),
        "complete": found.complete,
        "link_url": _search_url(emails, files=True) if more else "",
        "link_label": _("All messages with files"),
    }


def said_lately(request: HttpRequest, emails: Sequence[str]) -> list[SearchHit]:
    if not has_mailbox(request):
        return []
    portal_request = cast("PortalRequest", request)
    with open_store(portal_request) as store:
        found = exchanged.find(store, emails, most=4 * LATELY)
    talks = _talks(portal_request, exchanged.conversations(found.hits)[:LATELY])
    return [SearchHit(talk.row.subject, talk.row.url, when=talk.row.moment) for talk in talks]


def files_lately(request: HttpRequest, emails: Sequence[str]) -> list[SearchHit]:
    """One line that tells how many."""
    if not has_mailbox(request):
        return []
    with open_store(cast("PortalRequest", request)) as store:
        found = exchanged.find(store, emails, files=True, most=MOST_WITH_FILES)
        count = len(list(islice(exchanged.files(store, found.hits), MOST_FILES + 1)))
    if not count:
        return []
    if count > MOST_FILES or len(found.hits) > MOST_WITH_FILES or not found.complete:
        return [SearchHit(_("%(count)d files exchanged, or more") % {"count": min(count, MOST_FILES)}, "")]
    words = ngettext("%(count)d file exchanged", "%(count)d files exchanged", count)
    return [SearchHit(words % {"count": count}, "")]


def _talks(request: PortalRequest, talks: Sequence[Conversation]) -> Iterator[Talk]:
    rows = _rows(request, [talk.newest for talk in talks])
    return (Talk(row, talk.count) for row, talk in zip(rows, talks, strict=True))


def _named(request: PortalRequest, files: Sequence[File]) -> Iterator[Named]:
    rows = _rows(request, [file.hit for file in files])
    return (Named(file, _file_url(file), row) for row, file in zip(rows, files, strict=True))


def _rows(request: PortalRequest, hits: Sequence[Hit]) -> list[Row]:
    looks = {hit.mailbox.name: RowLook(request, hit.mailbox.name, hit.mailbox.role) for hit in hits}
    return [
        listing.rows_of([hit.summary], uidvalidity=hit.uidvalidity, view=View(), look=looks[hit.mailbox.name])[0]
        for hit in hits
    ]


def _file_url(file: File) -> str:
    """Where it opens, as in its message; one that is a message opens as one."""
    name, uid, number = file.hit.mailbox.name, file.hit.summary.uid, file.attachment.part.number
    if file.attachment.is_message:
        return f"{reverse('mail:message', args=(name, uid))}?v={file.hit.uidvalidity}&inside={number}"
    return f"{reverse('mail:part', args=(name, uid, number))}?v={file.hit.uidvalidity}"


def _search_url(emails: Sequence[str], *, files: bool = False) -> str:
    return reverse("mail:mailbox", args=("INBOX",)) + exchanged.search(emails, files=files).encoded()
