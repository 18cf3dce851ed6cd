"""What lies above and below in the list from which a message or conversation was opened."""

from __future__ import annotations

from apps.mail.mailbox.errors import CannotSort, CannotThread
from apps.mail.mailbox.store import CONVERSATIONS, FLAT, MailStore
from apps.mail.services import listing, standing
from apps.mail.services.view import View
from apps.mail.views.list import as_chosen, mode_of
from apps.mail.views.rows import look_for
from portal.http import PortalRequest


def around(
    request: PortalRequest, store: MailStore, mailbox: str, uid: int, *, uidvalidity: int, role: str
) -> dict[str, str]:
    """The addresses of the rows above and below ("newer", "older"), where there are any. In a search the list leads
    from hit to hit."""
    view = View.parse(request.GET)
    if view.is_search or view.everywhere:
        return {}
    chosen, look = as_chosen(request, mailbox, view), look_for(request, mailbox, role, view)
    mode = mode_of(chosen, role)
    found: dict[str, tuple[int, bool] | None] = {}
    try:
        if mode == FLAT:
            newer, older = standing.beside(
                *(store, mailbox, uid),
                lambda uid: store.neighbours(mailbox, uid, uidvalidity=uidvalidity, sort=chosen.order),
                role=role,
            )
            found = {"newer": (newer, False) if newer else None, "older": (older, False) if older else None}
        else:
            above, below = store.around(mailbox, uid, uidvalidity=uidvalidity, mode=mode, sort=chosen.order)
            for name, near in (("newer", above), ("older", below)):
                leads_on = mode == CONVERSATIONS and near is not None and listing.leads_on(*near, chosen)
                found[name] = (near[0].uid, leads_on) if near else None
    except (CannotSort, CannotThread):
        return {}
    return {
        name: look.url(near[0], uidvalidity, view, together=near[1]) for name, near in found.items() if near is not None
    }
