"""What a message holds, each at an address of its own: the HTML for the frame, files, source."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.safestring import mark_safe
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_POST, require_safe

from apps.mail.mailbox.store import MailStore
from apps.mail.mime import filenames
from apps.mail.mime.parts import Part
from apps.mail.prefs import DARK
from apps.mail.services import attaching, images, opening, reading, source, streams
from apps.mail.services.refs import MessageRef
from apps.mail.services.stores import account_of, open_store
from apps.mail.services.uploads import UploadError
from apps.mail.services.view import number as number_of
from apps.mail.views import documents
from apps.mail.views.common import column, mail_required, uidvalidity_of, with_store
from portal import taking
from portal.contracts import NotTaken
from portal.core_prefs import THEME
from portal.http import PortalRequest

_TYPE = re.compile(r"[a-z]+/[a-z0-9][a-z0-9.+-]{0,100}")
_COLOURS = re.compile(r"""<[^>]*\s(?:bgcolor=|color=|background=|style="[^"]*(?:color|background))""")
_ACTIVE = re.compile(r"html|xml|svg|script|xaml|flash|message/|multipart/")


@require_safe
@xframe_options_sameorigin
@with_store
def body(request: PortalRequest, store: MailStore, mailbox: str, uid: int, number: str) -> HttpResponse:
    """One HTML part as a document of its own, or the way to it on the second host."""
    uidvalidity = uidvalidity_of(request.GET)
    structure = store.message(mailbox, uid, uidvalidity=uidvalidity).structure
    part = find(structure, number, "text/html")
    root = reading.root_of(structure, request.GET.get("inside", ""))[0]
    raw = store.part(mailbox, uid, number, uidvalidity=uidvalidity, limit=reading.MOST_HTML * 2)
    document = documents.begin(request, store, root, MessageRef(mailbox, uidvalidity, uid))
    fold = "fold" in request.GET
    drawn = reading.draw_html(part, raw, cid=document.cid, remote=document.remote, fold=fold)
    html = mark_safe(drawn.html)  # noqa: S308 - the sanitiser's, untouched
    context: dict[str, Any] = {"html": html, "style": drawn.body_style}
    if dark := _dark(request):
        own = bool(drawn.body_style) or _COLOURS.search(drawn.html) is not None
        context |= {"dark": dark, "own_colours": own}
    return document.answer("mail/body.html", context)


def find(structure: Part, number: str, type: str = "") -> Part:
    """Raises ``Http404``."""
    part = structure.find(number)
    if part is None or part.is_multipart or (type and part.type != type):
        raise Http404("no such part")
    return part


def _dark(request: PortalRequest) -> str:
    """The class of a document that is dark where the page around it is; "" for one that stays light."""
    if request.prefs[DARK] != "adapt":
        return ""
    return {"dark": "adapt", "system": "adapt-system"}.get(request.prefs[THEME], "")


@require_safe
@mail_required
def part(request: PortalRequest, mailbox: str, uid: int, number: str) -> HttpResponseBase:
    """A part to save. Only raster images are ever shown by the browser itself."""
    uidvalidity = uidvalidity_of(request.GET)
    with open_store(request, at=mailbox) as store:
        structure = store.message(mailbox, uid, uidvalidity=uidvalidity).structure
        found = find(structure, number)
        if item := number_of(request.GET.get("item", "")):
            return _item(request, store, MessageRef(mailbox, uidvalidity, uid), found, item)
    name = filenames.safe(found.filename, found.type)
    shown = found.type in images.TYPES and "save" not in request.GET
    chunks = streams.part_stream(account_of(request, mailbox), mailbox, uid, found, uidvalidity=uidvalidity)
    return _file(chunks, name, _safe_type(found.type), inline=shown)


def _item(request: PortalRequest, store: MailStore, ref: MessageRef, part: Part, item: int) -> HttpResponseBase:
    """A file that is packed into a part."""
    found = opening.open_part(store, ref, part, item=item)
    if found is None:
        raise Http404("no such file in it")
    type = f"image/{found.sniffed}" if f"image/{found.sniffed}" in images.TYPES else _safe_type(found.type)
    shown = type in images.TYPES and "save" not in request.GET
    return _file(iter([found.octets]), found.name, type, inline=shown)


@require_POST
@mail_required
def take(request: PortalRequest, mailbox: str, uid: int, number: str) -> HttpResponse:
    """Hand a file to the app that has a use for it (``taker``), and go on there."""
    uidvalidity = uidvalidity_of(request.GET)
    with open_store(request, at=mailbox) as store:
        structure = store.message(mailbox, uid, uidvalidity=uidvalidity).structure
    found = find(structure, number)
    name = filenames.safe(found.filename, found.type)
    chunks = streams.part_stream(account_of(request, mailbox), mailbox, uid, found, uidvalidity=uidvalidity)
    try:
        taker = request.POST.get("taker", "")
        return redirect(taking.hand_over(request, taker, type=found.type, name=name, chunks=chunks))
    except LookupError:
        raise Http404("nobody takes it") from None
    except NotTaken as error:
        messages.error(request, str(error))
        return redirect(f"{reverse('mail:message', args=(mailbox, uid))}?v={uidvalidity}")


@require_safe
@mail_required
def upload(request: PortalRequest, upload_id: str) -> HttpResponseBase:
    """A picture in a text that is being written, for the editor. Other uploads are not shown."""
    try:
        found, octets = attaching.picture(upload_id, attaching.uploads_of(request))
    except UploadError as error:
        raise Http404("no such picture") from error
    return _file(iter([octets]), found.filename, found.type, inline=True)


@require_safe
@mail_required
def archive(request: PortalRequest, mailbox: str, uid: int) -> HttpResponseBase:
    """All attachments in one zip file."""
    uidvalidity = uidvalidity_of(request.GET)
    with open_store(request, at=mailbox) as store:
        detail = store.message(mailbox, uid, uidvalidity=uidvalidity)
    root = reading.root_of(detail.structure, request.GET.get("inside", ""))[0]
    wanted = [(found.name, found.part) for found in reading.attachments_of(root)]
    if not wanted:
        raise Http404("no attachments")
    chunks = streams.zip_stream(account_of(request, mailbox), mailbox, uid, wanted, uidvalidity=uidvalidity)
    name = filenames.safe(f"{detail.summary.envelope.subject or 'attachments'}.zip", "application/zip")
    return _file(chunks, name, "application/zip")


@require_safe
@mail_required
def eml(request: PortalRequest, mailbox: str, uid: int) -> HttpResponseBase:
    """The message as a file, octet for octet."""
    uidvalidity = uidvalidity_of(request.GET)
    with open_store(request, at=mailbox) as store:
        found = store.summaries(mailbox, [uid], uidvalidity=uidvalidity)
    if not found:
        raise Http404("no such message")
    chunks = streams.message_stream(account_of(request, mailbox), mailbox, uid, uidvalidity=uidvalidity)
    name = filenames.safe(f"{found[0].envelope.subject or 'message'}.eml", "message/rfc822")
    return _file(chunks, name, "message/rfc822")


def _safe_type(type: str) -> str:
    """The declared type, unless a browser might run what it stands for."""
    return type if _TYPE.fullmatch(type) and not _ACTIVE.search(type) else "application/octet-stream"


def _file(chunks: Iterator[bytes], name: str, type: str, *, inline: bool = False) -> StreamingHttpResponse:
    response = StreamingHttpResponse(chunks, content_type=type)
    response["Content-Disposition"] = content_disposition_header(not inline, name) or "attachment"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Referrer-Policy"] = "no-referrer"
    if inline:
        response["Cache-Control"] = "private, max-age=3600"  # neither parts nor uploads ever change
    return response


@require_safe
@with_store
def headers(request: PortalRequest, store: MailStore, mailbox: str, uid: int) -> HttpResponse:
    uidvalidity = uidvalidity_of(request.GET)
    detail = store.message(mailbox, uid, uidvalidity=uidvalidity)
    context = column(request, store, mailbox) | {
        "uid": uid,
        "uidvalidity": uidvalidity,
        "subject": detail.summary.envelope.subject,
        "fields": source.fields(detail.header),
    }
    return render(request, "mail/headers.html", context)


@require_safe
@with_store
def message_source(request: PortalRequest, store: MailStore, mailbox: str, uid: int) -> HttpResponse:
    uidvalidity = uidvalidity_of(request.GET)
    detail = store.message(mailbox, uid, uidvalidity=uidvalidity)
    text, cut = source.text(store.stream(mailbox, uid, uidvalidity=uidvalidity))
    context = column(request, store, mailbox) | {
        "uid": uid,
        "uidvalidity": uidvalidity,
        "subject": detail.summary.envelope.subject,
        "source": text,
        "cut": cut,
    }
    return render(request, "mail/source.html", context)
