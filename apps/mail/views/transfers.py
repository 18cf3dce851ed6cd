"""Imports and exports of folders: begun, watched, paused, gone on with, cancelled, undone."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import (
    Http404,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    JsonResponse,
    StreamingHttpResponse,
)
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.mail.folder_forms import all_paths, parents_for
from apps.mail.folder_models import Transfer
from apps.mail.mailbox.store import MailStore
from apps.mail.services import folders
from apps.mail.services.folder_names import FolderRefused
from apps.mail.services.stores import account_of, open_store
from apps.mail.services.transfers import exports, imports, running, said, sealed, undoing
from apps.mail.services.transfers.imports import NotTaken
from apps.mail.views.common import account_named, column, mail_required, with_store
from apps.mail.views.manage_folders import refusals
from portal.delegations import Over
from portal.http import PortalRequest, is_fragment

PIECE = 4 * 1024 * 1024  # octets that a browser sends at a time
SECONDS = 2.0
NOTES_PER_PAGE = 100
State = Transfer.State


@require_http_methods(["GET", "HEAD", "POST"])
@with_store
def index(request: PortalRequest, store: MailStore) -> HttpResponse:
    """Those of the last week, and the form of a new import. Without scripts the file comes with the form, with them in
    pieces (``begin`` and ``piece``)."""
    mailboxes = store.mailboxes()
    errors: dict[str, str] = {}
    if request.method == "POST":
        file = request.FILES.get("file")
        try:
            if file is None:
                raise NotTaken(_("Choose a file."))
            head = file.read(sealed.BLOCK)
            row = imports.begin(
                request,
                name=file.name or "",
                size=file.size or 0,
                head=head,
                parent=request.POST.get("parent", ""),
                new=request.POST.get("new", ""),
                mailboxes=mailboxes,
            )
            file.seek(0)
            at = 0
            while octets := file.read(PIECE):
                imports.receive(row, octets, at=at)
                at += len(octets)
            return HttpResponseRedirect(reverse("mail:transfer", args=(row.pk,)))
        except NotTaken as error:
            errors = {"file": str(error)}
        except FolderRefused as refused:
            errors = {refused.field or "name": refused.text}
    context: dict[str, Any] = {
        "transfers": [_drawn(row) for row in Transfer.objects.filter(user=request.user).order_by("-pk")[:100]],
        "targets": [(name, label) for name, label in parents_for(mailboxes)],
        "parent": request.POST.get("parent") or request.GET.get("folder", ""),
        "new": request.POST.get("new", ""),
        "errors": errors,
        "in_account": account_named(request),
        "most": int(settings.FILE_UPLOAD_MAX_MEMORY_SIZE),
        "piece": PIECE,
    }
    status = 422 if errors else 200
    return render(
        request, "mail/transfers.html", column(request, store, "", mailboxes=mailboxes) | context, status=status
    )


@require_POST
@with_store
def begin(request: PortalRequest, store: MailStore) -> HttpResponse:
    """A script has a file: where its pieces go to, as JSON."""
    data = request.POST
    try:
        head = base64.b64decode(data.get("head", ""), validate=True)
        size = int(data.get("size", ""))
    except (binascii.Error, ValueError):
        return JsonResponse({"error": _("This file cannot be read.")}, status=422)
    try:
        row = imports.begin(
            request,
            name=data.get("name", ""),
            size=size,
            head=head,
            parent=data.get("parent", ""),
            new=data.get("new", ""),
            mailboxes=store.mailboxes(status=False),
        )
    except NotTaken as error:
        return JsonResponse({"error": str(error)}, status=422)
    except FolderRefused as refused:
        return JsonResponse({"error": refused.text, "field": refused.field}, status=422)
    page = reverse("mail:transfer", args=(row.pk,))
    return JsonResponse({"page": page, "pieces": reverse("mail:transfer_piece", args=(row.pk,))})


@require_POST
@mail_required
def piece(request: PortalRequest, pk: int) -> HttpResponse:
    """Octets of the file from ``at`` on; the answer says how many are here."""
    row = _row(request, pk)
    at = request.GET.get("at", "")
    try:
        if not (at.isascii() and at.isdigit() and len(at) < 16):
            raise NotTaken(_("This piece of the file is not expected."))
        imports.receive(row, request.body, at=int(at))
    except NotTaken as error:
        return JsonResponse({"error": str(error), "received": row.received}, status=409)
    except Over:
        imports.end(row, State.FAILED, trouble="over")
        return JsonResponse({"error": str(said.TROUBLE["over"])}, status=410)
    return JsonResponse({"received": row.received})


@require_http_methods(["GET", "HEAD", "POST"])
@mail_required
def transfer(request: PortalRequest, pk: int) -> HttpResponse:
    """One of them. A page that is looked at works for it as well where nobody else does: no worker may be there."""
    row = _row(request, pk)
    if request.method == "POST":
        answer = _do(request, row, request.POST.get("do", ""))
        return answer or HttpResponseRedirect(reverse("mail:transfer", args=(row.pk,)))
    if row.state == State.RUNNING and not row.is_export and running.proceed(row.pk, seconds=SECONDS):
        row = _row(request, pk)
        if row.state == State.RUNNING:
            imports.wake(row)  # a worker that was quicker to look than this page has found it taken
    drawn = _drawn(row)
    if is_fragment(request) and request.GET.get("as", "") != drawn["as"] and row.state != State.UNDOING:
        return HttpResponse(status=204, headers={"HX-Redirect": reverse("mail:transfer", args=(row.pk,))})
    with open_store(request) as store:
        undoing.proceed(row, store, seconds=SECONDS)
        if row.state == State.UNDONE and is_fragment(request):
            return HttpResponse(status=204, headers={"HX-Redirect": reverse("mail:transfer", args=(row.pk,))})
        notes = Paginator(row.notes.order_by("number"), NOTES_PER_PAGE).get_page(request.GET.get("page"))
        reasons = [(note, said.REASONS.get(note.reason, note.reason)) for note in notes]
        context = {"row": _drawn(row), "notes": notes, "reasons": reasons, "piece": PIECE}
        return render(request, "mail/transfer.html", column(request, store, "") | context)


def _do(request: PortalRequest, row: Transfer, do: str) -> HttpResponse | None:
    service = exports if row.is_export else imports
    try:
        if do == "pause":
            service.pause(row)
        elif do == "resume" and row.is_export:
            exports.resume(row)
        elif do == "resume":
            imports.resume(row, request)
        elif do == "cancel":
            service.cancel(row)
        elif do == "undo":
            undoing.begin(row)
        elif do == "forget" and row.state not in (*Transfer.UNFINISHED, State.UNDOING):
            row.delete()
            return HttpResponseRedirect(reverse("mail:transfers"))
    except Over:
        imports.end(row, State.FAILED, trouble="over")
    return None


@require_http_methods(["GET", "HEAD", "POST"])
@with_store
@refusals
def export(request: PortalRequest, store: MailStore) -> HttpResponse:
    """In which form a folder is wanted, and which others with it."""
    mailboxes = store.mailboxes()
    data = request.POST or request.GET
    name, others = data.get("folder", ""), data.getlist("also")
    error = ""
    if request.method == "POST":
        try:
            row = exports.begin(
                request.user.pk,
                names=[name, *others],
                format=request.POST.get("format", ""),
                subfolders=request.POST.get("subfolders") == "yes",
                mailboxes=mailboxes,
            )
            return HttpResponseRedirect(reverse("mail:transfer", args=(row.pk,)))
        except NotTaken as refused:
            error = str(refused)
    top = folders.label_of(name, mailboxes)
    below = any(each.name.startswith(f"{name}{each.delimiter}") for each in mailboxes if each.delimiter)
    context = {
        "folder": name,
        "label": top,
        "below": below,
        "subfolders": request.method != "POST" or request.POST.get("subfolders") == "yes",
        "others": [(each, words, each in others) for each, words in all_paths(mailboxes) if each != name],
        "several": bool(others),
        "error": error,
        "chosen": request.POST.get("format", "mbox"),
    }
    context |= column(request, store, "", mailboxes=mailboxes)
    return render(request, "mail/export.html", context, status=422 if error else 200)


@require_safe
@mail_required
def file(request: PortalRequest, pk: int) -> HttpResponseBase:
    """The present part of an export, written while it is sent."""
    row = _row(request, pk)
    chunks = (
        exports.stream(account_of(request, row.folder), row.pk) if row.is_export and request.method == "GET" else None
    )
    if chunks is None:
        messages.error(request, _("This export is being downloaded already, or is over."))
        return HttpResponseRedirect(reverse("mail:transfer", args=(row.pk,)))
    row.refresh_from_db()
    ending = f".{row.title.rpartition('.')[2]}"
    response = StreamingHttpResponse(chunks, content_type=exports.TYPES.get(ending, "application/octet-stream"))
    response["Content-Disposition"] = content_disposition_header(True, row.title_of_part) or "attachment"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = "private, no-store"
    response["X-Accel-Buffering"] = "no"
    return response


def _row(request: PortalRequest, pk: int) -> Transfer:
    row = Transfer.objects.filter(user=request.user, pk=pk).select_related("delegation", "user").first()
    if row is None:
        raise Http404("no such import or export")
    return row


def _drawn(row: Transfer) -> dict[str, Any]:
    busy = row.lease_until is not None and row.lease_until > timezone.now()
    undone = row.state == State.UNDOING
    percent = 100 - 100 * undoing.remaining(row) // max(1, row.done) if undone else row.percent
    return {
        "it": row,
        "state": said.STATES[row.state],
        "format": said.format_of(row),
        "trouble": said.TROUBLE.get(row.trouble, "") if row.state != State.RECEIVING else "",
        "result": said.result(row),
        "percent": percent,
        "ready": row.is_export and row.state == State.RUNNING and not busy,
        "busy": busy,
        "as": f"{row.state}{busy and row.is_export}{row.trouble}",  # else a page that polls is loaded anew
        "polls": undone or row.state == State.RUNNING,
        "can_undo": not row.is_export and row.state in Transfer.ENDS and (json.loads(row.stored) or row.begun),
        "over": row.state not in (*Transfer.UNFINISHED, State.UNDOING),
        "problem": row.state == State.FAILED or (row.trouble != "" and row.state == State.PAUSED),
    }
