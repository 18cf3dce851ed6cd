"""The page of the first level, which stands at the address of the sign-in."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_variables

from apps.auth.certificates import services as certificates
from apps.auth.certificates import store
from apps.auth.factors import browsers, codes, gate, passkeys, policy, ways
from apps.auth.factors.models import CodeDevice
from apps.auth.models import User
from portal import devices, throttle
from portal.accounts import canonical_login
from portal.http import PortalRequest
from portal.security_events import tell
from portal.throttle import Gates
from portal.views.account import WRONG, begin_session, recognise

STEP = "first_level"  # the form field that says which step a form is of
_FIELDS = (ways.CODE, ways.PASSWORD, ways.RECOVERY, ways.INVITATION)
_KEYS = (ways.PASSKEY, ways.CERTIFICATE)  # they tell by themselves whose they are


def first_level(request: PortalRequest, target: str) -> HttpResponse | None:
    """Draws the page and takes its forms; None for what is the second level's."""
    found = gate.stage(request)
    if request.method != "POST":
        return _page(request, target)
    if "start_over" in request.POST:
        request.session.pop(gate.ON_THE_WAY, None)
        return _again(target)
    if STEP not in request.POST:
        return None if found is not None and found.done else _page(request, target, status=403)
    return _try(request, target)


@sensitive_variables("proof")
def _try(request: PortalRequest, target: str) -> HttpResponse:
    way = request.POST.get("way", "")
    if way not in (*_FIELDS, *_KEYS):
        way = ""  # it stands in the log: no more than we know goes there
    proof = request.POST.get(way, "") if way in _FIELDS else ""
    login = "" if way in _KEYS else request.POST.get("username", "")
    wait = _wait(request, login, way)
    if wait is None:
        return _page(request, target, trouble=str(_wrong()), status=403)
    if isinstance(wait, int):
        tell(request, kind="factor_throttled", login=login, way=way, seconds=wait)
        text = ngettext(
            "Too many tries. Try again in %(n)d second.", "Too many tries. Try again in %(n)d seconds.", wait
        )
        return _page(request, target, trouble=text % {"n": wait}, status=403)
    remember = request.POST.get("remember") == "yes"
    if way == ways.PASSKEY:
        return _with_passkey(request, target, wait, remember=remember)
    if way == ways.CERTIFICATE:
        return _with_certificate(request, target, wait, remember=remember)
    found = gate.begin(request, login=login, way=way, proof=proof, remember=remember)
    if found is None:
        tell(request, kind="factor_refused", login=login, way=way)
        return _page(request, target, trouble=str(_wrong()), status=403)
    wait.withdraw() if found.user is None else wait.passed()
    tell(request, kind="factor_passed", user=found.user, way=way)
    return onwards(request, found, target)


@sensitive_variables("proof", "secret")
def _with_passkey(request: PortalRequest, target: str, tries: Gates, *, remember: bool) -> HttpResponse:
    """It tells by itself whose it is; one that opens the mailbox alone is the second level too."""
    try:
        proof = passkeys.prove(request, request.POST.get("passkey", ""))
    except passkeys.Refused as refusal:
        tell(request, kind="factor_refused", way=ways.PASSKEY, why=str(refusal))
        return _page(request, target, trouble=str(_wrong()), status=403)
    tries.passed()
    found = gate.accept(request, user=proof.passkey.user, way=ways.PASSKEY, remember=remember)
    tell(request, kind="factor_passed", user=proof.passkey.user_id, way=ways.PASSKEY)
    secret = passkeys.mail_password(proof) if found is not None and found.done else ""
    if found is None:
        return _page(request, target, trouble=str(_wrong()), status=403)
    if secret:
        user, trouble = recognise(request, found.login, secret)
        if user is not None:
            begin_session(request, user, secret)
            return HttpResponseRedirect(target)
        if trouble == str(WRONG):
            passkeys.forget_password(proof.passkey)
            trouble = _("The mail server no longer accepts the password that this passkey keeps. Enter it.")
        messages.warning(request, trouble)
    return onwards(request, found, target)


def _with_certificate(request: PortalRequest, target: str, tries: Gates, *, remember: bool) -> HttpResponse:
    """The front has checked that the browser has its key; whose it is, our authority knows."""
    pem = certificates.shown(request)
    if not pem:
        text = _("Your browser showed no certificate. Install yours, then close all its windows and try again.")
        return _page(request, target, trouble=text, status=403)
    user = certificates.owner_of(pem) if store.exists() else None
    found = gate.accept(request, user=user, way=ways.CERTIFICATE, remember=remember) if user is not None else None
    if found is None:
        tell(request, kind="factor_refused", way=ways.CERTIFICATE)
        return _page(request, target, trouble=str(_wrong()), status=403)
    tries.passed()
    tell(request, kind="factor_passed", user=found.user, way=ways.CERTIFICATE)
    return onwards(request, found, target)


def onwards(request: PortalRequest, found: gate.Stage, target: str) -> HttpResponse:
    """To the next proof, to the second level, or in: an account of the portal's own has no second level."""
    user = User.objects.filter(pk=found.user or 0, is_active=True).first() if found.done else None
    if user is not None and user.is_local and {ways.PASSWORD, ways.PASSKEY} & set(found.passed):
        user.backend = "apps.auth.backends.LocalBackend"
        begin_session(request, user, "")
        return HttpResponseRedirect(target)
    return _again(target)


def _wait(request: PortalRequest, login: str, way: str) -> Gates | int | None:
    """The try that has begun, or the seconds until one is heard; None for what can be no name. Counted apart from the
    passwords of the second level, by the same rules."""
    if way in _KEYS:
        device = devices.of_anybody(request)
        gates = throttle.of_key(what=f"first level by {way}", address=request.client_address, device=device)
        return gates.enter() or gates
    try:
        canonical = canonical_login(login)
    except ValueError:
        return None
    device = devices.known(request, login=canonical)
    gates = throttle.of_sign_in(login=f"first level {canonical}", address=request.client_address, device=device)
    return gates.enter() or gates


def _wrong() -> str:
    """One answer, whoever it is and whatever was wrong."""
    return _("The user name or the proof is wrong. A code is good for a short time, and once.")


def _again(target: str) -> HttpResponse:
    return HttpResponseRedirect(f"{reverse('portal:sign_in')}?{urlencode({'next': target})}")


def _page(request: PortalRequest, target: str, *, trouble: str = "", status: int = 200) -> HttpResponse:
    found = gate.stage(request)
    asked = policy.ways_asked(address=request.client_address)
    passed = found.passed if found is not None else ()
    chosen = request.POST.get("way", "") or next((way for way in asked if way not in passed), ways.CODE)
    context = {
        "next": target,
        "trouble": trouble,
        "login": request.POST.get("username", found.login if found is not None else ""),
        "passed": [ways.LABELS[way] for way in passed if way in ways.LABELS],
        "ways": [
            {"id": way, "label": ways.LABELS[way], "icon": ways.ICONS[way], "chosen": way == chosen}
            for way in asked
            if way not in passed
        ],
        "chosen": chosen,
        "digits": codes.most_digits(CodeDevice.objects.all()),  # of the site: the page does not know yet who it is
        "other_ways": [ways.RECOVERY, ways.INVITATION],
        "passkey": passkeys.to_prove(request) if ways.PASSKEY in asked else None,
        "remember_days": _remember_days(request),
        "remembered": browsers.is_remembered(request),
    }
    return render(request, "auth/first_level.html", context, status=status)


def _remember_days(request: PortalRequest) -> int:
    """As the page says it before it knows who it is; what counts is the rule for the person."""
    return policy.demand(None, address=request.client_address).remember_days
