"""The writing form as it came, with its files put aside, while it is being answered."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.http import HttpResponse, QueryDict
from django.utils.crypto import salted_hmac
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from apps.mail.forms import FIELDS, ComposeForm
from apps.mail.mailbox.store import MailStore
from apps.mail.models import Identity
from apps.mail.services import attaching, identities, limits, quick
from apps.mail.services.asking import Question
from apps.mail.services.attaching import Item
from apps.mail.services.refs import MessageRef
from apps.mail.services.uploads import TooLarge
from apps.mail.views.writing_page import draw
from portal.contracts import WritingPart
from portal.http import PortalRequest

JSON = "application/json"
MOST_ASKED = 100  # questions that one form remembers
#: What makes one message another, besides its recipients.
SAID = ("identity", "subject", "text", "html", "format", "priority", "receipt", "reports", "remind", "remind_on")


@dataclass
class Sheet:
    """The form as it came, while it is being answered."""

    request: PortalRequest
    post: QueryDict  # what the form is bound to
    form: ComposeForm
    tokens: list[str]
    identity: Identity
    notes: list[str] = field(default_factory=list)  # what else went wrong on the way
    tips: list[str] = field(default_factory=list)  # what there is to know
    review: WritingPart | None = None  # of the spelling

    @property
    def data(self) -> Mapping[str, Any]:
        return self.form.cleaned_data

    @property
    def draft(self) -> MessageRef | None:
        return MessageRef.parse(self.data.get("draft", ""))

    @property
    def source(self) -> MessageRef | None:
        return MessageRef.parse(self.data.get("source", ""))

    @property
    def back(self) -> str:
        """Where a quick reply was written, to go on there; "" for the writing page."""
        back = self.post.get("back", "")
        return back if back.startswith("/") and url_has_allowed_host_and_scheme(back, allowed_hosts=None) else ""

    @property
    def typed(self) -> dict[str, str]:
        """The fields with groups in them, as they stand in the form."""
        return {name: self.post.get(name, "") for name in FIELDS if getattr(self.data.get(name), "groups", ())}

    @property
    def wants_json(self) -> bool:
        """Asked by a script, for the page that stays."""
        return self.request.accepts(JSON) and not self.request.accepts("text/html")

    @property
    def content(self) -> str:
        """Tells one message from another: a digest of what is written (under the site's key), and how many files."""
        fields = [str(self.data.get(name, "")) for name in (*FIELDS, *SAID)] + [str(self.typed)]
        return f"{salted_hmac('mail.content', json.dumps(fields), algorithm='sha256').hexdigest()}:{len(self.tokens)}"

    def adds_nothing_to(self, content: str) -> bool:
        """Whether this is what was sent. A page gone back to may have lost its files; more of them are news."""
        digest, _colon, files = content.partition(":")
        mine, _colon, count = self.content.partition(":")
        return mine == digest and int(count) <= int(files)

    def sources(self, store: MailStore) -> attaching.Sources:
        uploads = attaching.uploads_of(self.request)
        return attaching.Sources(store=store, uploads=uploads, source=self.source, draft=self.draft)

    def again(self, store: MailStore | None, *, status: int = 422) -> HttpResponse:
        """The page with everything as it was typed, and what was wrong with it."""
        for note in self.notes:
            self.form.add_error(None, note)
        return draw(self.request, store, self.form, self._items(store), status=status)

    def ask(self, store: MailStore, questions: Sequence[Question], *, when: str) -> HttpResponse:
        """The page with all that is to be asked. Whoever sends then, by whatever button, has answered."""
        asked = [*self.data["asked"].split()[-MOST_ASKED:], *(each.digest for each in questions)]
        self.post["asked"] = " ".join(asked)
        return draw(self.request, store, self.form, self._items(store), status=422, questions=questions, when=when)

    def plain(self, store: MailStore) -> HttpResponse:
        """The page as it was, for a button that changes only the list of files."""
        items = self._items(store)
        form = ComposeForm(initial={key: self.post.get(key, "") for key in self.form.fields})
        return draw(self.request, store, form, items, notes=self.notes, tips=self.tips, review=self.review)

    def _items(self, store: MailStore | None) -> list[Item]:
        if store is None:
            found = attaching.items_unseen(self.tokens, attaching.uploads_of(self.request))
        else:
            found = attaching.items(self.tokens, self.sources(store))
        if len(found) < len(self.tokens):
            self.notes.append(_("An attached file is not there any more. Attach it again."))
            self.form.add_error(None, self.notes[-1])
        return found


def taken(request: PortalRequest) -> Sheet:
    """The form with its files put aside; a page that asks for the password carries them from here on."""
    tokens = attaching.valid(request.POST.getlist("attachment"))
    notes = []
    limit = limits.megabytes(request.user)
    for file in request.FILES.getlist("files"):
        try:
            item = attaching.save(request, name=file.name or "", type=file.content_type or "", chunks=file.chunks())
            tokens.append(item.token)
        except TooLarge:
            notes.append(_("“%(name)s” is larger than %(limit)d MB.") % {"name": file.name, "limit": limit})
    if is_too_large(request):
        notes.append(_("The files are larger than %(limit)d MB together and were not attached.") % {"limit": limit})
    if len(tokens) > attaching.MOST:
        notes.append(_("At most %(count)d files can be attached to one message.") % {"count": attaching.MOST})
        tokens = tokens[: attaching.MOST]
    kept = request.POST.copy()
    kept.setlist("attachment", tokens)
    quick.fill_in(kept)
    request.POST = kept  # type: ignore[assignment]  # django-stubs: immutable
    request.FILES.clear()
    identity = identities.follow(request, kept)
    form = ComposeForm(kept)
    form.is_valid()
    return Sheet(request, kept, form, tokens, identity, notes)


def is_too_large(request: PortalRequest) -> bool:
    """Files are taken into memory, sealed, and never laid down as they are; beyond this size Django drops them."""
    return int(request.META.get("CONTENT_LENGTH") or 0) > settings.FILE_UPLOAD_MAX_MEMORY_SIZE
