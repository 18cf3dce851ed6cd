"""How rows of a list look: where they lead, and the buttons on them."""

from __future__ import annotations

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from apps.mail.mailbox.store import Summary
from apps.mail.prefs import SNIPPETS
from apps.mail.services import folders
from apps.mail.services.refs import MessageRef
from apps.mail.services.view import View
from portal.contracts import Text
from portal.http import PortalRequest

OUTGOING = {"sent", "drafts"}
_PLACE = "0000000000"  # stands for the UID while the buttons are drawn; no UID has ten zeros


class RowLook:
    """The look of one list. The buttons of a row differ from those of the next in its UID and two states only, so each
    variant is drawn once: fifty times over, they would cost more than the rest of the page."""

    def __init__(self, request: PortalRequest, mailbox: str, role: str) -> None:
        self.outgoing = role in OUTGOING
        self.snippets = request.prefs[SNIPPETS]
        self._base = reverse("mail:mailbox", args=(mailbox,))
        self.folder: Text = ""
        self._role = role
        self._acts: dict[tuple[bool, bool], str] = {}

    def url(self, uid: int, uidvalidity: int, view: View) -> str:
        """A message opened from a list remembers which part of it was shown; a draft opens where it is written on."""
        end = "edit/" if self._role == "drafts" else ""
        role = {"role": self._role} if self._role else {}
        return f"{self._base}{uid}/{end}{view.encoded(v=uidvalidity, **role)}"

    def ref(self, uid: int, uidvalidity: int) -> MessageRef | None:
        return None

    def acts(self, summary: Summary, uidvalidity: int) -> SafeString:
        state = (summary.seen, summary.flagged)
        if state not in self._acts:
            context = {"seen": summary.seen, "flagged": summary.flagged, "uid": _PLACE, "role": self._role}
            self._acts[state] = render_to_string("mail/_row_acts.html", context)
        name = escape(self.ref(summary.uid, uidvalidity) or summary.uid)
        return mark_safe(self._acts[state].replace(_PLACE, name))  # noqa: S308 - escaped, into our markup


class FoundLook(RowLook):
    """The look of rows that lie beside rows of other folders: each says where, and is named in full in forms."""

    def __init__(self, request: PortalRequest, mailbox: str, role: str) -> None:
        super().__init__(request, mailbox, role)
        self.folder = folders.ROLE_LABELS.get(role) or folders.label_of(mailbox)
        self._mailbox = mailbox

    def ref(self, uid: int, uidvalidity: int) -> MessageRef | None:
        return MessageRef(self._mailbox, uidvalidity, uid)


def look_for(request: PortalRequest, mailbox: str, role: str, view: View) -> RowLook:
    return (FoundLook if view.everywhere else RowLook)(request, mailbox, role)
