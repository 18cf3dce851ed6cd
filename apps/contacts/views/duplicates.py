"""Pairs that may be one person: looked at, merged, or told apart for good."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from apps.contacts.models import Contact, Undertaking
from apps.contacts.services import duplicates as pairs
from apps.contacts.services import keeping
from apps.contacts.views.common import contacts_required, doing, own_contact, side
from portal.http import PortalRequest

PAGE = 50


@contacts_required
@require_http_methods(["GET", "HEAD", "POST"])
def duplicates(request: PortalRequest) -> HttpResponse:
    """All pairs; with ``one`` and ``other`` the two beside each other. POST: ``do`` is merge, different or unmerge."""
    if request.method == "POST":
        return _act(request)
    if request.GET.get("one"):
        return _pair(request)
    found = pairs.find(request.user.pk)
    merged = Undertaking.objects.filter(owner=request.user, kind=Undertaking.Kind.MERGE, state=Undertaking.State.DONE)
    context = {"found": Paginator(found, PAGE).get_page(request.GET.get("page")), "merged": merged[:10]}
    return render(request, "contacts/duplicates.html", side(request) | context)


def _number(text: str) -> int:
    """Raises ``Http404``."""
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise Http404("no number")
    return int(text)


def _own(request: PortalRequest, text: str) -> Contact:
    """Nobody else's: what is compared is seen whole. Raises ``Http404``."""
    found = own_contact(request, _number(text))
    if found.owner_id != request.user.pk:
        raise Http404("no such contact")
    return found


def _pair(request: PortalRequest) -> HttpResponse:
    one, other = _own(request, request.GET.get("one", "")), _own(request, request.GET.get("other", ""))
    if one.pk == other.pk or one.deleted or other.deleted:
        return HttpResponseRedirect(reverse("contacts:duplicates"))
    chosen = pairs.choices(keeping.document(one), keeping.document(other))
    why = pairs.between(one, other)
    context = {"one": one, "other": other, "choices": chosen, "reason": why.words if why is not None else ""}
    return render(request, "contacts/merge.html", side(request) | context)


def _act(request: PortalRequest) -> HttpResponse:
    do = request.POST.get("do", "")
    back = HttpResponseRedirect(reverse("contacts:duplicates"))
    if do == "unmerge":
        whole = Undertaking.objects.filter(owner=request.user, pk=_number(request.POST.get("whole", ""))).first()
        if whole is None or whole.kind != Undertaking.Kind.MERGE:
            raise Http404("no such merge")
        pairs.unmerge(whole, doing(request))
        messages.success(request, _("Both contacts are as they were."))
        return back
    one, other = _own(request, request.POST.get("one", "")), _own(request, request.POST.get("other", ""))
    if one.pk == other.pk or one.deleted or other.deleted:
        return back
    if do == "different":
        pairs.are_different(one, other)
        messages.success(request, _("They will not be shown as the same person again."))
        return back
    if do != "merge":
        raise Http404("no such action")
    known = [f"one:{value.id}" for value in keeping.document(one).values]
    known += [f"other:{value.id}" for value in keeping.document(other).values]
    left_out = set(known) - set(request.POST.getlist("keep")) if request.POST.get("chosen") else set()
    left_out -= {f"one:{value.id}" for value in keeping.document(one).values if value.name in pairs.ONCE}
    from_other = [
        key.removeprefix("pick-") for key, value in request.POST.items() if key.startswith("pick-") and value == "other"
    ]
    try:
        pairs.merge(one, other, doing(request), from_other=from_other, left_out=left_out)
    except keeping.Outdated:
        messages.error(request, _("Somebody has just changed this contact. Look at it again."))
        return back
    except keeping.NotKept as error:
        messages.error(request, str(error))
        return back
    messages.success(request, _("Merged. It can be undone on the page of duplicates."))
    return HttpResponseRedirect(reverse("contacts:contact", args=[one.pk]))
