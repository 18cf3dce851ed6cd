"""What mail shows on the home page and in the rail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.mail.services import folders, listing
from apps.mail.services.listing import View
from apps.mail.services.stores import open_store
from apps.mail.views.rows import RowLook

if TYPE_CHECKING:
    from portal.http import PortalRequest

NEWEST = 6
MOST_FOLDERS = 8


def has_mailbox(request: HttpRequest) -> bool:
    user = cast("PortalRequest", request).user
    return user.is_authenticated and not user.is_local


def unread_badge(request: HttpRequest) -> str:
    """How many unread messages the inbox has; "" for none."""
    with open_store(cast("PortalRequest", request)) as store:
        unseen = store.status("INBOX").unseen
    return str(unseen) if 0 < unseen < 1000 else "999+" if unseen else ""


def newest_unread(request: HttpRequest) -> Mapping[str, object]:
    portal_request = cast("PortalRequest", request)
    view = View(show="unread")
    with open_store(portal_request) as store:
        page = store.search("INBOX", view.query, limit=NEWEST)
    look = RowLook(portal_request, "INBOX", "inbox")
    rows = listing.rows_of(page.rows, uidvalidity=page.status.uidvalidity, view=View(), look=look)
    return {
        "rows": rows,
        "badge": str(page.total or ""),
        "link_url": reverse("mail:mailbox", args=("INBOX",)),
        "link_label": _("Open the inbox"),
    }


def folder_counts(request: HttpRequest) -> Mapping[str, object]:
    """The inbox, what has something unread, and the other roles while there is room."""
    with open_store(cast("PortalRequest", request)) as store:
        tree = folders.tree(list(store.mailboxes()))
    nodes = [node for node in tree.walk() if node.selectable]
    chosen = [node for node in nodes if node.role == "inbox" or node.unread]
    chosen += [node for node in nodes if node.role and node not in chosen]
    return {"folders": chosen[:MOST_FOLDERS]}
