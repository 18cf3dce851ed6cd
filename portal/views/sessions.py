"""What goes on for somebody without their browser, and how to end it."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from portal import delegations
from portal.delegations import CannotRevoke
from portal.http import PortalRequest
from portal.models import Delegation
from portal.registry import get_registry


@login_required
@require_safe
def index(request: PortalRequest) -> HttpResponse:
    kinds = get_registry().delegations
    rows = Delegation.objects.filter(user=request.user.pk, expires__gt=timezone.now()).order_by("-created", "-pk")
    found = [{"row": row, "kind": kinds.get(row.kind)} for row in rows]
    return render(request, "portal/sessions.html", {"delegations": found})


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
    messages.success(request, _("Revoked."))
    return back
