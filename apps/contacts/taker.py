"""Cards that come in a message, or wherever else files are: they go the way of every import, which is looked through
first."""

from __future__ import annotations

import io

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.contacts import tasks
from apps.contacts.services import importing, keeping
from portal.contracts import NotTaken, Text

TYPES = frozenset({"text/vcard", "text/x-vcard", "text/directory"})
ENDS = (".vcf", ".vcard")


class CardFiles:
    id = "contacts.cards"
    icon = "user-plus"

    @property
    def label(self) -> Text:
        return gettext_lazy("Add to contacts")

    @property
    def most(self) -> int:
        return importing.most_megabytes() * 1024 * 1024

    def takes(self, type: str, name: str) -> bool:
        return type in TYPES or name.lower().endswith(ENDS)

    def take(self, request: HttpRequest, name: str, content: bytes) -> str:
        user_id = request.user.pk
        assert user_id is not None
        book = keeping.default_book(user_id, _("Personal"))
        name = name if name.lower().endswith(ENDS) else f"{name}.vcf"
        try:
            file = io.BytesIO(content)
            whole = importing.begin(user_id, file, name=name, size=len(content), book=book, existing="update")
        except keeping.NotKept as error:
            raise NotTaken(str(error)) from error
        tasks.start(whole, len(content), "look")
        return reverse("contacts:import", args=[whole.pk])
