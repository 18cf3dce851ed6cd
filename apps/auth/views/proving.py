"""Proving in the middle of a session who one is: before what people prove themselves with changes, and for pages that
ask for more."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.contrib.auth import authenticate
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from apps.auth.certificates import services as certificates
from apps.auth.factors import codes, gate, passkeys, policy, proofs, ways
from apps.auth.factors.models import CodeDevice
from portal import devices, throttle
from portal.accounts import SignInUnavailable
from portal.http import PortalRequest, safe_next
from portal.security_events import tell

View = Callable[..., HttpResponse]
MAILBOX = "mailbox"  # the password of the second level, for those who have nothing else


def fresh_proof(view: View) -> View:
    """Only for who has proved it a moment ago; others do that first, and come back to the page of security."""

    @wraps(view)
    def wrapped(request: PortalRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if gate.is_recent(request):
            return view(request, *args, **kwargs)
        back = request.get_full_path() if request.method == "GET" else reverse("auth:security")
        return redirect(f"{reverse('auth:prove')}?{urlencode({'next': back})}")

    return cast("View", wrapped)


@sensitive_post_parameters()
@login_required
@require_http_methods(["GET", "POST"])
def prove(request: PortalRequest) -> HttpResponse:
    target = safe_next(request, request.POST.get("next") or request.GET.get("next", ""), reverse("auth:security"))
    offered = _offered(request)
    trouble = ""
    if request.method == "POST":
        way = request.POST.get("way", "")
        trouble = _check(request, way) if way in offered else _("This way is not open to you.")
        if not trouble:
            gate.renew(request, way)
            return HttpResponseRedirect(target)
    chosen = request.POST.get("way") or offered[0]
    context = {
        "passkey": passkeys.to_prove(request) if ways.PASSKEY in offered else None,
        "digits": codes.most_digits(CodeDevice.objects.filter(user=request.user)),
        "next": target,
        "trouble": trouble,
        "missing": _missing(request, target),
        "ways": [{"id": way, "label": _label(way), "icon": _icon(way), "chosen": way == chosen} for way in offered],
    }
    return render(request, "auth/prove.html", context, status=403 if trouble else 200)


def _offered(request: PortalRequest) -> tuple[str, ...]:
    there = proofs.has(request.user)
    if not certificates.shown(request):
        there -= {ways.CERTIFICATE}  # in a browser that has none, it would be no way
    own = tuple(
        way for way in (ways.CODE, ways.PASSKEY, ways.CERTIFICATE, ways.PASSWORD, ways.RECOVERY) if way in there
    )
    return own or (MAILBOX,)


@sensitive_variables("proof")
def _check(request: PortalRequest, way: str) -> str:
    """What is wrong with it, or nothing."""
    device = devices.known(request, login=request.user.login)
    tries = throttle.of_sign_in(login=f"proof of {request.user.pk}", address=request.client_address, device=device)
    if wait := tries.enter():
        text = ngettext(
            "Too many tries. Try again in %(n)d second.", "Too many tries. Try again in %(n)d seconds.", wait
        )
        return text % {"n": wait}
    proof = request.POST.get(way, "")
    try:
        good = _is_good(request, way, proof)
    except SignInUnavailable:
        tries.withdraw()
        return _("The mail server cannot be reached just now. Try again in a moment.")
    if not good:
        tell(request, kind="factor_refused", user=request.user, way=way)
        return _("That was not right. A code is good for a short time, and once.")
    tries.passed()
    return ""


@sensitive_variables("proof")
def _is_good(request: PortalRequest, way: str, proof: str) -> bool:
    if way == MAILBOX:
        return _is_mailbox_password(request, proof)
    if way == ways.CERTIFICATE:
        return certificates.owner_of(certificates.shown(request)) == request.user
    if way == ways.PASSKEY:
        try:
            return passkeys.prove(request, proof).passkey.user == request.user
        except passkeys.Refused:
            return False
    return proofs.prove([request.user], way, proof) is not None


@sensitive_variables("password")
def _is_mailbox_password(request: PortalRequest, password: str) -> bool:
    found = authenticate(request, username=request.user.get_username(), password=password)
    return found is not None and found.pk == request.user.pk


def _missing(request: PortalRequest, target: str) -> bool:
    """Whether the page that is wanted asks for a way that this person has not set up."""
    if not target.startswith("/admin/"):
        return False
    demand = policy.demand(request.user, address=request.client_address, scope=policy.ADMIN)
    return not demand.met_by(proofs.has(request.user) | set(gate.passed(request)))


def _label(way: str) -> object:
    return _("Password") if way == MAILBOX else ways.LABELS[way]


def _icon(way: str) -> str:
    return "lock" if way == MAILBOX else ways.ICONS[way]
