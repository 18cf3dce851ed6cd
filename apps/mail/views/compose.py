"""Writing a message: the page, what its buttons do, and the files that go along. All of it works as plain forms."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import time_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.mail.forms import ComposeForm
from apps.mail.mailbox.errors import MailError
from apps.mail.mailbox.store import MailStore
from apps.mail.services import attaching, prefill, sending, trouble
from apps.mail.services.refs import MessageRef
from apps.mail.services.uploads import TooLarge
from apps.mail.views.common import frame, mail_required, uidvalidity_of, with_store
from portal.http import PortalRequest

JSON = "application/json"


@require_http_methods(["GET", "HEAD", "POST"])
@with_store
def compose(request: PortalRequest, store: MailStore) -> HttpResponse:
    """A new message, filled from ``?to=&cc=&bcc=&subject=&body=`` or ``?mailto=``; POST does what the button says."""
    if request.method != "POST":
        return _page(request, store, prefill.new(request.user, request.GET))
    return _act(request, store)


@require_safe
@with_store
def reply(request: PortalRequest, store: MailStore, mailbox: str, uid: int) -> HttpResponse:
    ref = MessageRef(mailbox, uidvalidity_of(request.GET), uid)
    return _page(request, store, prefill.reply(store, ref, request.user, rich=_rich(request)))


@require_safe
@with_store
def reply_all(request: PortalRequest, store: MailStore, mailbox: str, uid: int) -> HttpResponse:
    ref = MessageRef(mailbox, uidvalidity_of(request.GET), uid)
    return _page(request, store, prefill.reply(store, ref, request.user, rich=_rich(request), everybody=True))


@require_safe
@with_store
def forward(request: PortalRequest, store: MailStore, mailbox: str, uid: int) -> HttpResponse:
    ref = MessageRef(mailbox, uidvalidity_of(request.GET), uid)
    return _page(request, store, prefill.forward(store, ref, request.user, rich=_rich(request)))


@require_safe
@with_store
def edit(request: PortalRequest, store: MailStore, mailbox: str, uid: int) -> HttpResponse:
    """Go on writing a draft."""
    return _page(request, store, prefill.draft(store, MessageRef(mailbox, uidvalidity_of(request.GET), uid)))


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
def uploads(request: PortalRequest) -> HttpResponse:
    """Take one file and answer with its line of the form: 201, or 413 for one that is too large."""
    file = request.FILES.get("files")
    if file is None and _too_large(request):
        return HttpResponse(status=413)
    if file is None:
        raise Http404("no file")
    try:
        item = _save_upload(request, file)
    except TooLarge:
        return HttpResponse(status=413)
    return render(request, "mail/_compose_attachment.html", {"item": item}, status=201)


def _too_large(request: PortalRequest) -> bool:
    """Files are taken into memory, sealed, and never laid down as they are; beyond this size Django drops them."""
    return int(request.META.get("CONTENT_LENGTH") or 0) > settings.FILE_UPLOAD_MAX_MEMORY_SIZE


def _save_upload(request: PortalRequest, file: Any) -> attaching.Item:
    saved = attaching.uploads_of(request).save(
        filename=file.name or "",
        type=file.content_type or "application/octet-stream",
        chunks=file.chunks(),
        limit=settings.MAX_MESSAGE_MB * 1_000_000,
    )
    return attaching.item_of_upload(saved)


# --- what the buttons do ----------------------------------------------------------------------------------------------


def _act(request: PortalRequest, store: MailStore) -> HttpResponse:
    form = ComposeForm(request.POST)
    tokens = attaching.valid(request.POST.getlist("attachment"))
    for file in request.FILES.getlist("files"):
        try:
            tokens.append(_save_upload(request, file).token)
        except TooLarge:
            limit = settings.MAX_MESSAGE_MB
            form.add_error(None, _("“%(name)s” is larger than %(limit)d MB.") % {"name": file.name, "limit": limit})
    if _too_large(request):
        limit = settings.MAX_MESSAGE_MB
        form.add_error(
            None, _("The files are larger than %(limit)d MB together and were not taken.") % {"limit": limit}
        )
    if "remove" in request.POST:
        return _again(request, store, form, [t for t in tokens if t != request.POST["remove"]], quiet=True)
    if form.non_field_errors():
        return _again(request, store, form, tokens)
    action = {"save": _save, "discard": _discard, "attach": _attach}.get(request.POST.get("action", ""), _send)
    return action(request, store, form, tokens)


def _attach(request: PortalRequest, store: MailStore, form: ComposeForm, tokens: list[str]) -> HttpResponse:
    return _again(request, store, form, tokens, quiet=True)


def _save(request: PortalRequest, store: MailStore, form: ComposeForm, tokens: list[str]) -> HttpResponse:
    form.is_valid()
    try:
        writing = _writing(request, store, form, tokens)
        ref = sending.save_draft(store, writing)
    except (attaching.Missing, MailError) as error:
        return _failed(request, store, form, tokens, error)
    url = f"{reverse('mail:edit', args=(ref.mailbox, ref.uid))}?v={ref.uidvalidity}"
    saved_at = _("Saved %(time)s") % {"time": time_format(timezone.localtime(), "TIME_FORMAT")}
    if request.accepts(JSON) and not request.accepts("text/html"):
        items = attaching.items_of_parts(prefill.parts_of_draft(store, ref), "d")
        return JsonResponse(
            {"draft": str(ref), "url": url, "text": saved_at, "attachments": [item.token for item in items]}
        )
    messages.success(request, _("Draft saved."))
    return HttpResponseRedirect(url)


def _discard(request: PortalRequest, store: MailStore, form: ComposeForm, tokens: list[str]) -> HttpResponse:
    form.is_valid()
    draft = MessageRef.parse(form.cleaned_data.get("draft", ""))
    if draft is not None:
        sending.discard(store, draft)
    _forget_uploads(request, tokens)
    messages.success(request, _("Draft discarded."))
    return HttpResponseRedirect(reverse("mail:index"))


def _send(request: PortalRequest, store: MailStore, form: ComposeForm, tokens: list[str]) -> HttpResponse:
    if not form.is_valid():
        return _again(request, store, form, tokens)
    if not form.recipients:
        form.add_error("to", _("Say who the message is for."))
        return _again(request, store, form, tokens)
    try:
        sent = sending.send(request, store, _writing(request, store, form, tokens))
    except sending.OutcomeUnknown:
        text = _(
            "Nobody knows whether this was sent: the connection ended too early. Look into Sent before you try again."
        )
        form.add_error(None, text)
        return _again(request, store, form, tokens)
    except sending.NotSent as error:
        for address, text in error.refused.items():
            form.refuse(address, f"{address}: {text}")
        if error.text:
            form.add_error(None, error.text)
        return _again(request, store, form, tokens)
    except (attaching.Missing, MailError) as error:
        return _failed(request, store, form, tokens, error)
    _forget_uploads(request, tokens)
    if sent.problem:
        messages.warning(request, sent.problem)
    else:
        messages.success(request, _("Sent already.") if sent.again else _("Message sent."))
    source = MessageRef.parse(form.cleaned_data["source"])
    return HttpResponseRedirect(reverse("mail:mailbox", args=(source.mailbox,)) if source else reverse("mail:index"))


def _forget_uploads(request: PortalRequest, tokens: list[str]) -> None:
    store = attaching.uploads_of(request)
    for token in tokens:
        if token.startswith("u:"):
            store.delete(token[2:])


def _writing(request: PortalRequest, store: MailStore, form: ComposeForm, tokens: list[str]) -> sending.Writing:
    """The form as a message. Raises ``attaching.Missing``, ``MailError``."""
    data = form.cleaned_data
    sources = _sources(request, store, form)
    message = prefill.message_of(
        data, sender=prefill.sender_of(request.user), attachments=attaching.load(tokens, sources)
    )
    writing_id = data.get("id") or prefill.new_id()
    message_id = sending.message_id(writing_id, message.from_.email)
    return sending.Writing(
        message=replace(message, message_id=message_id, date=timezone.localtime()),
        id=writing_id,
        kind=data.get("kind", ""),
        source=sources.source,
        draft=sources.draft,
    )


def _sources(request: PortalRequest, store: MailStore, form: ComposeForm) -> attaching.Sources:
    return attaching.Sources(
        store=store,
        uploads=attaching.uploads_of(request),
        source=MessageRef.parse(form.cleaned_data.get("source", "")),
        draft=MessageRef.parse(form.cleaned_data.get("draft", "")),
    )


# --- the page ---------------------------------------------------------------------------------------------------------


def _failed(
    request: PortalRequest, store: MailStore, form: ComposeForm, tokens: list[str], error: Exception
) -> HttpResponse:
    if isinstance(error, MailError):
        found = trouble.describe(error)
        form.add_error(None, f"{found.title}. {found.text}")
    else:
        form.add_error(None, _("An attached file is not there any more. Attach it again."))
    return _again(request, store, form, tokens)


def _again(
    request: PortalRequest, store: MailStore, form: ComposeForm, tokens: list[str], *, quiet: bool = False
) -> HttpResponse:
    """The page with everything as it was typed, and what was wrong with it."""
    form.is_valid()
    if quiet:
        form = ComposeForm(initial=request.POST.dict())
        form.cleaned_data = {key: request.POST.get(key, "") for key in ("source", "draft")}
    try:
        items = attaching.items(tokens, _sources(request, store, form))
    except MailError:
        items = []
    return _render(request, store, form, items, status=200 if quiet else 422)


def _page(request: PortalRequest, store: MailStore, filled: prefill.Prefill) -> HttpResponse:
    return _render(request, store, ComposeForm(initial=filled.initial), list(filled.items))


def _render(
    request: PortalRequest, store: MailStore, form: ComposeForm, items: list[attaching.Item], status: int = 200
) -> HttpResponse:
    subject = form["subject"].value() or ""
    context = {
        "form": form,
        "attachments": items,
        "sender": prefill.sender_of(request.user),
        "heading": subject or _("New message"),
        "upload_limit": settings.MAX_MESSAGE_MB * 1_000_000,
        "upload_mb": settings.MAX_MESSAGE_MB,
        "back_url": _back_url(form),
        **frame(list(store.mailboxes()), ""),
    }
    return render(request, "mail/compose.html", context, status=status)


def _back_url(form: ComposeForm) -> str:
    source = MessageRef.parse(form["source"].value() or "")
    if source is None:
        return reverse("mail:index")
    return f"{reverse('mail:message', args=(source.mailbox, source.uid))}?v={source.uidvalidity}"


def _rich(request: PortalRequest) -> bool:
    return request.GET.get("format") == "html"
