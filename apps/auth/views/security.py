"""What a person proves themselves with: seen, added, named and removed by nobody but them."""

from __future__ import annotations

import segno
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.auth import leaving
from apps.auth.certificates import store
from apps.auth.factors import browsers, codes, gate, passkeys, policy, proofs, ways
from apps.auth.factors.models import AppPassword, CodeDevice, Passkey
from apps.auth.prefs import SECURITY
from apps.auth.views.proving import fresh_proof
from portal import credentials, preferences
from portal.http import PortalRequest
from portal.security_events import tell

MOST_DEVICES = 10


@login_required
@require_safe
def security(request: PortalRequest) -> HttpResponse:
    context = {
        "sections": preferences.sections(),
        "page": SECURITY,
        "devices": CodeDevice.objects.filter(user=request.user, confirmed=True).order_by("created"),
        "passkeys": Passkey.objects.filter(user=request.user).order_by("created"),
        "recovery_left": codes.left(request.user),
        "recovery_all": codes.SHEET,
        "app_passwords": AppPassword.objects.filter(user=request.user).order_by("created"),
        "browsers": browsers.of(request.user),
        "asked": policy.demand(request.user, address=request.client_address),
        "password_set": request.user.has_usable_password(),
        "password_asked": request.user.is_local or policy.is_used(ways.PASSWORD),
    }
    return render(request, "auth/security.html", context)


@login_required
@require_safe
def enrol(request: PortalRequest) -> HttpResponse:
    """All that somebody sees who has to enrol first: what would let them in the next time, from here."""
    if gate.MUST_ENROL not in request.session:
        return redirect("auth:security")
    asked = policy.demand(request.user, address=request.client_address).ways
    usual = {ways.CODE, ways.PASSKEY}
    others = {ways.PASSWORD, *([ways.CERTIFICATE] if store.exists() else ())}
    return render(request, "auth/enrol.html", {"ways": asked & (usual | others) or usual})


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
    tell(request, kind="factor_added", user=request.user, way=device.kind, name=device.name)
    messages.success(request, _("Your app is set up. From now on its codes prove that it is you."))
    if not codes.left(request.user):
        return _sheet(request)
    return redirect("auth:security")


@login_required
@require_POST
@fresh_proof
def change_device(request: PortalRequest, device_id: int) -> HttpResponse:
    return _changed(request, get_object_or_404(CodeDevice, pk=device_id, user=request.user))


def _changed(request: PortalRequest, device: CodeDevice | Passkey) -> HttpResponse:
    """Removed, or given another name."""
    if "remove" not in request.POST:
        device.name = request.POST.get("name", "").strip()[:64]
        device.save(update_fields=["name"])
        messages.success(request, _("Saved."))
    elif _is_needed(request, device):
        messages.error(request, _("Your organisation asks you for a proof. Set up another one first."))
    else:
        _remove(request, device)
        text = _("Removed. You are signed out everywhere else, and browsers that were remembered will ask again.")
        messages.success(request, text)
    return redirect("auth:security")


def _remove(request: PortalRequest, device: CodeDevice | Passkey) -> None:
    """Whoever has come in with it elsewhere is out, and no browser is spared the proof any more. A card goes back to
    the administration, which may give it to somebody else."""
    way = device.kind if isinstance(device, CodeDevice) else ways.PASSKEY
    if way == ways.HOTP:
        CodeDevice.objects.filter(pk=device.pk).update(user=None)
    else:
        device.delete()
    leaving.proof_gone(request.user, but=request.session.session_key, request=request)
    tell(request, kind="factor_removed", user=request.user, way=way, name=device.name)


def _is_needed(request: PortalRequest, device: CodeDevice | Passkey) -> bool:
    """Whether without it this person could not come in again."""
    way = ways.CODE if isinstance(device, CodeDevice) else ways.PASSKEY
    if type(device).objects.filter(user=request.user, confirmed=True).exclude(pk=device.pk).exists():
        return False
    demand = policy.demand(request.user, address=request.client_address)
    return not demand.met_by(proofs.has(request.user) - {way, ways.RECOVERY})


# --- passkeys ---------------------------------------------------------------------------------------------------------


@login_required
@require_http_methods(["GET", "POST"])
@fresh_proof
@sensitive_variables("secret")
def passkey(request: PortalRequest) -> HttpResponse:
    """Make one. Where the device can, and it is wanted, the mail password is sealed into it."""
    trouble = ""
    if request.method == "POST":
        secret = _mail_password(request) if request.POST.get("alone") == "yes" else ""
        name = request.POST.get("name", "").strip()
        try:
            made = passkeys.make(request, request.user, request.POST.get("passkey", ""), name=name, secret=secret)
        except passkeys.Refused as refusal:
            tell(request, kind="factor_refused", user=request.user, way=ways.PASSKEY, why=str(refusal))
            trouble = _("That did not work. Try again, or take another device.")
        else:
            return _passkey_made(request, made, wanted_alone=bool(secret))
    context = {
        "asked": passkeys.to_make(request, request.user),
        "trouble": trouble,
        "can_open": not request.user.is_local,
        "name": request.POST.get("name", ""),
    }
    return render(request, "auth/passkey.html", context, status=422 if trouble else 200)


def _passkey_made(request: PortalRequest, made: Passkey, *, wanted_alone: bool) -> HttpResponse:
    gate.renew(request, ways.PASSKEY)
    gate.enrolled(request, request.user)
    tell(request, kind="factor_added", user=request.user, way=ways.PASSKEY, name=made.name)
    messages.success(request, _("Your passkey is set up."))
    if wanted_alone and not made.sealed:
        messages.warning(request, _("It cannot keep your mail password, so you will be asked for that as before."))
    return _sheet(request) if not codes.left(request.user) else redirect("auth:security")


def _mail_password(request: PortalRequest) -> str:
    """Nothing where somebody signs in with a provider: a passkey cannot keep what changes."""
    try:
        secret = credentials.unseal(request)
        return secret if isinstance(secret, str) else ""
    except credentials.Locked:
        return ""


@login_required
@require_POST
@fresh_proof
def change_passkey(request: PortalRequest, passkey_id: int) -> HttpResponse:
    found = get_object_or_404(Passkey, pk=passkey_id, user=request.user)
    if "forget" not in request.POST:
        return _changed(request, found)
    passkeys.forget_password(found)
    messages.success(request, _("It keeps your mail password no longer."))
    return redirect("auth:security")


# --- recovery codes and remembered browsers -----------------------------------------------------------------------


@login_required
@require_POST
@fresh_proof
def recovery(request: PortalRequest) -> HttpResponse:
    return _sheet(request)


def _sheet(request: PortalRequest) -> HttpResponse:
    """Shown in this answer and never again."""
    tell(request, kind="recovery_codes_made", user=request.user)
    context = {"codes": codes.new_sheet(request.user), "site": settings.SITE_NAME}
    return render(request, "auth/recovery.html", context)


@login_required
@require_POST
def forget_browsers(request: PortalRequest) -> HttpResponse:
    browsers.forget_all(request.user)
    tell(request, kind="device_forgotten", user=request.user)
    messages.success(request, _("All browsers will ask again."))
    return redirect("auth:security")
