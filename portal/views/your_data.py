"""What the portal keeps of somebody: counted, to be taken along, to be removed. The latter two want a fresh proof of
who is there, and the browser's half of the key to the mail password where the session has one."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from portal import credentials, preferences, your_data
from portal.http import PortalRequest
from portal.registry import get_registry
from portal.security_events import tell
from portal.views.account import sign_out
from portal.your_data import Count

PAGE = "portal.data"


@login_required
@require_safe
def index(request: PortalRequest) -> HttpResponse:
    return render(request, "portal/your_data.html", _context(request, your_data.counts(request.user)))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def export(request: PortalRequest) -> HttpResponseBase:
    """GET says what will be in the file; POST is the file, written while it is sent and kept nowhere."""
    if (way := _proof(request)) is not None:
        return way
    if request.method != "POST":
        return render(request, "portal/your_data_export.html", _context(request, []))
    tell(request, kind="data_exported", user=request.user)
    response = StreamingHttpResponse(your_data.archive(request.user, present=True), content_type="application/zip")
    response["Content-Disposition"] = content_disposition_header(True, file_name(request.user.get_username()))
    return response


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: PortalRequest) -> HttpResponseBase:
    """GET says what goes and what stays. POST removes it, and is the last page of this session.

    An account that lies elsewhere is only known here, so what is known of it goes as well. One that administrators
    have made here is theirs to give: it stays, and they remove it.
    """
    if (way := _proof(request)) is not None:
        return way
    account = not getattr(request.user, "is_local", True)
    goes = [count for count in your_data.counts(request.user) if count.goes(account=account)]
    context = _context(request, goes) | {"account": account, "stays": your_data.stays()}
    if request.method != "POST" or "sure" not in request.POST:
        context["trouble"] = _("Tick the box first: this cannot be undone.") if request.method == "POST" else ""
        return render(request, "portal/your_data_remove.html", context, status=422 if context["trouble"] else 200)
    user = request.user
    back = sign_out(request)["Location"]  # first: what is open for this person is closed while they are still known
    trouble = ""
    try:
        your_data.remove(user, account=account, request=request)
    except your_data.NotRemoved as error:
        trouble = str(error)
    context = {"trouble": trouble, "back": back, "account": account, "stays": context["stays"]}
    response = render(request, "portal/your_data_removed.html", context, status=409 if trouble else 200)
    response["Clear-Site-Data"] = '"cache"'
    return response


def file_name(login: str) -> str:
    """“yurt-alice-2026-11-27.zip”."""
    return f"{slugify(settings.SITE_NAME)}-{slugify(login)}-{timezone.localdate():%Y-%m-%d}.zip"


def _proof(request: PortalRequest) -> HttpResponse | None:
    """Where to go first. Raises ``credentials.Locked``."""
    if credentials.is_sealed(request):
        credentials.unseal(request)
    gate = get_registry().gate
    return gate.ask_again(request, request.path) if gate is not None else None


def _context(request: PortalRequest, counts: list[Count]) -> dict[str, object]:
    app, page = preferences.find_page(PAGE) or (None, None)
    groups = [(owner, [count for count in counts if count.app is owner]) for owner in get_registry().apps]
    return {
        "sections": preferences.sections(),
        "app": app,
        "page": page,
        "groups": [(owner, found) for owner, found in groups if found],
    }
