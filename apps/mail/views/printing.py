"""A message or a conversation as one plain document for the printer, under the same policy as the frame of a message.

``quotes``: "yes" prints what they quote, "no" leaves a sign in its place.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponse
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_safe

from apps.mail.mailbox.errors import NoSuchMessage
from apps.mail.mailbox.store import MailStore
from apps.mail.services import conversing, reading, times
from apps.mail.services.reading import Opened
from apps.mail.services.refs import MessageRef
from apps.mail.views import documents
from apps.mail.views.common import as_text, form_wanted, uidvalidity_of, with_store
from apps.mail.views.documents import Document
from portal.http import PortalRequest

MOST = 100  # messages of one conversation, the newest ones
_CLOSED, _OPEN = '<details class="q">', '<details class="q" open>'  # as ``render_text`` writes it, after escaping


@require_safe
@with_store
def message(request: PortalRequest, store: MailStore, mailbox: str, uid: int) -> HttpResponse:
    ref = MessageRef(mailbox, uidvalidity_of(request.GET), uid)
    quotes = request.GET.get("quotes") != "no"
    opened = _opened(request, store, ref, inside=request.GET.get("inside", ""))
    document = documents.begin(request, store, opened.root, ref)
    letter = _letter(store, ref, opened, document, quotes=quotes)
    return _answer(request, document, {"letters": [letter], "subject": opened.envelope.subject}, quotes=quotes)


@require_safe
@with_store
def conversation(request: PortalRequest, store: MailStore, mailbox: str, uid: int) -> HttpResponse:
    """All of its messages but drafts. Each quotes the others, so quotes are left out unless they are asked for."""
    uidvalidity = uidvalidity_of(request.GET)
    quotes = request.GET.get("quotes") == "yes"
    mailboxes = store.mailboxes(status=False)
    found = conversing.gather(store, mailbox, uid, uidvalidity=uidvalidity, mailboxes=mailboxes)
    items = [item for item in found.items if not item.is_draft]
    document: Document | None = None
    letters = []
    for item in items[-MOST:]:
        ref = MessageRef(item.mailbox, item.uidvalidity, item.uid)
        try:
            opened = _opened(request, store, ref)
        except NoSuchMessage:
            continue  # gone meanwhile
        begun = document.further(opened.root, ref) if document else documents.begin(request, store, opened.root, ref)
        document = document or begun
        letters.append(_letter(store, ref, opened, begun, quotes=quotes))
    if document is None:
        raise Http404("nothing but drafts")
    left_out = found.left_out + len(items) - len(items[-MOST:])
    context = {"letters": letters, "subject": found.subject, "several": True, "left_out": left_out}
    return _answer(request, document, context, quotes=quotes)


def _opened(request: PortalRequest, store: MailStore, ref: MessageRef, *, inside: str = "") -> Opened:
    return reading.open_message(
        store,
        ref.mailbox,
        ref.uid,
        uidvalidity=ref.uidvalidity,
        prefer=form_wanted(request),
        inside=inside,
        as_text=as_text(request),
    )


def _letter(store: MailStore, ref: MessageRef, opened: Opened, document: Document, *, quotes: bool) -> dict[str, Any]:
    numbers = [shown.part.number for shown in opened.bodies if shown.html]
    octets = store.parts(ref.mailbox, ref.uid, numbers, uidvalidity=ref.uidvalidity) if numbers else {}
    texts = []
    for shown in opened.bodies:
        text, cut = shown.text, shown.cut
        if shown.html:
            raw = octets.get(shown.part.number, b"")
            drawn = reading.draw_html(shown.part, raw, cid=document.cid, remote=document.remote, fold=not quotes)
            text, cut = mark_safe(drawn.html), drawn.cut  # noqa: S308 - what the sanitiser gave, untouched
        elif quotes:
            text = _unfolded(text)
        texts.append({"kind": "html" if shown.html else "text", "html": text, "cut": cut})
    return {
        "opened": opened,
        "people_lines": reading.people_lines(opened.envelope),
        "texts": texts,
        "when": times.full_time(opened.envelope.date or opened.detail.summary.received),
    }


def _unfolded(text: SafeString) -> SafeString:
    return mark_safe(text.replace(_CLOSED, _OPEN))  # noqa: S308 - escaped before; paper cannot be clicked


def _answer(request: PortalRequest, document: Document, context: dict[str, Any], *, quotes: bool) -> HttpResponse:
    query = {**request.GET.dict(), "quotes": "no" if quotes else "yes"}
    context |= {"quotes": quotes, "other_url": request.build_absolute_uri(f"{request.path}?{urlencode(query)}")}
    return document.answer("mail/print.html", context)
