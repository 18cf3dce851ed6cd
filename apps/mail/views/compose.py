"""Writing a message: the pages it begins with, the frame of the editor, and the files that go along."""

from __future__ import annotations

from dataclasses import replace

from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.mail.forms import ComposeForm
from apps.mail.mailbox.store import MailStore
from apps.mail.mime import addresses
from apps.mail.services import attaching, forwarded, identities, limits, prefill, strangers
from apps.mail.services.prefill import Writer
from apps.mail.services.refs import MessageRef
from apps.mail.services.stores import open_store
from apps.mail.services.uploads import TooLarge
from apps.mail.views import sheet, writing, writing_page
from apps.mail.views.common import mail_required, uidvalidity_of, with_store
from portal import credentials
from portal.http import PortalRequest, may_be_framed

MOST_TYPED = 60_000  # characters, as in the form


@may_be_framed
@require_http_methods(["GET", "HEAD", "POST"])
@mail_required
def compose(request: PortalRequest) -> HttpResponse:
    """A new message, filled from ``?to=&cc=&bcc=&subject=&body=`` or ``?mailto=``, with the uploads that ``file``
    names; POST does what the button says."""
    if request.method == "POST":
        return writing.answer(request)
    with open_store(request) as store:
        filled = prefill.new(Writer.of(request), request.GET)
        if tokens := [each for each in attaching.valid(request.GET.getlist("file")) if each.startswith("u:")]:
            found = attaching.items_unseen(tokens[: attaching.MOST], attaching.uploads_of(request))
            also = forwarded.opened(request.user, request.GET.get("also", ""))
            filled = replace(filled, items=tuple(found), initial={**filled.initial, "also": also})
        return _page(request, store, filled)


@may_be_framed
@require_http_methods(["GET", "HEAD", "POST"])
@with_store
def reply(request: PortalRequest, store: MailStore, mailbox: str, uid: int) -> HttpResponse:
    """POST brings the part of the original that was marked, or what was written below it: it is nobody's address."""
    return _reply(request, store, mailbox, uid)


@may_be_framed
@require_http_methods(["GET", "HEAD", "POST"])
@with_store
def reply_all(request: PortalRequest, store: MailStore, mailbox: str, uid: int) -> HttpResponse:
    return _reply(request, store, mailbox, uid, everybody=True)


def _reply(
    request: PortalRequest, store: MailStore, mailbox: str, uid: int, *, everybody: bool = False
) -> HttpResponse:
    ref = MessageRef(mailbox, uidvalidity_of(request.GET), uid)
    brought = {name: request.POST.get(name, "") for name in ("marked", "written")}
    return _page(request, store, prefill.reply(store, ref, Writer.of(request), everybody=everybody, **brought))


@may_be_framed
@require_safe
@with_store
def forward(request: PortalRequest, store: MailStore, mailbox: str, uid: int) -> HttpResponse:
    ref = MessageRef(mailbox, uidvalidity_of(request.GET), uid)
    return _page(request, store, prefill.forward(store, ref, Writer.of(request)))


@may_be_framed
@require_safe
@with_store
def edit(request: PortalRequest, store: MailStore, mailbox: str, uid: int) -> HttpResponse:
    """Go on writing a draft."""
    ref = MessageRef(mailbox, uidvalidity_of(request.GET), uid)
    return _page(request, store, prefill.draft(store, ref, Writer.of(request)))


@may_be_framed
@require_safe
@with_store
def forward_attached(request: PortalRequest, store: MailStore, mailbox: str, uid: int) -> HttpResponse:
    ref = MessageRef(mailbox, uidvalidity_of(request.GET), uid)
    return _page(request, store, prefill.forward(store, ref, Writer.of(request), attached=True))


@may_be_framed
@require_safe
@with_store
def as_new(request: PortalRequest, store: MailStore, mailbox: str, uid: int) -> HttpResponse:
    ref = MessageRef(mailbox, uidvalidity_of(request.GET), uid)
    return _page(request, store, prefill.as_new(store, ref, Writer.of(request)))


def _page(request: PortalRequest, store: MailStore, filled: prefill.Prefill) -> HttpResponse:
    form = ComposeForm(initial=filled.initial)
    form.refuse({address: f"{address}: {text}" for address, text in filled.refused.items()})
    return writing_page.draw(request, store, form, filled.items, notes=filled.notes, answers=filled.answers)


@require_safe
@mail_required
def editor(request: PortalRequest) -> HttpResponse:
    """The empty document in which rich text is written: no inline scripts, but style attributes are let through."""
    response = render(request, "mail/editor.html")
    response["Content-Security-Policy"] = (
        "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; "
        "img-src 'self' data: blob:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
    )
    response["X-Frame-Options"] = "SAMEORIGIN"
    return response


@require_POST
@mail_required
def recipients(request: PortalRequest) -> HttpResponse:
    """Who of ``people``, as typed, should be looked at twice, or is outside of the site's own domains:
    ``{"signs": {address: {"text", "warning", "external"}}}``. Raises ``portal.credentials.Locked``: who knows whom is
    for the eyes of whoever opens the mailbox."""
    credentials.unseal(request)
    known = identities.of(request)
    writer = identities.find(known, request.POST.get("identity")) or known[0]
    people = addresses.split(request.POST.get("people", "")[:MOST_TYPED])
    signs = strangers.signs(request.user, writer.address.email, people)
    told = {key: {"text": sign.text, "warning": sign.is_warning} for key, sign in signs.items()}
    for each in people:
        if strangers.is_external(each.email):
            told.setdefault(each.email.lower(), {"text": "", "warning": False})["external"] = True
    return JsonResponse({"signs": told})


@require_safe
@mail_required
def limit(request: PortalRequest) -> HttpResponse:
    """How much may be attached, the server for sending asked as well, and whether that reports on deliveries: the
    writing page asks once it stands."""
    limits.ask(request.user)
    user = request.user
    known = {"limit": limits.files(user), "text": writing_page.limit_text(user), "reports": limits.reports(user)}
    return JsonResponse(known)


@require_POST
@mail_required
def uploads(request: PortalRequest) -> HttpResponse:
    """Take one file and answer with its line of the form: 201, or 413 for one that is too large. ``in_text``: a picture
    that is to stand in the text; the line says where the editor finds it."""
    file = request.FILES.get("files")
    if file is None and sheet.is_too_large(request):
        return HttpResponse(status=413)
    if file is None:
        raise Http404("no file")
    try:
        item = attaching.save(
            request,
            name=file.name or "",
            type=file.content_type or "",
            chunks=file.chunks(),
            in_text="in_text" in request.POST,
        )
    except TooLarge:
        return HttpResponse(status=413)
    return render(request, "mail/_compose_attachment.html", {"item": item}, status=201)
