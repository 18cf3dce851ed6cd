"""Contacts come from files and go into files."""

from __future__ import annotations

from typing import Any, TypeVar
from urllib.parse import quote

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from apps.contacts import tasks
from apps.contacts.formats import tables
from apps.contacts.models import Group, Undertaking
from apps.contacts.properties import BY_NAME, TYPES
from apps.contacts.services import access, exporting, importing, keeping, listing, sealed
from apps.contacts.views.common import (
    books_of,
    contacts_required,
    doing,
    own_book,
    own_contact,
    place_title,
    side,
    was_too_large,
)
from portal.http import PortalRequest

ROWS = 100
SHOWN_LINES = 5
State = Undertaking.State
Answer = TypeVar("Answer", bound=HttpResponseBase)


@contacts_required
@require_http_methods(["GET", "HEAD", "POST"])
def imports(request: PortalRequest) -> HttpResponse:
    """The form, and what was imported before. POST keeps the file and looks through it."""
    if request.method == "POST":
        upload = request.FILES.get("file")
        book = own_book(request, request.POST.get("book", ""))
        try:
            if upload is None:
                raise keeping.NotKept(importing.too_large() if was_too_large(request) else _("Choose a file."))
            whole = importing.begin(
                request.user.pk,
                upload,  # type: ignore[arg-type]
                name=upload.name or "",
                size=upload.size or 0,
                book=book,
                existing=request.POST.get("existing", ""),
            )
        except keeping.NotKept as error:
            messages.error(request, str(error))
            return redirect("contacts:imports")
        tasks.start(whole, upload.size or 0, "look")
        return redirect("contacts:import", whole.pk)
    earlier = Undertaking.objects.filter(owner=request.user, kind=Undertaking.Kind.IMPORT).select_related("book")
    own_books = [book for book in books_of(request) if book.owner_id == request.user.pk]
    context = {"all_books": own_books, "earlier": earlier[:50], "most": importing.most_megabytes()}
    return render(request, "contacts/imports.html", side(request) | context)


@contacts_required
@require_http_methods(["GET", "HEAD", "POST"])
def one_import(request: PortalRequest, import_id: int) -> HttpResponse:
    """What would be done, is being done or was done, row by row. POST: ``do`` is map, run, undo or cancel."""
    mine = Undertaking.objects.filter(owner=request.user, kind=Undertaking.Kind.IMPORT).select_related("book", "owner")
    whole = mine.filter(pk=import_id).first()
    if whole is None:
        raise Http404("no such import")
    if request.method == "POST":
        return _act(request, whole)
    rows = whole.rows.select_related("contact")
    state = request.GET.get("state", "")
    shown = rows.filter(state=state) if state else rows
    counts = {row["state"]: row["n"] for row in rows.order_by().values("state").annotate(n=Count("pk"))}
    table = _table(whole) if whole.state == State.READ and whole.options["format"] == "csv" else None
    context: dict[str, Any] = {
        "whole": whole,
        "rows": Paginator(shown, ROWS).get_page(request.GET.get("page")),
        "state": state,
        "counts": [(each, each.label, counts[each]) for each in importing.State if each in counts],
        "good": sum(n for each, n in counts.items() if each in {"new", "changed", "group"}),
        "percent": min(100, whole.done * 100 // whole.total) if whole.total else 0,
        "columns": _columns(table) if table else None,
        "headless": table.headless if table else False,
        "format": importing.KINDS[whole.options["format"]],
    }
    return render(request, "contacts/import.html", side(request) | context)


def _table(whole: Undertaking) -> tables.Table | None:
    """None where it is none; its rows then say why."""
    try:
        with importing.opened(whole) as file:
            octets = file.read()
        return tables.opened(octets, targets=whole.options.get("columns"), headless=whole.options.get("headless"))
    except (tables.BadTable, sealed.Broken):
        return None


def _columns(table: tables.Table) -> list[dict[str, Any]]:
    """Each column with its name, the first of its cells, and what it may mean."""
    first = [row for _at, (_number, row) in zip(range(SHOWN_LINES), table.rows, strict=False)]
    return [
        {
            "number": at,
            "name": name,
            "cells": ", ".join(cell for row in first if at < len(row) and (cell := row[at].strip()))[:80],
            "target": target,
            "choices": _targets(target),
            "guessed": at in table.guessed,
        }
        for at, (name, target) in enumerate(zip(table.head, table.targets, strict=True))
    ]


def _targets(present: str) -> list[tuple[str, str]]:
    own = [] if present in tables.TARGETS or present in {tables.CUSTOM, tables.IGNORED} else [present]
    named = sorted(((target, target_label(target)) for target in (*tables.TARGETS, *own)), key=lambda pair: pair[1])
    return [(tables.CUSTOM, _("a field of its own")), ("-", _("leave out")), *named]


def target_label(target: str) -> str:
    """“Address, Private: City”."""
    key, _dot, part = target.partition(".")
    name, _colon, kind = key.partition("#")[0].partition(":")
    prop = BY_NAME.get(name)
    words = str(prop.label) if prop else _("leave out")
    if kind:
        words = f"{words} ({TYPES[kind]})"
    return f"{words}: {prop.parts[int(part)]}" if prop and part.isdecimal() and int(part) < len(prop.parts) else words


def _act(request: PortalRequest, whole: Undertaking) -> HttpResponse:
    do = request.POST.get("do", "")
    here = redirect("contacts:import", whole.pk)
    if do == "undo" and whole.state in {State.DONE, State.RUNNING, State.FAILED}:
        messages.success(request, importing.undo(whole, doing(request)))
        return here
    if do == "cancel" and whole.state == State.READ:
        importing.discard(whole)
        whole.delete()
        messages.success(request, _("Nothing was imported."))
        return redirect("contacts:imports")
    if do in {"map", "run"} and whole.state == State.READ and whole.file:
        if request.POST.get("columns"):
            count = min(int(request.POST["columns"]) if request.POST["columns"].isdecimal() else 0, tables.MOST_COLUMNS)
            chosen = [request.POST.get(f"c{at}", "-") for at in range(count)]
            table = _table(whole)
            known = {*tables.TARGETS, tables.CUSTOM, *(table.targets if table else ())}
            whole.options["columns"] = [target if target in known else tables.IGNORED for target in chosen]
            whole.options["headless"] = bool(request.POST.get("headless"))
        taken = Undertaking.objects.filter(pk=whole.pk, state=State.READ)
        if taken.update(state=State.RUNNING, options=whole.options, done=0):
            tasks.start(whole, (importing.folder() / whole.file).stat().st_size, "look" if do == "map" else "take")
    return here


# --- out --------------------------------------------------------------------------------------------------------------


@contacts_required
@require_safe
def export(request: PortalRequest) -> HttpResponseBase:
    """A form; with ``format`` the file of a view (see ``listing.View``), or of the contacts named by ``id``."""
    view = listing.View.parse(request.GET)
    kind = request.GET.get("format", "")
    try:
        found = listing.chosen(request.user.pk, view)
    except listing.NoSuchPlace:
        raise Http404("no such place") from None
    title = place_title(request.user.pk, view)
    if kind not in exporting.FORMATS:
        context = {"formats": exporting.FORMATS, "title": title, "count": found.count(), "view": view}
        return render(request, "contacts/export.html", side(request, view) | context)
    ids = [int(pk) for pk in request.GET.getlist("id") if pk.isascii() and pk.isdecimal() and len(pk) < 16]
    if ids:
        found = found.filter(pk__in=ids)
    own = Group.objects.filter(owner=request.user)
    if view.kind == "group":
        own = own.filter(pk=int(view.place.partition("-")[2]))
    elif view.place != "all" or view.asks or ids:
        own = own.none()
    pieces = exporting.pieces(found, kind, own_groups=list(own))
    mime, ending = exporting.FORMATS[kind]
    return _file(StreamingHttpResponse(pieces, content_type=mime), f"{title}.{ending}")


@contacts_required
@require_safe
def vcard(request: PortalRequest, pk: int) -> HttpResponse:
    """One contact as a vCard 4.0."""
    found = own_contact(request, pk)
    mine = access.contacts(request.user.pk).filter(pk=found.pk)
    text = "".join(exporting.pieces(mine, "vcard4", own_groups=[]))
    return _file(HttpResponse(text, content_type=exporting.FORMATS["vcard4"][0]), f"{found.name}.vcf")


def _file(answer: Answer, name: str) -> Answer:
    plain = slugify(name.rpartition(".")[0]) or "contacts"
    ending = name.rpartition(".")[2]
    answer["Content-Disposition"] = (
        f"attachment; filename=\"{plain}.{ending}\"; filename*=UTF-8''{quote(name, safe='')}"
    )
    return answer
