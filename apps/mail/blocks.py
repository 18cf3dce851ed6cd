"""What mail shows on the home page and in the rail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeAlias, cast

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.mail.mailbox.errors import MailError, SignInRefused
from apps.mail.services import folders, listing, sweeping, trouble
from apps.mail.services.stores import open_store
from apps.mail.services.view import View
from apps.mail.views.rows import RowLook
from portal.contracts import BlockUnavailable
from portal.credentials import Locked

if TYPE_CHECKING:
    from portal.http import PortalRequest

P = ParamSpec("P")
Asked: TypeAlias = Callable[Concatenate[HttpRequest, P], Mapping[str, object]]

NEWEST = 6
MOST_FOLDERS = 8


def has_mailbox(request: HttpRequest) -> bool:
    user = cast("PortalRequest", request).user
    return user.is_authenticated and not user.is_local


def says_why(context: Asked[P]) -> Asked[P]:
    """A block, or a part of a person's page, whose mail server fails says so in the words of the mail pages."""

    @wraps(context)
    def told(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> Mapping[str, object]:
        try:
            return context(request, *args, **kwargs)
        except SignInRefused as error:
            raise Locked(refused=True) from error
        except MailError as error:
            raise BlockUnavailable(trouble.describe(error).title) from error

    return cast("Asked[P]", told)


def unread_badge(request: HttpRequest) -> str:
    """How many unread messages the inbox has; "" for none. It is asked on every page: so a message that no worker has
    sent goes out with whatever page its writer opens next."""
    sweeping.catch_up(request.user.pk or 0)
    with open_store(cast("PortalRequest", request)) as store:
        unseen = store.status("INBOX").unseen
    return str(unseen) if 0 < unseen < 1000 else "999+" if unseen else ""


@says_why
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


@says_why
def folder_counts(request: HttpRequest) -> Mapping[str, object]:
    """The inbox, what has something unread, and the other roles while there is room."""
    with open_store(cast("PortalRequest", request)) as store:
        tree = folders.tree(list(store.mailboxes()))
    nodes = [node for node in tree.walk() if node.selectable]
    chosen = [node for node in nodes if node.role == "inbox" or node.unread]
    chosen += [node for node in nodes if node.role and node not in chosen]
    return {"folders": chosen[:MOST_FOLDERS]}
