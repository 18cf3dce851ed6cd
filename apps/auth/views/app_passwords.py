"""Passwords for programs: made, named and revoked by their owner."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.auth.factors import app_passwords
from apps.auth.factors.models import AppPassword
from apps.auth.views.proving import fresh_proof
from portal.http import PortalRequest
from portal.security_events import tell


@login_required
@require_POST
@fresh_proof
def make(request: PortalRequest) -> HttpResponse:
    """Shown in this answer and never again."""
    name = request.POST.get("name", "").strip()
    if not name:
        messages.error(request, _("Give it the name of the program, so that you know it again."))
        return redirect("auth:security")
    try:
        password = app_passwords.make(request.user, name=name)
    except app_passwords.TooMany:
        messages.error(request, _("You have as many as one person may have. Revoke one first."))
        return redirect("auth:security")
    tell(request, kind="app_password_added", user=request.user, name=name)
    return render(request, "auth/app_password.html", {"name": name, "password": password})


@login_required
@require_POST
def revoke(request: PortalRequest, password_id: int) -> HttpResponse:
    if AppPassword.objects.filter(pk=password_id, user=request.user).delete()[0]:
        tell(request, kind="app_password_removed", user=request.user)
    messages.success(request, _("Revoked. The program gets in no more."))
    return redirect("auth:security")
