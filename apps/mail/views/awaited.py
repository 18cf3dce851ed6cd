"""Messages that should have been answered: what stands above the inbox, and the page of all of them."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from apps.mail.mailbox.store import MailStore
from apps.mail.services import identities, later, reminders
from apps.mail.views.common import frame, with_store
from portal.http import PortalRequest, is_fragment


@require_safe
@vary_on_headers("HX-Request")
@with_store
def index(request: PortalRequest, store: MailStore) -> HttpResponse:
    """All of them; for htmx those whose day has come, as they stand above the inbox."""
    if is_fragment(request):
        return _above_the_inbox(request, store)
    context = {"missed": reminders.every(store, request.user.pk, _own(request))}
    return render(request, "mail/awaited.html", frame(list(store.mailboxes()), "") | context)


def _above_the_inbox(request: PortalRequest, store: MailStore) -> HttpResponse:
    return render(request, "mail/_awaited.html", {"missed": reminders.missed(store, request.user.pk, _own(request))})


def _own(request: PortalRequest) -> list[str]:
    return [each.address.email.casefold() for each in identities.all_of(request)]


@require_POST
@with_store
def act(request: PortalRequest, store: MailStore, pk: int) -> HttpResponse:
    """``do``: done, or a number of days after which to remind again."""
    do = request.POST.get("do", "")
    if do == "done":
        reminders.dismiss(request.user.pk, pk)
        text = _("You will not be reminded of it.")
    elif do in {"1", "3", "7"}:
        due = reminders.postpone(request.user.pk, pk, days=int(do))
        text = _("You will be reminded on %(time)s.") % {"time": later.said(due)} if due else ""
    else:
        raise Http404("no such action")
    if is_fragment(request):
        return _above_the_inbox(request, store)
    if text:
        messages.success(request, text)
    return HttpResponseRedirect(reverse("mail:awaited"))
