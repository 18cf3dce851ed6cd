"""Signing in and out, and entering the password again in the middle of something."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import structlog
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate, login, logout
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseRedirect
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import check_for_language, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal import credentials, devices, mail_servers, preferences, throttle, whose
from portal.accounts import SignInUnavailable, WhichServer, canonical_login
from portal.core_prefs import LANGUAGE
from portal.http import PortalRequest, is_fragment, safe_next
from portal.middleware import SessionLifetimeMiddleware
from portal.prefs import LockedPref, Prefs
from portal.registry import get_registry
from portal.secret import Secret
from portal.security_events import tell

if TYPE_CHECKING:
    from apps.auth.models import User

log = structlog.get_logger(__name__)
WRONG = _("The user name or the password is wrong.")
UNREACHABLE = _("The mail server cannot be reached, so nobody can sign in just now. Try again in a moment.")

FIRST_LEVEL = _("First prove who you are: open the sign-in page in another tab, then come back and continue here.")
NOT_YET = _("You are not signed in yet. Follow the button above first, then come back and continue here.")
AWAY = _("Your sign-in cannot be checked just now. Try again in a moment.")
WHICH = _("Choose where your mailbox is.")
UNSAFE = _("There is no safe connection to the mail server, so nobody can sign in. Tell your administrator.")


class SignInForm(forms.Form):
    username = forms.CharField(
        label=_("User name or mail address"),
        max_length=254,
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false", "dir": "ltr"}
        ),
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=1024,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "dir": "ltr"}),
    )
    backend = forms.CharField(required=False, max_length=30)  # one of several mail servers, see portal.mail_servers


@sensitive_post_parameters()
@never_cache
@csrf_protect
@require_http_methods(["GET", "POST"])
def sign_in(request: PortalRequest) -> HttpResponse:
    """The sign-in page; with ``?inplace=1`` the fragment that the frame's script shows in a dialog (``ask_again``)."""
    if "inplace" in request.GET:
        return _sign_in_again(request)
    target = safe_next(request, request.POST.get("next") or request.GET.get("next", ""), reverse("portal:home"))
    if request.method == "GET" and request.user.is_authenticated:
        return HttpResponseRedirect(target)
    gate = get_registry().gate
    if gate is not None and (page := gate.stop(request, target)) is not None:
        return page
    login_name = gate.login(request) if gate is not None else ""
    if request.method == "GET":
        return _sign_in_page(request, SignInForm(), target, login_name)
    data = request.POST.copy()
    if login_name:
        data["username"] = login_name
    form = SignInForm(data)
    if not form.is_valid():
        return _sign_in_page(request, form, target, login_name, status=400)
    user, trouble = recognise(request, form.cleaned_data["username"], form.cleaned_data["password"])
    if user is None:
        form.add_error("backend" if trouble == str(WHICH) else None, trouble)
        return _sign_in_page(request, form, target, login_name, status=403)
    begin_session(request, user, form.cleaned_data["password"])
    return _remembering_backend(HttpResponseRedirect(target), user)


def _remembering_backend(response: HttpResponse, user: User) -> HttpResponse:
    """Where a site has several mail servers, this browser knows from now on which one its bare logins mean."""
    if settings.MAIL_BACKENDS and user.source == "imap":
        response.set_cookie(
            settings.BACKEND_COOKIE_NAME,
            mail_servers.of_user(user).name,
            max_age=365 * 24 * 3600,
            path=settings.SESSION_COOKIE_PATH,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
    return response


def _sign_in_page(
    request: PortalRequest, form: SignInForm, target: str, login_name: str, status: int = 200
) -> HttpResponse:
    """``login_name``: who has passed the first level; the password is all that is asked for then."""
    backend = request.POST.get(mail_servers.FIELD) or request.COOKIES.get(settings.BACKEND_COOKIE_NAME, "")
    offered = settings.CHOOSE_BACKEND or mail_servers.FIELD in form.errors or mail_servers.FIELD in request.POST
    context = {
        "form": form,
        "next": target,
        "login_name": login_name,
        "backends": settings.MAIL_BACKENDS if offered and "imap" in settings.SIGN_IN else (),
        "backend": backend,
        "backend_field": mail_servers.FIELD,
        **_other_ways(request, target),
    }
    return render(request, "auth/sign_in.html", context, status=status)


def _other_ways(request: PortalRequest, target: str) -> dict[str, object]:
    """The provider, where the site has one. Where it has nothing else, passwords are the portal's own accounts' alone,
    and their form is shown to who asks for it (``?own=1``)."""
    provider = get_registry().provider
    if provider is None:
        return {"with_password": True}
    asked = request.method == "POST" or "own" in request.GET
    return {
        "provider": provider,
        "provider_url": provider.start_url(target),
        "leave_url": provider.leave_url() if "out" in request.GET else "",
        "with_password": asked or settings.SIGN_IN != ["oidc"],
        "own_accounts_only": settings.SIGN_IN == ["oidc"],
    }


@sensitive_variables("password")
def recognise(request: PortalRequest, username: str, password: str) -> tuple[User | None, str]:
    """The person, or what to tell somebody we do not know: the same whether login or password is wrong."""
    try:
        login_name = canonical_login(username)
    except ValueError:
        return None, str(WRONG)
    device = devices.known(request, login=login_name)
    gates = throttle.of_sign_in(login=login_name, address=request.client_address, device=device)
    if wait := gates.enter():
        tell(request, kind="sign_in_throttled", login=username, seconds=wait)
        text = ngettext(
            "Too many wrong passwords. Try again in %(seconds)d second.",
            "Too many wrong passwords. Try again in %(seconds)d seconds.",
            wait,
        )
        return None, text % {"seconds": wait}
    try:
        user = authenticate(request, username=username, password=password)
    except WhichServer:  # it counts as a try: the portal's own accounts have been asked already
        return None, str(WHICH)
    except SignInUnavailable as error:
        gates.withdraw()
        return None, str(UNSAFE if error.unsafe else UNREACHABLE)
    gate = get_registry().gate
    again = user is not None and user.pk == request.user.pk  # who is in has passed the gate
    if user is None or not (again or gate is None or gate.admits(request, user)):
        tell(request, kind="sign_in_refused", login=username)
        return None, str(WRONG)
    gates.passed()
    return user, ""


@sensitive_variables("secret")
def begin_session(request: PortalRequest, user: User, secret: Secret, *, way: str = "") -> None:
    """A new session (never the one from before), with the secret sealed into it where a server wants it again."""
    gate = get_registry().gate
    kept = gate.leave(request) if gate is not None else None
    request.session.flush()
    login(request, user)
    if gate is not None:
        gate.arrive(request, user, kept)
    request.prefs = Prefs(user)
    SessionLifetimeMiddleware.begin(request)
    whose.remember(request)
    if not getattr(user, "is_local", True):
        credentials.seal(request, secret=secret)
    tell(request, kind="signed_in", user=user, way=way)


@require_POST
def sign_out(request: PortalRequest) -> HttpResponse:
    """Ends the session. ``user_logged_out`` tells the apps, which close what they hold open for this person."""
    tell(request, kind="signed_out", user=request.user.pk)
    provider = get_registry().provider
    elsewhere = provider is not None and provider.signs_in(request.user)
    try:
        _leave_provider(request)
        logout(request)
    except Exception:  # an app that cannot close what it holds must not keep anybody signed in
        log.error("sign_out_receiver_failed", exc_info=True)
        request.session.flush()
    credentials.forget(request)
    response = HttpResponseRedirect(reverse("portal:sign_in") + ("?out=1" if elsewhere else ""))
    response["Clear-Site-Data"] = '"cache"'
    return response


def _leave_provider(request: PortalRequest) -> None:
    """``logout`` is for what was opened with the tokens; afterwards they are not needed."""
    provider = get_registry().provider
    if provider is not None:
        provider.leave(request)


# --- the password again, in place ----------------------------------------------------------------------------------


def ask_again(request: PortalRequest, *, refused: bool) -> HttpResponse:
    """Ask for the password where the person is: what they were writing stays on their page.

    To htmx a 401: the frame's script opens a dialog from ``?inplace=1`` and repeats the request afterwards. Without
    scripts a page of its own, which carries what was sent in hidden fields and sends it again with the password
    (``CredentialsMiddleware`` takes it from there). A session that has ended is asked for the user name as well.
    """
    if is_fragment(request):
        return HttpResponse(status=401)
    return _password_page(request, refused=refused)


def _password_page(request: PortalRequest, *, refused: bool, trouble: str = "") -> HttpResponse:
    fields = (credentials.FIELD, credentials.LOGIN_FIELD, credentials.VISIT_FIELD, credentials.RETURN_FIELD)
    ours = {*fields, whose.FIELD, "csrfmiddlewaretoken"}
    visit = request.method != "POST" or credentials.VISIT_FIELD in request.POST
    context = {
        "action": request.get_full_path(),
        "kept": [(name, value) for name, values in request.POST.lists() if name not in ours for value in values],
        "files_lost": [str(upload.name) for name in request.FILES for upload in request.FILES.getlist(name)],
        "refused": refused,
        "visit_field": credentials.VISIT_FIELD if visit else "",
        "account_field": whose.FIELD,
        "account": whose.token(request),
        **_password_form(request, trouble, to=request.get_full_path() if visit else ""),
    }
    return render(request, "auth/password_again.html", context, status=401)


def _password_form(request: PortalRequest, trouble: str, *, to: str = "") -> dict[str, object]:
    """``to``: the page that a link led to. A form waits where it is, and the provider is visited in a tab beside it."""
    provider, known = get_registry().provider, request.user.is_authenticated
    if provider is not None and known and not provider.signs_in(request.user):
        provider = None
    return {
        "provider": provider,
        "provider_url": provider.start_url(to or reverse("portal:home"), beside=not to) if provider is not None else "",
        "beside": not to,
        "return_field": credentials.RETURN_FIELD,
        "with_password": provider is None or (not known and settings.SIGN_IN != ["oidc"]),
        "trouble": trouble,
        "ask_login": not request.user.is_authenticated,
        "field": credentials.FIELD,
        "login_field": credentials.LOGIN_FIELD,
        "login": request.POST.get(credentials.LOGIN_FIELD, ""),
    }


def take_password(request: PortalRequest) -> HttpResponse | None:
    """Check and seal a password that came along with a repeated form, or see that its person has signed in elsewhere
    meanwhile; what to answer when the view is not to run.

    The form is repeated for the person whose it was, and for nobody else.
    """
    trouble = _check_return(request) if credentials.RETURN_FIELD in request.POST else _check_again(request)
    if trouble:
        return _password_page(request, refused=True, trouble=trouble)
    if credentials.VISIT_FIELD in request.POST:
        return HttpResponseRedirect(request.get_full_path())
    if not whose.is_of(request, request.user.pk):
        log.warning("form_of_somebody_else", user=request.user.pk)
        messages.warning(request, _("The form was begun by somebody else, so it was not sent under your name."))
        return redirect("portal:home")
    return None


def _check_return(request: PortalRequest) -> str:
    """Whether the session opens again; else what to say."""
    try:
        if request.user.is_authenticated:
            credentials.shown(credentials.unseal(request))
            return ""
    except credentials.Locked:
        pass
    except SignInUnavailable:
        return str(AWAY)
    return str(NOT_YET)


def _sign_in_again(request: PortalRequest) -> HttpResponse:
    """A password comes by POST. Whether somebody has signed in elsewhere meanwhile is asked by GET, for the token of a
    page that waits is not good any more then."""
    trouble = ""
    if request.method == "POST" or credentials.RETURN_FIELD in request.GET:
        trouble = _check_again(request) if request.method == "POST" else _check_return(request)
        if not trouble:
            # For the page that waits: the new token for its forms, and whether it is still the same person's.
            headers = {"X-CSRFToken": get_token(request), "X-Portal-Account": str(request.user.pk)}
            return HttpResponse(status=204, headers=headers)
    context = _password_form(request, trouble)
    return render(request, "auth/_password_again.html", context, status=422 if trouble else 200)


@sensitive_variables("password")
def _check_again(request: PortalRequest) -> str:
    """Seal the password if it belongs to the very person who is signed in; else say what is wrong.

    Where the session has ended, this is an ordinary sign-in.
    """
    password = request.POST.get(credentials.FIELD, "")
    before = request.user if request.user.is_authenticated else None
    login_name = before.get_username() if before else request.POST.get(credentials.LOGIN_FIELD, "")
    gate = get_registry().gate
    if before is None and gate is not None and not gate.opens(request, login_name):
        return str(FIRST_LEVEL)
    user, trouble = recognise(request, login_name, password)
    if user is None:
        return trouble
    if before is None:
        begin_session(request, user, password)
        return ""
    if user.pk != before.pk:
        return str(WRONG)
    request.session.cycle_key()
    credentials.seal(request, secret=password)
    return ""


# --- language ------------------------------------------------------------------------------------------------------


@require_POST
def set_language(request: PortalRequest) -> HttpResponse:
    """From the account menu and the sign-in page: a cookie for this browser, and the preference of who is signed in."""
    language = request.POST.get("language", "")
    response = HttpResponseRedirect(safe_next(request, request.POST.get("next", ""), reverse("portal:home")))
    if language not in dict(settings.LANGUAGES) or not check_for_language(language):
        return response
    if request.user.is_authenticated:
        try:
            request.prefs.save({LANGUAGE: language})
        except LockedPref as error:
            messages.error(request, preferences.locked_message(error.keys))
            return response
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=365 * 24 * 3600,
        path=settings.LANGUAGE_COOKIE_PATH,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response


@require_safe
def admin_sign_in(request: PortalRequest) -> HttpResponse:
    """The Django admin's own sign-in page gives way to ours; who is signed in but no administrator gets a 403."""
    if request.user.is_authenticated:
        raise PermissionDenied
    target = safe_next(request, request.GET.get("next", ""), reverse("admin:index"))
    return redirect(f"{reverse('portal:sign_in')}?next={quote(target)}")
