"""A file of a message on a page of its own: looked at where that is safe, explained where it is not."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST, require_safe

from apps.mail.mailbox.store import MailStore, MessageDetail
from apps.mail.mime import calendars, charset
from apps.mail.mime import render as drawing
from apps.mail.mime.filenames import safe
from apps.mail.services import claims, invitations, joining, kinds, opening, pdf, previews, reading
from apps.mail.services.opening import Opened
from apps.mail.services.previews import Preview
from apps.mail.services.refs import MessageRef
from apps.mail.services.stores import account_of
from apps.mail.services.view import number as number_of
from apps.mail.views import documents
from apps.mail.views.common import frame as column
from apps.mail.views.common import uidvalidity_of, with_store
from apps.mail.views.content import find
from portal import content_host
from portal.http import PortalRequest


@require_safe
@with_store
def view(request: PortalRequest, store: MailStore, mailbox: str, uid: int, number: str) -> HttpResponse:
    ref, detail, opened = _opened(request, store, mailbox, uid, number)
    shown = previews.of(opened)
    context = column(list(store.mailboxes()), mailbox) | {
        "uid": uid,
        "uidvalidity": ref.uidvalidity,
        "number": number,
        "file": opened,
        "shown": shown,
        "subject": detail.summary.envelope.subject,
        "mismatch": claims.mismatch(opened.type, opened.name, opened.sniffed),
        "warning": claims.warning(opened.sniffed) or previews.trouble(opened),
        "save_url": _save_url(ref, opened),
        "apart": content_host.is_used(),
        "query": _query(request, ref, item=opened.item),
        **_around(request, ref, detail, opened),
        **_of_kind(request, store, ref, detail, opened, shown),
    }
    return render(request, "mail/file.html", context)


def _opened(
    request: PortalRequest, store: MailStore, mailbox: str, uid: int, number: str
) -> tuple[MessageRef, MessageDetail, Opened]:
    """Raises ``Http404``."""
    ref = MessageRef(mailbox, uidvalidity_of(request.GET), uid)
    detail = store.message(mailbox, uid, uidvalidity=ref.uidvalidity)
    part = find(detail.structure, number)
    opened = opening.open_part(store, ref, part, item=number_of(request.GET.get("item", "")))
    if opened is None:
        raise Http404("no such file in it")
    return ref, detail, opened


def _query(request: PortalRequest, ref: MessageRef, **more: object) -> str:
    values: dict[str, object] = {"v": ref.uidvalidity, **{key: value for key, value in more.items() if value}}
    if inside := request.GET.get("inside"):
        values["inside"] = inside
    return f"?{urlencode(values)}"


def _save_url(ref: MessageRef, opened: Opened) -> str:
    item = f"&item={opened.item}" if opened.item else ""
    return f"{reverse('mail:part', args=(ref.mailbox, ref.uid, opened.part.number))}?v={ref.uidvalidity}&save{item}"


def _around(request: PortalRequest, ref: MessageRef, detail: MessageDetail, opened: Opened) -> dict[str, Any]:
    """The way back, and the files before and after: of the message, or of what this file is packed in."""

    def url(number: str, item: int = 0) -> str:
        return reverse("mail:view", args=(ref.mailbox, ref.uid, number)) + _query(request, ref, item=item)

    back = reverse("mail:message", args=(ref.mailbox, ref.uid)) + _query(request, ref)
    root = reading.root_of(detail.structure, request.GET.get("inside", ""))[0]
    files = reading.attachments_of(root)
    numbers = [file.part.number for file in files if not file.is_message]
    if opened.item:
        is_packed = opened.part.number in numbers and not opened.part.type.startswith("text/")
        return {"back_url": url(opened.part.number) if is_packed else back, "packed": is_packed}
    if opened.part.number not in numbers:
        return {"back_url": back}
    at = numbers.index(opened.part.number)
    return {
        "back_url": back,
        "previous_url": url(numbers[at - 1]) if at else "",
        "next_url": url(numbers[at + 1]) if at + 1 < len(numbers) else "",
        "place": at + 1,
        "count": len(numbers),
    }


def _of_kind(
    request: PortalRequest, store: MailStore, ref: MessageRef, detail: MessageDetail, opened: Opened, shown: Preview
) -> dict[str, Any]:
    if shown.how == "pdf":
        return _pdf(request, ref, opened)
    if shown.how == "files":
        return {"items": _items(request, ref, opened)}
    if shown.how == "calendar":
        return _calendar(opened)
    if shown.how == "letter" and shown.envelope:
        return {"people_lines": reading.people_lines(shown.envelope)}
    if shown.how == "partial":
        return {"pieces": joining.look(store, ref, shown.piece) if shown.piece else None}
    return {}


def _items(request: PortalRequest, ref: MessageRef, opened: Opened) -> list[dict[str, Any]]:
    found = []
    for item, file in enumerate(opened.inner, 1):
        name = safe(file.name, file.type)
        base = reverse("mail:view", args=(ref.mailbox, ref.uid, opened.part.number))
        entry = {"name": name, "kind": kinds.of(file.type, name), "size": len(file.content)}
        found.append(entry | {"url": base + _query(request, ref, item=item), "item": item})
    return found


def _calendar(opened: Opened) -> dict[str, Any]:
    try:
        calendar = calendars.read(opened.octets, opened.charset)
    except calendars.NotReadable:
        return {"entries": []}
    events = calendar.events[: invitations.MOST_LISTED]
    more = len(calendar.events) - len(events) + calendar.more
    return {"entries": [invitations.entry(event) for event in events], "more": more}


def _key(request: PortalRequest, ref: MessageRef, opened: Opened, page: int) -> tuple[object, ...]:
    return (*_whose(request, ref), opened.part.number, opened.item, page)


def _whose(request: PortalRequest, ref: MessageRef) -> tuple[object, ...]:
    return (request.user.pk, account_of(request, ref.mailbox).id, str(ref))


def _pdf(request: PortalRequest, ref: MessageRef, opened: Opened) -> dict[str, Any]:
    """One page is drawn here, so that its place and words are known; the picture is asked for next."""
    wanted = max(1, number_of(request.GET.get("page", "")))
    try:
        drawn = pdf.page(opened.octets, wanted, key=_key(request, ref, opened, wanted))
    except pdf.NotDrawn as error:
        return {"pdf_error": pdf.WORDS[error.why], "pages": error.pages, "page": wanted}
    picture = reverse("mail:page", args=(ref.mailbox, ref.uid, opened.part.number, wanted))

    def url(page: int) -> str:
        return reverse("mail:view", args=(ref.mailbox, ref.uid, opened.part.number)) + _query(
            request, ref, item=opened.item, page=page
        )

    return {
        "page": wanted,
        "pages": drawn.pages,
        "picture": picture + _query(request, ref, item=opened.item),
        "page_text": drawn.text.strip(),
        "before_url": url(wanted - 1) if wanted > 1 else "",
        "after_url": url(wanted + 1) if wanted < drawn.pages else "",
    }


@require_safe
@with_store
def page(request: PortalRequest, store: MailStore, mailbox: str, uid: int, number: str, page: int) -> HttpResponse:
    """A page of a PDF as we have drawn it, or, as page 0, a picture made small: nothing of the file itself."""
    item = number_of(request.GET.get("item", ""))
    ref = MessageRef(mailbox, uidvalidity_of(request.GET), uid)
    drawn = pdf.remembered((*_whose(request, ref), number, item, page))
    if drawn is None:
        _ref, _detail, opened = _opened(request, store, mailbox, uid, number)
        if page == 0 and (opened.cut or len(opened.octets) > pdf.MOST_TO_MAKE_SMALL):
            return HttpResponse(status=204)  # the sign of its kind stays where the picture would be
        try:
            drawn = pdf.page(opened.octets, page, key=_key(request, ref, opened, page))
        except pdf.NotDrawn as error:
            if page == 0 and error.why != "busy":
                return HttpResponse(status=204)
            raise Http404(error.why) from error
    response = HttpResponse(drawn.png, content_type="image/png")
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = "private, max-age=3600"
    return response


@require_safe
@xframe_options_sameorigin
@with_store
def frame(request: PortalRequest, store: MailStore, mailbox: str, uid: int, number: str) -> HttpResponse:
    """A picture, a web page or formatted text, under the policy of messages. Nothing is fetched from elsewhere."""
    ref, detail, opened = _opened(request, store, mailbox, uid, number)
    root = reading.root_of(detail.structure, request.GET.get("inside", ""))[0]
    document = documents.begin(request, store, root, ref)
    if f"image/{opened.sniffed}" in _PICTURES:
        source = document.image(opened, f"image/{opened.sniffed}")
        return document.answer("mail/picture.html", {"source": source, "name": opened.name})
    if previews.is_markdown(opened):
        html = previews.markdown(opened)
    elif opened.sniffed == "html":
        html = charset.decode(opened.octets[: reading.MOST_HTML], opened.charset)
    else:
        raise Http404("nothing for a frame")
    drawn = drawing.html(html, cid=document.cid, remote=None)
    context = {"html": mark_safe(drawn.html), "style": drawn.body_style}  # noqa: S308 - the sanitiser's, untouched
    return document.answer("mail/body.html", context)


_PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp"})


@require_POST
@with_store
def join(request: PortalRequest, store: MailStore, mailbox: str, uid: int, number: str) -> HttpResponse:
    """Make one message of the pieces, beside them."""
    ref, _detail, opened = _opened(request, store, mailbox, uid, number)
    found = previews.of(opened).piece
    joined = joining.join(store, ref, found) if found else None
    if joined is None:
        messages.error(request, _("The pieces could not be joined: one of them is missing, or too large."))
        back = reverse("mail:view", args=(mailbox, uid, number)) + _query(request, ref)
        return HttpResponseRedirect(back)
    messages.success(request, _("The pieces are one message now. They are still there, too."))
    return HttpResponseRedirect(f"{reverse('mail:message', args=(mailbox, joined.uid))}?v={joined.uidvalidity}")
