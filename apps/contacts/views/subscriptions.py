"""The pages on which people subscribe to address books elsewhere, look after them, and give them up."""

from __future__ import annotations

from collections.abc import Mapping

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from apps.contacts.models import Subscription
from apps.contacts.services import books, subscriptions
from apps.contacts.services.keeping import NotKept
from apps.contacts.services.subscriptions import Account
from apps.contacts.views.common import contacts_required, doing, side
from portal.http import PortalRequest


@sensitive_post_parameters()
@contacts_required
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_variables()
def subscribe(request: PortalRequest) -> HttpResponse:
    """``do``: find asks the server what there is; subscribe takes one of it, with what the form has sealed."""
    if request.method != "POST":
        return _form(request, {"login": request.user.get_username() if "@" in request.user.get_username() else ""})
    if request.POST.get("do") == "subscribe":
        return _chosen(request)
    account = Account(
        request.POST.get("address", "").strip()[:1000],
        request.POST.get("login", "").strip()[:190],
        request.POST.get("password", "")[:1000],
    )
    typed = {"address": account.address, "login": account.login}
    try:
        found = subscriptions.find(account, request.user.pk)
    except NotKept as error:
        return _form(request, typed | {"error": str(error)}, status=422)
    mine = set(subscriptions.of_user(request.user.pk).values_list("url", flat=True))
    choices = [(each, each.url in mine) for each in found]
    first = next((each.url for each, there in choices if not there), "")
    box = account.sealed(request.user.pk)
    return _form(request, typed | {"choices": choices, "first": first, "box": box})


def _form(request: PortalRequest, context: Mapping[str, object], *, status: int = 200) -> HttpResponse:
    return render(request, "contacts/subscribe.html", {**side(request), **context}, status=status)


@sensitive_variables()
def _chosen(request: PortalRequest) -> HttpResponse:
    url = request.POST.get("url", "")
    try:
        account = Account.opened(request.POST.get("box", ""), request.user.pk)
        if not url:
            raise NotKept(_("Choose an address book."))
        made = subscriptions.subscribe(request.user, account, url, request.POST.get(f"name-{url}", "").strip())
    except NotKept as error:
        return _form(request, {"error": str(error)}, status=422)
    subscriptions.ask_refresh(made)
    return redirect("contacts:subscription", made.pk)


@sensitive_post_parameters()
@contacts_required
@require_http_methods(["GET", "HEAD", "POST"])
def subscription(request: PortalRequest, subscription_id: int) -> HttpResponse:
    """How it is. POST: ``do`` is refresh, rename, password, keep or remove."""
    found = subscriptions.of_user(request.user.pk).filter(pk=subscription_id).first()
    if found is None:
        raise Http404("no such subscription")
    if request.method == "POST":
        return _act(request, found)
    context = state_of(found) | {
        "n": found.book.contacts.filter(deleted=None).count(),
        "left_out": found.remotes.filter(contact=None).count(),
    }
    return render(request, "contacts/subscription.html", side(request) | context)


@sensitive_variables()
def _act(request: PortalRequest, found: Subscription) -> HttpResponse:
    do = request.POST.get("do", "")
    here = redirect("contacts:subscription", found.pk)
    try:
        if do == "refresh":
            subscriptions.ask_refresh(found)
        elif do == "rename":
            books.rename(found.book, request.POST.get("name", ""))
            messages.success(request, _("Renamed."))
        elif do == "password":
            subscriptions.set_password(found, request.POST.get("password", "")[:1000])
            subscriptions.ask_refresh(found)
        elif do in {"keep", "remove"}:
            subscriptions.unsubscribe(found, keep=do == "keep", doing=doing(request))
            messages.success(request, _ended(keep=do == "keep"))
            return redirect("contacts:books")
        else:
            raise Http404("no such action")
    except NotKept as error:
        messages.error(request, str(error))
    return here


def _ended(*, keep: bool) -> str:
    if keep:
        return _("The subscription has ended. Its contacts are yours now.")
    return _("The subscription has ended. Its contacts can come back for 30 days.")


def state_of(found: Subscription) -> dict[str, object]:
    """What stands beside a subscribed book."""
    return {
        "subscription": found,
        "book": found.book,
        "trouble": subscriptions.words(found.trouble, found.about) if found.trouble else "",
        "under_way": subscriptions.under_way(found),
        "percent": found.done * 100 // found.total if found.total else 0,
    }


def states(request: PortalRequest) -> list[dict[str, object]]:
    """Of all that this person has."""
    return [state_of(each) for each in subscriptions.of_user(request.user.pk).order_by("book__key")]
