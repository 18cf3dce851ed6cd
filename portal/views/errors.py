"""Error pages: what happened, what to do, and a reference that also stands in the log."""

from __future__ import annotations

from http import HTTPStatus

import structlog
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

log = structlog.get_logger(__name__)


def _page(request: HttpRequest, status: HTTPStatus, *, title: str, text: str, name: str = "") -> HttpResponse:
    """The page, and its line in the log under ``name`` or the status."""
    reference = getattr(request, "id", "")
    log.warning("error_page", status=status.value, page=name or str(status.value))
    context = {"status": status.value, "title": title, "text": text, "reference": reference}
    html = render_to_string("portal/errors/error.html", context, request=request)
    return HttpResponse(html, status=status.value)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(
        request,
        HTTPStatus.BAD_REQUEST,
        title=_("This request cannot be understood"),
        text=_("The link may be broken or cut off. Go back and try again."),
    )


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(
        request,
        HTTPStatus.FORBIDDEN,
        title=_("This is not for you"),
        text=_("You are signed in with an account that may not see this page."),
    )


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(
        request,
        HTTPStatus.NOT_FOUND,
        title=_("There is nothing here"),
        text=_("The page has gone, or the address has a mistake in it."),
    )


def not_allowed(request: HttpRequest) -> HttpResponse:
    """For an address that takes forms only, opened by hand or from the history."""
    return _page(
        request,
        HTTPStatus.METHOD_NOT_ALLOWED,
        title=_("There is no page at this address"),
        text=_("This address only accepts what a button sends. Go back and press the button there."),
    )


def no_mailbox(request: HttpRequest) -> HttpResponse:
    """For the portal's own accounts, where an app asks for what only an account of the mail server has."""
    return _page(
        request,
        HTTPStatus.FORBIDDEN,
        name="no_mailbox",
        title=_("This account has no mailbox"),
        text=_("You are signed in with an account of the portal itself. Sign in with a mail account to read mail."),
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form that certainly comes from a page of ours (browsers say so, and no other page can) is kept: its token grew
    old when somebody signed in in another tab. One more click sends it with a good one."""
    log.warning("csrf_refused", reason=reason)
    ours = request.headers.get("Sec-Fetch-Site") == "same-origin"
    if ours and not request.user.is_authenticated and request.path == reverse("portal:sign_in"):
        return _sign_in_anew(request)
    if ours and request.user.is_authenticated:
        kept = [(name, text) for name, texts in request.POST.lists() if name != "csrfmiddlewaretoken" for text in texts]
        files = [str(upload.name) for name in request.FILES for upload in request.FILES.getlist(name)]
        context = {"action": request.get_full_path(), "kept": kept, "files_lost": files}
        return render(request, "portal/errors/form_again.html", context, status=HTTPStatus.FORBIDDEN)
    return _page(
        request,
        HTTPStatus.FORBIDDEN,
        name="csrf",
        title=_("This form is no longer valid"),
        text=_(
            "You may have signed in or out in another tab, or cookies are switched off. Go back, reload and send again."
        ),
    )


def _sign_in_anew(request: HttpRequest) -> HttpResponse:
    """A fresh browser that opens several pages at once gets as many tokens, and keeps the last."""
    if "inplace" in request.GET:
        return redirect(f"{request.path}?inplace=1")
    messages.info(request, _("Your browser had several pages of this site open at once. Please sign in once more."))
    return redirect(f"{request.path}?{urlencode({'next': request.POST.get('next', '')})}")


def server_error(request: HttpRequest) -> HttpResponse:
    """Needs neither database nor session: they may be what is broken."""
    context = {
        "status": 500,
        "title": _("Something went wrong here"),
        "text": _("It is not your fault, and what you wrote in other tabs is safe. Try again in a moment."),
        "reference": getattr(request, "id", ""),
    }
    return HttpResponse(render_to_string("portal/errors/500.html", context), status=500)
