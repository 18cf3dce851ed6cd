"""The preferences' page of identities: a list in order, and a form for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from apps.mail import prefs
from apps.mail.identity_forms import IdentityForm
from apps.mail.mailbox.errors import MailError
from apps.mail.mailbox.routed import standing
from apps.mail.mailbox.store import Mailbox, MailStore
from apps.mail.models import Identity
from apps.mail.services import identities, other_accounts
from apps.mail.views.common import mail_required, with_store
from apps.mail.views.list import uid_of
from portal import preferences
from portal.http import PortalRequest


@require_http_methods(["GET", "HEAD", "POST"])
@mail_required
def index(request: PortalRequest) -> HttpResponse:
    """The list; POST puts it into the order that the button names."""
    if request.method == "POST":
        keys = [key for key in request.POST.get("order", "").split(",") if key.isascii() and key.isdigit()]
        identities.arrange(request, keys[: identities.MOST])
        return HttpResponseRedirect(reverse("mail:identities"))
    rows = identities.all_of(request)
    usable = {row.key for row in identities.of(request)}
    context = {"rows": [_row(rows, number, usable) for number in range(len(rows))]}
    return _page(request, "mail/identities.html", context | {"room": len(rows) < identities.MOST})


def _row(rows: list[Identity], number: int, usable: set[str]) -> dict[str, Any]:
    """``up`` and ``down``: the whole order as it is afterwards, so that pressing twice is pressing once."""
    keys = [row.key for row in rows]
    swapped = {}
    for name, other in (("up", number - 1), ("down", number + 1)):
        if 0 <= other < len(keys):
            order = keys.copy()
            order[number], order[other] = order[other], order[number]
            swapped[name] = ",".join(order)
    top = ",".join([keys[number], *keys[:number], *keys[number + 1 :]]) if number else ""
    return {
        "identity": rows[number],
        "default": not number,
        "usable": rows[number].key in usable,
        "top": top,
        **swapped,
    }


@require_http_methods(["GET", "HEAD", "POST"])
@with_store
def new(request: PortalRequest, store: MailStore) -> HttpResponse:
    rows = identities.all_of(request)
    if len(rows) >= identities.MOST:
        return HttpResponseRedirect(reverse("mail:identities"))
    template = identities.first(request)
    template.position = max(row.position for row in rows) + 1
    template.account = other_accounts.find(request.user.pk, uid_of(request.GET.get("account", "")))
    return _edit(request, store, template, title=_("New identity"), only=False)


@require_http_methods(["GET", "HEAD", "POST"])
@with_store
def edit(request: PortalRequest, store: MailStore, id: int) -> HttpResponse:
    """``id`` 0 is the first one, which has no row before it is changed."""
    rows = identities.all_of(request)
    identity = rows[0] if id == 0 else identities.find(rows, str(id))
    if identity is None:
        raise Http404("no such identity")
    if request.method == "POST" and request.POST.get("action") == "delete":
        if identity.pk is not None:
            identities.delete(request, identity.key)
        messages.success(request, _("The identity was deleted."))
        return HttpResponseRedirect(reverse("mail:identities"))
    return _edit(request, store, identity, title=str(identity), only=identity.pk is None)


def _edit(request: PortalRequest, store: MailStore, identity: Identity, *, title: str, only: bool) -> HttpResponse:
    form = IdentityForm(identity, request, _mailboxes(store, identity), request.POST or None)
    if form.is_bound and form.is_valid():
        identities.save(request, form.apply())
        messages.success(request, _("Saved."))
        return HttpResponseRedirect(reverse("mail:identities"))
    for name in form.errors:
        if name in form.fields:
            form.fields[name].widget.attrs["aria-invalid"] = "true"
    context = {"form": form, "identity": identity, "heading": title, "can_delete": identity.pk is not None and not only}
    return _page(request, "mail/identity.html", context, status=400 if form.is_bound else 200)


def _mailboxes(store: MailStore, identity: Identity) -> Sequence[Mailbox]:
    """Of its account; where that does not answer, what is sent goes where it went before."""
    try:
        return standing(store, identity.number).mailboxes(status=False)
    except MailError:
        if not identity.number:
            raise
        return []


def _page(request: PortalRequest, template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    frame = {"sections": preferences.sections(), "page": prefs.IDENTITIES}
    return render(request, template, frame | context, status=status)
