"""The pages on which address books and groups are made, renamed and removed."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from apps.contacts.models import Book, Group, Rules
from apps.contacts.services import access, sharing
from apps.contacts.services import books as shelf
from apps.contacts.services import groups as circle
from apps.contacts.services.keeping import NotKept
from apps.contacts.views.common import contacts_required, doing, own_book, own_group, side
from apps.contacts.views.subscriptions import states
from portal.http import PortalRequest


@contacts_required
@require_http_methods(["GET", "HEAD", "POST"])
def books(request: PortalRequest) -> HttpResponse:
    """``do``: new, rename, default, delete; hide and show what others share."""
    if request.method != "POST":
        rows = Book.objects.counted().filter(owner=request.user, subscription=None)
        context = {"rows": rows, "subscriptions": states(request), "received": sharing.received(request.user)}
        return render(request, "contacts/books.html", side(request) | context)
    do, name = request.POST.get("do", ""), request.POST.get("name", "")
    try:
        if do == "new":
            shelf.make(request.user.pk, name)
            messages.success(request, _("The address book is there."))
        elif do in {"hide", "show"}:
            _hide(request, request.POST.get("share", ""), do == "hide")
        else:
            book = own_book(request, request.POST.get("book", ""))
            if do == "rename":
                shelf.rename(book, name)
            elif do == "default":
                shelf.make_default(book)
            elif do == "delete":
                shelf.remove(book, doing(request))
                text = _("The address book is gone. Its contacts can come back for %(days)d days.")
                messages.success(request, text % {"days": Rules.now().trash_days})
            else:
                raise Http404("no such action")
    except NotKept as error:
        messages.error(request, str(error))
    return redirect("contacts:books")


def _hide(request: PortalRequest, pk: str, on: bool) -> None:
    """Raises ``Http404``."""
    share = next((each for each in access.shares_with(request.user.pk) if str(each.pk) == pk), None)
    if share is None:
        raise Http404("no such share")
    sharing.hide(share, request.user) if on else sharing.show(share, request.user)
    messages.success(request, _("It is hidden.") if on else _("It is there again."))


@contacts_required
@require_http_methods(["GET", "HEAD", "POST"])
def groups(request: PortalRequest) -> HttpResponse:
    """``do``: new, rename, inside, delete."""
    if request.method != "POST":
        own = list(Group.objects.filter(owner=request.user))
        counted = circle.counts(request.user.pk)
        parents = {group.pk: {each.group_id for each in group.parents.all()} for group in own}
        rows = [
            {
                "group": group,
                "n": counted.get(group.pk, 0),
                "others": [(each, each.pk in parents[group.pk]) for each in own if each is not group],
            }
            for group in own
        ]
        return render(request, "contacts/groups.html", side(request) | {"rows": rows})
    do, name = request.POST.get("do", ""), request.POST.get("name", "")
    try:
        if do == "new":
            circle.make(request.user.pk, name)
            messages.success(request, _("The group is there."))
        else:
            group = own_group(request, request.POST.get("group", ""))
            if do == "rename":
                circle.rename(group, name)
            elif do == "inside":
                circle.put_in(group, [own_group(request, pk) for pk in request.POST.getlist("parent")])
            elif do == "delete":
                circle.delete([group])
                messages.success(request, _("The group is gone. No contact was touched."))
            else:
                raise Http404("no such action")
    except NotKept as error:
        messages.error(request, str(error))
    return redirect("contacts:groups")
