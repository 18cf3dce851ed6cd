"""Where somebody is signed in, what goes on for them without their browser, and how to end either."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from portal import delegations, preferences, sessions
from portal.delegations import CannotRevoke
from portal.http import PortalRequest
from portal.models import Delegation
from portal.registry import get_registry
from portal.security_events import tell
from portal.views.account import sign_out

PAGE = "portal.sessions"


@login_required
@require_safe
def index(request: PortalRequest) -> HttpResponse:
    kinds = get_registry().delegations
    rows = Delegation.objects.filter(user=request.user.pk, expires__gt=timezone.now()).order_by("-created", "-pk")
    found = [{"row": row, "kind": kinds.get(row.kind)} for row in rows]
    here = request.session.session_key
    app, page = preferences.find_page(PAGE) or (None, None)
    context = {
        "places": [{"row": row, "here": row.session_key == here} for row in sessions.of_user(request.user.pk)],
        "delegations": found,
        "sections": preferences.sections(),
        "app": app,
        "page": page,
    }
    return render(request, "portal/sessions.html", context)


@login_required
@require_POST
def end(request: PortalRequest) -> HttpResponse:
    """Sign out elsewhere: one session by its ``reference``, or all but this one."""
    reference = request.POST.get("reference", "")
    if reference and reference == sessions.reference(request):
        return sign_out(request)
    if reference:
        sessions.end(user_id=request.user.pk, reference=reference, request=request)
        messages.success(request, _("Signed out there."))  # or it had ended meanwhile
    else:
        count = sessions.end_all(user_id=request.user.pk, but=request.session.session_key, request=request)
        text = ngettext("Signed out in one other place.", "Signed out in %(count)d other places.", count)
        messages.success(request, text % {"count": count} if count else _("You are signed in nowhere else."))
    return HttpResponseRedirect(reverse("portal:sessions"))


@login_required
@require_POST
def revoke(request: PortalRequest, delegation_id: int) -> HttpResponse:
    """The app calls the task off; of an app that is not here any more only the secret is left, and goes."""
    back = HttpResponseRedirect(reverse("portal:sessions"))
    row = Delegation.objects.filter(pk=delegation_id).first()
    if row is None:
        messages.success(request, _("Revoked."))  # by another tab, or the task has come to its end
        return back
    row = get_object_or_404(Delegation, pk=delegation_id, user=request.user.pk)
    kind = get_registry().delegations.get(row.kind)
    try:
        if kind is not None:
            kind.revoke(request, row.task)
    except CannotRevoke as error:
        messages.error(request, str(error))
        return back
    delegations.end(row)
    tell(request, kind="delegation_revoked", user=request.user, what=row.kind)
    messages.success(request, _("Revoked."))
    return back
