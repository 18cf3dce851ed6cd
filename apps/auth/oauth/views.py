"""To the provider and back (OpenID Connect Core 1.0 section 3.1, RFC 9700)."""

from __future__ import annotations

import structlog
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_safe

from apps.auth.models import User
from apps.auth.oauth import grants, identity, idtoken, provider
from apps.auth.oauth.provider import Granted, Refused
from apps.auth.oauth.role import SignInElsewhere, name
from apps.auth.oauth.session import SAID, Trip, began
from apps.auth.oauth.transport import Unavailable
from portal import credentials
from portal.http import PortalRequest, absolute_url, safe_next
from portal.registry import get_registry
from portal.secret import Tokens
from portal.security_events import tell
from portal.throttle import FREE_OF_ADDRESS, LONGEST_OF_ADDRESS, Throttle, network_of
from portal.views.account import begin_session

log = structlog.get_logger(__name__)
BACKEND = "apps.auth.oauth.backend.OidcBackend"


@never_cache
@require_safe
def start(request: PortalRequest) -> HttpResponse:
    """Off to the provider, as soon as the first level lets this browser pass.

    A link and no form: where a form leads elsewhere in the end, browsers hold it against our policy (form-action).
    """
    _must_be_on()
    target = safe_next(request, request.GET.get("next", ""), reverse("portal:home"))
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return _to_sign_in(target)  # whoever sends somebody here does not press the button for them
    if (stopped := _before_the_provider(request, target)) is not None:
        return stopped
    tries = _tries(request)
    if wait := tries.enter():
        tell(request, kind="sign_in_throttled", way="oidc", seconds=wait)
        text = ngettext(
            "Too many tries. Try again in %(n)d second.", "Too many tries. Try again in %(n)d seconds.", wait
        )
        return _failed(request, text % {"n": wait}, target, beside="beside" in request.GET)
    gate = get_registry().gate
    login = gate.login(request) if gate is not None else ""
    try:
        provider.describe()
    except Unavailable as error:
        tries.withdraw()
        return _unavailable(request, error, target, beside="beside" in request.GET)
    back = absolute_url(request, reverse("auth:oauth_back"))
    state, trip = Trip.begin(request, redirect_uri=back, target=target, beside="beside" in request.GET)
    there = provider.way_there(redirect_uri=back, state=state, nonce=trip.nonce, verifier=trip.verifier, login=login)
    return HttpResponseRedirect(there)


@never_cache
@require_safe
@sensitive_variables("granted")
def back(request: PortalRequest) -> HttpResponse:
    """The provider has sent the browser back, with a code or with a reason why there is none."""
    _must_be_on()
    trip = Trip.end(request, request.GET.get("state", ""))
    if trip is None:
        tell(request, kind="sign_in_refused", way="oidc", why="unknown or used state")
        text = _("This way in is over, or was begun in another browser. Begin once more.")
        return _failed(request, text, reverse("portal:home"), beside=False)
    if (stopped := _before_the_provider(request, trip.target)) is not None:
        return stopped
    try:
        _check_answer(request)
        granted, user = _recognised(request, trip)
    except Refused as refusal:
        tell(request, kind="sign_in_refused", way="oidc", why=refusal.why)
        return _failed(request, _words(refusal), trip.target, beside=trip.beside)
    except Unavailable as error:
        return _unavailable(request, error, trip.target, beside=trip.beside)
    _tries(request).passed()
    _let_in(request, user, granted)
    return HttpResponseRedirect(reverse("auth:oauth_done") if trip.beside else trip.target)


@never_cache
@require_safe
def done(request: PortalRequest) -> HttpResponse:
    """In the tab beside the page that waits; and for who is signed in and could not be once more, with the reason."""
    _must_be_on()
    said, target, beside = request.session.pop(SAID, ("", reverse("portal:home"), True))
    role = SignInElsewhere()
    context = {
        "said": said,
        "is_in": request.user.is_authenticated,
        "label": role.label,
        "again_url": role.start_url(target, beside=beside),
    }
    return render(request, "auth/oauth_done.html", context)


@never_cache
@require_safe
def leave(request: HttpRequest) -> HttpResponse:
    """To where people sign out at the provider. What is not known of it by now is not asked."""
    _must_be_on()
    there = provider.way_out(back=absolute_url(request, reverse("portal:sign_in")))
    return HttpResponseRedirect(there or reverse("portal:sign_in"))


def _must_be_on() -> None:
    if "oidc" not in settings.SIGN_IN:
        raise Http404


def _before_the_provider(request: PortalRequest, target: str) -> HttpResponse | None:
    """Nothing goes there for somebody who has not passed the first level. Who is signed in has."""
    gate = get_registry().gate
    if request.user.is_authenticated or gate is None or gate.stop(request, target) is None:
        return None
    return _to_sign_in(target)


def _check_answer(request: PortalRequest) -> None:
    """Raises ``Refused``. The answer tells which provider it is from where that one does so (RFC 9207)."""
    issuer = request.GET.get("iss")
    must = provider.known().get("authorization_response_iss_parameter_supported") is True
    if (issuer is None and must) or (issuer is not None and issuer != settings.OIDC_ISSUER):
        raise Refused("an answer of another provider")
    if "error" in request.GET:
        denied = request.GET["error"] == "access_denied"
        raise Refused("the provider said no" if denied else "the provider reports a fault")
    if not 0 < len(request.GET.get("code", "")) <= 4096:
        raise Refused("no code")


@sensitive_variables()
def _recognised(request: PortalRequest, trip: Trip) -> tuple[Granted, User]:
    """Whom the code names, if they may come in. Raises ``Refused``, ``Unavailable``."""
    granted = provider.exchange(request.GET["code"], redirect_uri=trip.redirect_uri, verifier=trip.verifier)
    found = idtoken.claims(granted.id_token, nonce=trip.nonce)
    user = identity.person(found, granted.token)
    gate = get_registry().gate
    again = request.user.is_authenticated and user.pk == request.user.pk
    if request.user.is_authenticated and not again:
        raise Refused("somebody else")
    if not user.is_active:
        raise Refused("the account is locked")
    if not (again or gate is None or gate.admits(request, user)):
        raise Refused("not who passed the first level")
    return granted, user


@sensitive_variables()
def _let_in(request: PortalRequest, user: User, granted: Granted) -> None:
    """A session of its own, or new tokens for the one that is there."""
    if not request.user.is_authenticated:
        user.backend = BACKEND
        begin_session(request, user, grants.keep(user.pk, granted), way="oidc")
        began(request)
        return
    before = _tokens(request)
    if before is None or not grants.put_in(before, user.pk, granted):
        before = grants.keep(user.pk, granted)
    request.session.cycle_key()
    credentials.seal(request, secret=before)
    began(request)


def _tokens(request: PortalRequest) -> Tokens | None:
    try:
        secret = credentials.unseal(request)
    except credentials.Locked:
        return None
    return secret if isinstance(secret, Tokens) else None


def _tries(request: PortalRequest) -> Throttle:
    """By address alone: who it is, the provider says. It has its own patience with wrong passwords."""
    if not request.client_address:  # a Unix socket
        return Throttle(what="oidc", who="unix", free=10**9)
    who = network_of(request.client_address)
    return Throttle(what="oidc", who=who, free=FREE_OF_ADDRESS, longest=LONGEST_OF_ADDRESS)


# --- what went wrong --------------------------------------------------------------------------------------------------


def _words(refusal: Refused) -> str:
    """For people: what they can do about it. What exactly was wrong stands in the audit log."""
    words = {
        "the provider said no": _("%(name)s did not let you in, or you went back before it could."),
        "the provider reports a fault": _("%(name)s reports a fault. Tell your administrator if it stays so."),
        "somebody else": _("You are signed in here as somebody else. Sign out first, or choose the other account."),
        "the account is locked": _("Your account here is locked. Ask your administrator."),
        "an address that nobody has verified": _("%(name)s has not verified your mail address, so it proves nothing."),
        "no login claim": _("%(name)s does not say which mailbox is yours. Tell your administrator."),
    }
    if isinstance(refusal, identity.OtherSubject):
        text = _("%(name)s knows somebody else by that name than before. Ask your administrator.")
    else:
        text = words.get(refusal.why, _("You could not be signed in with %(name)s. Begin once more."))
    return text % {"name": name()}


def _unavailable(request: PortalRequest, error: Unavailable, target: str, *, beside: bool) -> HttpResponse:
    log.warning("provider_unavailable", reason=str(error))
    if error.unsafe:
        text = _("There is no safe connection to %(name)s, so nobody can sign in with it. Tell your administrator.")
    else:
        text = _("%(name)s cannot be reached, so nobody can sign in with it just now. Try again in a moment.")
    return _failed(request, text % {"name": name()}, target, beside=beside)


def _failed(request: PortalRequest, text: str, target: str, *, beside: bool) -> HttpResponse:
    if beside or request.user.is_authenticated:
        request.session[SAID] = [text, target, beside]
        return HttpResponseRedirect(reverse("auth:oauth_done"))
    messages.error(request, text)
    return _to_sign_in(target)


def _to_sign_in(target: str) -> HttpResponse:
    return HttpResponseRedirect(f"{reverse('portal:sign_in')}?{urlencode({'next': target})}")
