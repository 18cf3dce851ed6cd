"""The first level as the portal sees it (``portal.contracts.Gate``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from portal.http import PortalRequest, is_fragment

if TYPE_CHECKING:
    from apps.auth.models import User


class FirstLevel:
    """Imported when it is asked, as ``portal.py`` is read before the models are there."""

    def stop(self, request: HttpRequest, target: str) -> HttpResponse | None:
        from apps.auth.factors import gate
        from apps.auth.views import sign_in

        found = gate.stage(request)
        if request.method != "POST" and found is not None and found.done:
            return None
        if not gate.is_asked(request):
            return None
        return sign_in.first_level(cast("PortalRequest", request), target)

    def opens(self, request: HttpRequest, login: str) -> bool:
        from apps.auth.factors import gate

        return gate.opens(request, login)

    def login(self, request: HttpRequest) -> str:
        from apps.auth.factors import gate

        found = gate.stage(request)
        return found.login if found is not None and found.done else ""

    def admits(self, request: HttpRequest, user: AbstractBaseUser) -> bool:
        from apps.auth.factors import gate

        return gate.admits(request, cast("User", user))

    def leave(self, request: HttpRequest) -> object:
        from apps.auth.factors import gate

        return gate.leave(request)

    def arrive(self, request: HttpRequest, user: AbstractBaseUser, kept: object) -> None:
        from apps.auth.factors import gate

        gate.arrive(request, cast("User", user), cast("gate.Stage | None", kept))

    def guard(self, request: HttpRequest) -> HttpResponse | None:
        from apps.auth.factors import gate, policy
        from apps.auth.oauth import session

        path = request.path_info
        session.guard(request)
        if not request.user.is_authenticated:
            return None
        if gate.MUST_ENROL in request.session:
            return (
                None if path.startswith((*FREE, *ENROLLING)) else _elsewhere(request, reverse("auth:enrol"), next_="")
            )
        if path.startswith("/admin/"):
            wanted = policy.demand(
                request.user, address=cast("PortalRequest", request).client_address, scope=policy.ADMIN
            )
            if not wanted.met_by(gate.passed(request)):
                return _elsewhere(request, reverse("auth:prove"), next_=request.get_full_path())
        return None

    def ask_again(self, request: HttpRequest, back: str) -> HttpResponse | None:
        from apps.auth.factors import gate

        return None if gate.is_recent(request) else _elsewhere(request, reverse("auth:prove"), next_=back)

    def finish(self, request: HttpRequest, response: HttpResponseBase) -> None:
        from apps.auth.factors import browsers

        browsers.set_cookie(request, response)


#: What is open to somebody who has to enrol first.
FREE = ("/auth/help/", "/sign-out/", "/sign-in/", "/language/", "/theme/", "/static/", "/badge/", "/auth/oauth/")
ENROLLING = (
    "/auth/enrol/",
    "/auth/certificates/",
    "/auth/prove/",
    "/auth/security/app/",
    "/auth/security/passkey/",
    "/auth/security/password/",
)


def _elsewhere(request: HttpRequest, url: str, *, next_: str) -> HttpResponse:
    url = f"{url}?{urlencode({'next': next_})}" if next_ else url
    if is_fragment(request):
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    return redirect(url)
