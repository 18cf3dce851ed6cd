"""Our middleware, in the order in which it stands in the settings. Each is a class with one job.

Why the whole chain stands as it does:

1. the request's id, so that every later line in the log has it;
2. the client's address, before anything judges by it: headers that no trusted proxy has set are gone from here on;
3. security headers and the Content-Security-Policy, so that whatever is answered below carries them;
4. https only, before anything is read that has to be protected;
5. the second host name (``portal.content_host``), where nothing of what follows exists;
6. health checks, before the host of a request counts: probes come by address;
7. static files (WhiteNoise), which need none of the rest;
8. pages made small (files are as they are);
9. the session, its lifetime, who it belongs to, what that person prefers, in that person's language and time zone;
10. Django's common rules, the check of a form's origin, messages, framing; a page for what an address does not take;
11. the sealed password: it deals with what the views raise, and takes passwords only from forms already checked;
12. the gate, last: what has to be proved before a page.
"""

from __future__ import annotations

import ipaddress
import secrets
import time
import zoneinfo
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import cast

import structlog
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.middleware.gzip import GZipMiddleware
from django.urls import resolve, reverse
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers

from portal import credentials, devices, security_events, sessions, whose
from portal.core_prefs import LANGUAGE, TIME_ZONE, time_zones
from portal.http import PortalRequest, is_fragment, is_framed
from portal.prefs import Prefs
from portal.registry import get_registry

GetResponse = Callable[[HttpRequest], HttpResponseBase]
log = structlog.get_logger(__name__)
#: Count from trusted proxies only.
FROM_THE_FRONT = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_FORWARDED",
    "HTTP_X_CLIENT_CERT",
)
HEALTH = frozenset({"/healthz", "/readyz"})


class Middleware:
    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response


class RequestIdMiddleware(Middleware):
    """Gives the request an id that stands in each of its log lines, on its error page and in ``X-Request-Id``."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request_id = cast("PortalRequest", request).id = secrets.token_hex(6)
        with structlog.contextvars.bound_contextvars(request=request_id):
            response = self._logged(request)
        response["X-Request-Id"] = request_id
        return response

    def _logged(self, request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        response = self.get_response(request)
        log.info(
            "request",
            method=request.method,
            route=_route(request),  # never the path: it names mailboxes
            status=response.status_code,
            ms=round((time.perf_counter() - started) * 1000),
        )
        return response


def _route(request: HttpRequest) -> str:
    match = request.resolver_match
    return match.route if match is not None else ""


class CompressionMiddleware(GZipMiddleware):
    """HTML as gzip: a list of fifty messages shrinks to a tenth. The random length that Django adds and the masked CSRF
    token keep what is secret on a page from being guessed by its size (BREACH). Files and streams go out untouched."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if response.streaming or not response.get("Content-Type", "").startswith("text/html"):
            return response
        return super().process_response(request, response)


class ClientAddressMiddleware(Middleware):
    """Takes ``X-Forwarded-For`` and ``X-Forwarded-Proto`` from trusted proxies, and from nobody else.

    The client is the last address in the chain that is not itself a trusted proxy: what stands before it, the client
    may have invented.
    """

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        peer = request.META.get("REMOTE_ADDR", "")
        address = peer
        if is_trusted(peer):
            chain = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
            address = next((part for part in reversed(chain) if not is_trusted(part)), address)
        else:
            request.META["portal.forwarded"] = "HTTP_X_FORWARDED_PROTO" in request.META
            for header in FROM_THE_FRONT:
                request.META.pop(header, None)
        cast("PortalRequest", request).client_address = address if _address(address) else ""
        return self.get_response(request)


def is_trusted(peer: str) -> bool:
    """True for an address in TRUSTED_PROXIES; a front on a Unix socket has none, and is called ``unix`` there."""
    if not peer:
        return "unix" in settings.TRUSTED_PROXIES
    address = _address(peer)
    return address is not None and any(address in network for network in _networks(tuple(settings.TRUSTED_PROXIES)))


@lru_cache(maxsize=4)
def _networks(names: tuple[str, ...]) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(name, strict=False) for name in names if name != "unix")


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped if mapped is not None else address


class HttpsOnlyMiddleware(Middleware):
    """Serves plain HTTP to this machine only. Everybody else comes through a trusted proxy that says https.

    Health checks are let through: probes come by address, and learn nothing.
    """

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.is_secure() or request.path_info in HEALTH:
            return self.get_response(request)
        peer = _address(request.META.get("REMOTE_ADDR", ""))
        direct = peer is not None and peer.is_loopback and not is_trusted(str(peer))
        if direct and not request.META.get("portal.forwarded"):
            return self.get_response(request)
        log.warning("plain_http_refused", peer=str(peer or "unix"))
        return HttpResponse(
            "This portal is served over https only.\n\n"
            "For its administrator: the request came over plain HTTP. A front with TLS has to send "
            "'X-Forwarded-Proto: https', and its address has to stand in TRUSTED_PROXIES.\n",
            status=403,
            content_type="text/plain; charset=utf-8",
        )


class HealthMiddleware(Middleware):
    """Answers ``/healthz`` and ``/readyz`` whatever host the probe has asked for."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info not in HEALTH:
            return self.get_response(request)
        request.resolver_match = match = resolve(request.path_info)
        response: HttpResponseBase = match.func(request)
        return response


class SecurityHeadersMiddleware(Middleware):
    """The headers that Django's own SecurityMiddleware does not know, and no caching of private pages."""

    permissions = ", ".join(
        f"{feature}=()" for feature in ("camera", "microphone", "geolocation", "payment", "usb", "interest-cohort")
    )

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.headers.setdefault("Permissions-Policy", self.permissions)
        response.headers.setdefault("X-DNS-Prefetch-Control", "off")
        if not response.has_header("Cache-Control"):  # static files have one, and so has what a view wants kept
            response["Cache-Control"] = "no-store, private"
        if getattr(request, "framed", False):
            response["X-Frame-Options"] = "SAMEORIGIN"
            policy = response.headers.get("Content-Security-Policy", "")
            response["Content-Security-Policy"] = policy.replace("frame-ancestors 'none'", "frame-ancestors 'self'")
        return response

    def process_view(
        self, request: HttpRequest, view: object, args: Sequence[object], kwargs: Mapping[str, object]
    ) -> None:
        cast("PortalRequest", request).framed = is_framed(request, view)


class SessionLifetimeMiddleware(Middleware):
    """Ends sessions by idleness and by age, and writes the time of the last use at most once a minute; more often where
    a session lives for a few minutes only.

    A request with ``X-Portal-Background`` (a page that looks for new mail by itself) is not use.
    """

    STARTED, SEEN = sessions.STARTED, sessions.SEEN

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if settings.SESSION_COOKIE_NAME in request.COOKIES:
            self._check(request)
        return self.get_response(request)

    def _check(self, request: HttpRequest) -> None:
        session = request.session
        started, seen = session.get(self.STARTED), session.get(self.SEEN)
        if started is None or seen is None:
            return
        now, idle = int(time.time()), sessions.idle_limit(session)
        if now - seen > idle or now - started > sessions.age_limit(session):
            security_events.tell(request, kind="session_expired", user=int(session.get(SESSION_KEY, 0)) or None)
            session.flush()
            credentials.forget(request)
        elif now - seen >= min(60, idle // 4) and "X-Portal-Background" not in request.headers:
            session[self.SEEN] = now

    @classmethod
    def begin(cls, request: HttpRequest) -> None:
        """Start counting, at sign-in."""
        sessions.begin(request)


class PrefsMiddleware(Middleware):
    """``request.prefs``: nothing is loaded before the first question."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        cast("PortalRequest", request).prefs = Prefs(request.user)
        return self.get_response(request)


class LanguageMiddleware(Middleware):
    """The language of the answer: the person's preference, else the cookie, else what the browser asks for."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        preferred = cast("PortalRequest", request).prefs[LANGUAGE] if _knows_user(request) else ""
        language = preferred or translation.get_language_from_request(request)
        with translation.override(language):
            request.LANGUAGE_CODE = translation.get_language() or settings.LANGUAGE_CODE
            response = self.get_response(request)
        patch_vary_headers(response, ("Accept-Language",))
        response.headers.setdefault("Content-Language", request.LANGUAGE_CODE)
        return response


class TimeZoneMiddleware(Middleware):
    """The time zone of the answer: the person's preference, else what a script wrote into the cookie ``tz``."""

    COOKIE = "tz"

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        preferred = cast("PortalRequest", request).prefs[TIME_ZONE] if _knows_user(request) else ""
        with timezone.override(_zone(preferred or request.COOKIES.get(self.COOKIE, ""))):
            return self.get_response(request)


def _zone(name: str) -> zoneinfo.ZoneInfo | None:
    """A zone of the IANA list; the name may come from a cookie, so nothing else reaches the file system."""
    return zoneinfo.ZoneInfo(name) if name in time_zones() else None


def _knows_user(request: HttpRequest) -> bool:
    """Without a session cookie there is nobody to ask the database for."""
    return settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated


class NotAllowedMiddleware(Middleware):
    """A page where Django has an empty answer for a method that an address does not take."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not isinstance(response, HttpResponseNotAllowed) or is_fragment(request):
            return response
        from portal.views.errors import not_allowed

        page = not_allowed(request)
        page["Allow"] = response["Allow"]
        return page


class CredentialsMiddleware(Middleware):
    """Carries the browser's half of the sealed password, and asks for the password where it is missing.

    Nobody loses what they were writing: a form that comes after the session has ended, or whose view finds the
    password refused (``credentials.Locked``), is answered with a page that asks for the password and then repeats it.
    """

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if _sends_to_sign_in(request, response):
            response = self._ask_again(request, refused=False)
        credentials.set_cookie(request, response)
        whose.set_cookie(request, response)
        devices.set_cookie(request, response)
        return response

    def process_view(
        self, request: HttpRequest, view: object, args: Sequence[object], kwargs: Mapping[str, object]
    ) -> HttpResponseBase | None:
        """Here and not in ``__call__``, so that the form's origin has been checked."""
        from portal.views.account import sign_in, take_password

        fields = {credentials.FIELD, credentials.RETURN_FIELD}
        if request.method != "POST" or view is sign_in or not fields & request.POST.keys():
            return None
        return take_password(cast("PortalRequest", request))

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        if not isinstance(exception, credentials.Locked):
            return None
        if getattr(request.user, "is_local", False):  # it has no mailbox that a password could open
            from portal.views.errors import no_mailbox

            return no_mailbox(request)
        return self._ask_again(request, refused=exception.refused)

    def _ask_again(self, request: HttpRequest, *, refused: bool) -> HttpResponseBase:
        from portal.views.account import ask_again

        return ask_again(cast("PortalRequest", request), refused=refused)


class GateMiddleware(Middleware):
    """What somebody who is signed in has to do before anything else: to enrol, or to prove more for some pages."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        gate = get_registry().gate
        if gate is None:
            return self.get_response(request)
        stopped = gate.guard(request) if _knows_user(request) else None
        response = stopped or self.get_response(request)
        gate.finish(request, response)
        return response


def _sends_to_sign_in(request: HttpRequest, response: HttpResponseBase) -> bool:
    """True when ``login_required`` stopped something that a redirect would lose: a fragment or a sent form."""
    if response.status_code != 302 or not (is_fragment(request) or request.method == "POST"):
        return False
    sign_in = reverse("portal:sign_in")
    return request.path != sign_in and response["Location"].startswith(f"{sign_in}?next=")
