"""What a person proves themselves with: seen, added, named and removed by nobody but them."""

from __future__ import annotations

import segno
import structlog
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.auth.factors import browsers, codes, gate, policy, proofs, ways
from apps.auth.factors.models import CodeDevice, RememberedBrowser
from apps.auth.prefs import SECURITY
from apps.auth.views.proving import fresh_proof
from portal import preferences
from portal.http import PortalRequest

log = structlog.get_logger(__name__)
MOST_DEVICES = 10


@login_required
@require_safe
def security(request: PortalRequest) -> HttpResponse:
    context = {
        "sections": preferences.sections(),
        "page": SECURITY,
        "devices": CodeDevice.objects.filter(user=request.user, confirmed=True).order_by("created"),
        "recovery_left": codes.left(request.user),
        "recovery_all": codes.SHEET,
        "browsers": RememberedBrowser.objects.filter(user=request.user).count(),
        "asked": policy.demand(request.user, address=request.client_address),
    }
    return render(request, "auth/security.html", context)


@login_required
@require_safe
def enrol(request: PortalRequest) -> HttpResponse:
    """All that somebody sees who has to enrol first."""
    if gate.MUST_ENROL not in request.session:
        return redirect("auth:security")
    return render(request, "auth/enrol.html")


# --- apps that show codes -------------------------------------------------------------------------------------------


@login_required
@require_POST
@fresh_proof
def new_app(request: PortalRequest) -> HttpResponse:
    if CodeDevice.objects.filter(user=request.user, confirmed=True).count() >= MOST_DEVICES:
        messages.error(request, _("You have as many devices as one person may have. Remove one first."))
        return redirect("auth:security")
    return redirect("auth:app", codes.new_app(request.user).pk)


@login_required
@require_http_methods(["GET", "POST"])
@fresh_proof
def app(request: PortalRequest, device_id: int) -> HttpResponse:
    """The QR code, and the first code from the app, which confirms that it was read right."""
    device = get_object_or_404(CodeDevice, pk=device_id, user=request.user, kind=ways.TOTP, confirmed=False)
    trouble = ""
    if request.method == "POST":
        if codes.accept(device, request.POST.get("code", "")):
            return _confirmed(request, device)
        trouble = _("This is not the code of that app. Is the clock of the phone right?")
    uri = codes.app_uri(device, issuer=settings.SITE_NAME, account=request.user.get_username())
    context = {
        "device": device,
        "qr": mark_safe(segno.make(uri, error="m").svg_inline(border=0, omitsize=True)),  # noqa: S308 - digits and letters
        "uri": uri,
        "key": uri.partition("secret=")[2].partition("&")[0],
        "trouble": trouble,
        "name": request.POST.get("name", ""),
    }
    return render(request, "auth/app.html", context, status=422 if trouble else 200)


def _confirmed(request: PortalRequest, device: CodeDevice) -> HttpResponse:
    device.name = request.POST.get("name", "").strip()[:64]
    device.confirmed = True
    device.save(update_fields=["name", "confirmed"])
    gate.renew(request, ways.CODE)
    gate.enrolled(request, request.user)
    log.info("factor_added", user=request.user.pk, kind=device.kind)
    messages.success(request, _("Your app is set up. From now on its codes prove that it is you."))
    if not codes.left(request.user):
        return _sheet(request)
    return redirect("auth:security")


@login_required
@require_POST
@fresh_proof
def change_device(request: PortalRequest, device_id: int) -> HttpResponse:
    device = get_object_or_404(CodeDevice, pk=device_id, user=request.user)
    if "remove" in request.POST:
        if _is_needed(request, device):
            messages.error(request, _("Your organisation asks you for a code. Set up another device first."))
            return redirect("auth:security")
        device.delete()
        browsers.forget_all(request.user)
        log.warning("factor_removed", user=request.user.pk, kind=device.kind)
        messages.success(request, _("Removed. Browsers that were remembered will ask again."))
    else:
        CodeDevice.objects.filter(pk=device.pk).update(name=request.POST.get("name", "").strip()[:64])
        messages.success(request, _("Saved."))
    return redirect("auth:security")


def _is_needed(request: PortalRequest, device: CodeDevice) -> bool:
    """Whether without it this person could not come in again."""
    others = CodeDevice.objects.filter(user=request.user, confirmed=True).exclude(pk=device.pk)
    if others.exists():
        return False
    demand = policy.demand(request.user, address=request.client_address)
    left = proofs.has(request.user) - {ways.CODE, ways.RECOVERY}
    return not demand.met_by(left)


# --- recovery codes and remembered browsers -----------------------------------------------------------------------


@login_required
@require_POST
@fresh_proof
def recovery(request: PortalRequest) -> HttpResponse:
    return _sheet(request)


def _sheet(request: PortalRequest) -> HttpResponse:
    """Shown in this answer and never again."""
    log.info("recovery_codes_made", user=request.user.pk)
    context = {"codes": codes.new_sheet(request.user), "site": settings.SITE_NAME}
    return render(request, "auth/recovery.html", context)


@login_required
@require_POST
def forget_browsers(request: PortalRequest) -> HttpResponse:
    browsers.forget_all(request.user)
    messages.success(request, _("All browsers will ask again."))
    return redirect("auth:security")
