"""How rows of a list look: what they name, and where they lead."""

from __future__ import annotations

from collections.abc import Mapping

from django.urls import reverse
from django.utils.translation import gettext as _

from apps.mail.mailbox.names import account_of
from apps.mail.prefs import SNIPPETS
from apps.mail.services import folders, labels, layouts, other_accounts
from apps.mail.services.labels import Label
from apps.mail.services.refs import MessageRef
from apps.mail.services.view import INBOXES, View
from portal.contracts import Text
from portal.http import PortalRequest

OUTGOING = {"sent", "drafts"}


class RowLook:
    """The look of one list."""

    def __init__(self, request: PortalRequest, mailbox: str, role: str) -> None:
        self.outgoing = role in OUTGOING
        self.snippets = request.prefs[SNIPPETS]
        self.shape = layouts.of(request.prefs).shape
        self.labels: Mapping[str, Label] = {label.keyword: label for label in labels.of(request.user.pk)}
        self._base = reverse("mail:mailbox", args=(mailbox,))
        self.folder: Text = ""
        self.folder_hue = ""
        self._role = role
        self._query: tuple[int, View, str] | None = None  # of the addresses: the same for all rows of a list

    def url(self, uid: int, uidvalidity: int, view: View, *, together: bool = False) -> str:
        """A message opened from a list remembers which part of it was shown; a draft opens where it is written on."""
        end = "edit/" if self._role == "drafts" else "conversation/" if together else ""
        if self._query is None or self._query[0] != uidvalidity or self._query[1] is not view:
            role = {"role": self._role} if self._role else {}
            self._query = (uidvalidity, view, view.encoded(v=uidvalidity, **role))
        return f"{self._base}{uid}/{end}{self._query[2]}"

    def ref(self, uid: int, uidvalidity: int) -> MessageRef | None:
        return None


class FoundLook(RowLook):
    """The look of rows that lie beside rows of other folders: each says where, and is named in full in forms. In the
    list of all inboxes that is the account."""

    def __init__(self, request: PortalRequest, mailbox: str, role: str, *, inboxes: bool = False) -> None:
        super().__init__(request, mailbox, role)
        self.folder = folders.ROLE_LABELS.get(role) or folders.label_of(mailbox)
        self._mailbox = mailbox
        account = other_accounts.find(request.user.pk, number) if (number := account_of(mailbox)) else None
        if account is not None:
            self.folder = account.label if inboxes else f"{account.label}: {self.folder}"
            self.folder_hue = folders.hue_class(account.colour)
        elif inboxes:
            self.folder = _("Main account")

    def ref(self, uid: int, uidvalidity: int) -> MessageRef | None:
        return MessageRef(self._mailbox, uidvalidity, uid)


def look_for(request: PortalRequest, mailbox: str, role: str, view: View) -> RowLook:
    if not view.everywhere:
        return RowLook(request, mailbox, role)
    return FoundLook(request, mailbox, role, inboxes=view.where == INBOXES and not view.q)
