"""Saved searches: kept from the list, looked after on a page of their own."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.mail.services import saved
from apps.mail.services.saved import NotSaved
from apps.mail.services.view import View
from apps.mail.views.common import mail_required
from portal.http import PortalRequest, is_fragment


@require_http_methods(["GET", "HEAD", "POST"])
@mail_required
def searches(request: PortalRequest) -> HttpResponse:
    """All of them in their order; POST saves one and goes back to it."""
    if request.method != "POST":
        return render(request, "mail/searches.html", {"searches": saved.of(request.user.pk)})
    view, mailbox = View.parse(request.POST), request.POST.get("mailbox", "") or "INBOX"
    try:
        kept = saved.save(user_id=request.user.pk, name=request.POST.get("name", ""), mailbox=mailbox, view=view)
    except NotSaved as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("“%(name)s” is saved. You will find it below your folders.") % {"name": kept.name})
    here = reverse("mail:mailbox", args=(mailbox,)) + View(q=view.q, where=view.where).encoded()
    return HttpResponseRedirect(here)


@require_safe
@mail_required
def operators(request: PortalRequest) -> HttpResponse:
    """What may stand among the words of a search; for htmx the menu of the search box."""
    return render(request, "mail/_operators.html" if is_fragment(request) else "mail/operators.html")


@require_POST
@mail_required
def search(request: PortalRequest, pk: int) -> HttpResponse:
    """One of them: ``do`` is rename, delete or place."""
    do, user_id = request.POST.get("do", ""), request.user.pk
    try:
        if do == "rename":
            saved.rename(user_id=user_id, pk=pk, name=request.POST.get("name", ""))
        elif do == "delete":
            saved.remove(user_id=user_id, pk=pk)
            messages.success(request, _("The search is deleted. No message was touched."))
        elif request.POST.get("to", "").isdecimal():
            saved.place(user_id=user_id, pk=pk, position=min(int(request.POST["to"][:4]), saved.MOST))
    except NotSaved as error:
        messages.error(request, str(error))
    return redirect("mail:searches")
