"""The page on which a book, a group or a contact is shared, and where it is taken back."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth import get_user_model
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from apps.contacts.lenses import FIELDS
from apps.contacts.models import Book, Group, Share
from apps.contacts.services import access, sharing
from apps.contacts.services.access import Right
from apps.contacts.services.errors import NotKept
from apps.contacts.services.sharing import Thing
from apps.contacts.views.common import contacts_required, own_contact, side
from portal.http import PortalRequest

METHODS = ["GET", "HEAD", "POST"]


@contacts_required
@require_http_methods(METHODS)
def share_contact(request: PortalRequest, pk: int) -> HttpResponse:
    found = own_contact(request, pk)
    if found.deleted:
        raise Http404("deleted")
    return _page(request, found, reverse("contacts:contact", args=[pk]))


@contacts_required
@require_http_methods(METHODS)
def share_book(request: PortalRequest, book_id: int) -> HttpResponse:
    found = access.books(request.user.pk).filter(pk=book_id).first()
    return _page(request, found, f"{reverse('contacts:index')}?in=book-{book_id}")


@contacts_required
@require_http_methods(METHODS)
def share_group(request: PortalRequest, group_id: int) -> HttpResponse:
    found = next((group for group in access.groups(request.user.pk) if group.pk == group_id), None)
    return _page(request, found, f"{reverse('contacts:index')}?in=group-{group_id}")


def _page(request: PortalRequest, thing: Thing | None, back: str) -> HttpResponse:
    """For who may manage it. ``?share=``: the form begins with what is given already. POST: ``do`` is give or take."""
    if thing is None or access.right(request.user.pk, thing) < Right.MANAGE:
        raise Http404("nothing to share")
    if request.method != "POST":
        return _drawn(request, thing, back, _begun(thing, request.GET.get("share", "")))
    try:
        if request.POST.get("do") == "take":
            share = _share(thing, request.POST.get("share", ""))
            sharing.take_back(share, by=request.user)
            messages.success(request, _("%(name)s does not see it any more.") % {"name": share.with_whom})
        elif request.POST.get("do") == "give":
            share = _give(request, thing)
            messages.success(request, _("Shared with %(name)s.") % {"name": share.with_whom})
        else:
            raise Http404("no such action")
    except NotKept as error:
        return _drawn(request, thing, back, _sent(request), error=str(error))
    return HttpResponseRedirect(request.path)


def _share(thing: Thing, pk: str) -> Share:
    """Raises ``Http404``."""
    found = next((share for share in sharing.of(thing) if str(share.pk) == pk), None)
    if found is None:
        raise Http404("no such share")
    return found


def _give(request: PortalRequest, thing: Thing) -> Share:
    """Raises ``NotKept``."""
    name, team_id = request.POST.get("person", "").strip(), request.POST.get("team", "")
    user = sharing.person(name)
    if name and user is None:
        raise NotKept(_("Nobody here is called “%(name)s”: write a login or a mail address.") % {"name": name})
    if name and team_id:
        raise NotKept(_("Choose a person or a group, and not both."))
    team = next((each for each in sharing.teams(request.user) if str(each.pk) == team_id), None)
    level = request.POST.get("level", "")
    return sharing.give(
        thing,
        by=request.user,
        level=int(level) if level in {"1", "2", "3"} else 0,
        fields=request.POST.getlist("field") if request.POST.get("what") == "some" else None,
        user=user,
        team=team,
    )


def _sent(request: PortalRequest) -> dict[str, Any]:
    data = request.POST
    return {
        "person": data.get("person", "")[:320],
        "team": data.get("team", ""),
        "level": data.get("level", "1"),
        "some": data.get("what") == "some",
        "fields": set(data.getlist("field")),
    }


def _begun(thing: Thing, pk: str) -> dict[str, Any]:
    share = _share(thing, pk) if pk else None
    if share is None:
        return {"person": "", "team": "", "level": "1", "some": False, "fields": set()}
    return {
        "person": (share.user.email or share.user.login) if share.user else "",
        "team": str(share.group_id or ""),
        "level": str(share.level),
        "some": share.fields is not None,
        "fields": set(share.fields or ()),
    }


def _drawn(request: PortalRequest, thing: Thing, back: str, form: dict[str, Any], *, error: str = "") -> HttpResponse:
    context = {
        "thing": thing,
        "kind": "book" if isinstance(thing, Book) else "group" if isinstance(thing, Group) else "contact",
        "back": back,
        "lines": [sharing.line(share) for share in sharing.of(thing)],
        "around": sharing.lines_around(request.user.pk, thing),
        "teams": [(str(team.pk), team.name) for team in sharing.teams(request.user)],
        "people": _colleagues(request),
        "levels": [(str(value), label) for value, label in Share.Level.choices],
        "fields": [(name, label, name in form["fields"]) for name, label in FIELDS.items()],
        "form": form,
        "error": error,
    }
    status = 422 if error else 200
    return render(request, "contacts/share.html", side(request) | context, status=status)


def _colleagues(request: PortalRequest) -> list[tuple[str, str]]:
    """(what the form takes, name) of people in groups of this person's: others are found by who knows their address."""
    people = get_user_model().objects.filter(groups__in=request.user.groups.all(), is_active=True)
    found = people.exclude(pk=request.user.pk).distinct().order_by("display_name", "login")[: sharing.MOST_OFFERED]
    return [(each.email or each.login, each.get_full_name()) for each in found]
