"""Completion of addresses while somebody writes: a fragment for htmx, JSON for scripts; and the people of a group."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from portal import addressing, credentials, lookalikes
from portal.addressing import Expanded
from portal.contracts import MOST_COUNTED, Contact
from portal.http import PortalRequest, is_fragment
from portal.templatetags.portal import hue_of, initials_of

MAX_PREFIX = 100
LIMIT = 8
MOST_CHIPS = 50  # people of a group who are put into a field one by one; more stay together until they are written to
MOST_NAMED = 10


@login_required
@require_safe
def complete(request: PortalRequest) -> HttpResponse:
    """``?q=``: what has been typed so far. JSON: ``{"contacts": [{"name", "email", "source", "url", "initials",
    "hue"}]}``. A group has "group" (what ``people`` takes), "members" and "people" (that number in words) as well;
    what should be looked at twice has "warning".

    Only the books that are here answer. "far" says that there are others: ``?far=1`` asks those, and says in "note"
    when one does not answer. A session that was stolen without the browser's half of its key learns nobody's address.
    Raises ``portal.credentials.Locked``.
    """
    _open(request)
    prefix = request.GET.get("q", "")[:MAX_PREFIX]
    answer: dict[str, Any] = {}
    if request.GET.get("far"):
        far = addressing.complete_far(user=request.user, prefix=prefix, limit=LIMIT)
        contacts = far.contacts
        answer |= {"note": _silent()} if far.silent else {}
    else:
        contacts = addressing.complete(user=request.user, prefix=prefix, limit=LIMIT)
        answer |= {"far": True} if prefix.strip() and addressing.asks_far() else {}
    words = [_people(contact.members) for contact in contacts]
    signs = _signs(contacts, own=lookalikes.domain_of(getattr(request.user, "email", "") or ""))
    if is_fragment(request):
        return render(request, "portal/_complete.html", {"contacts": list(zip(contacts, words, signs, strict=True))})
    pairs = zip(contacts, signs, strict=True)
    return JsonResponse({"contacts": [_said(contact, sign) for contact, sign in pairs]} | answer)


@login_required
@require_safe
def people(request: PortalRequest) -> HttpResponse:
    """Who is in a group: ``?group=`` as completion calls it, or ``?name=``. JSON: ``{"group", "name", "members",
    "people", "addresses": [{"name", "email"}], "note"}``; "keep" instead of the addresses for one that stays together
    until it is written to. 404 and 503 say in "error" why there is no answer. Raises ``portal.credentials.Locked``."""
    _open(request)
    group, name = request.GET.get("group", "")[:500], " ".join(request.GET.get("name", "").split())[:MAX_PREFIX]
    try:
        if not group:
            group = _the_one(addressing.groups_called(user=request.user, name=name) if name else [])
        found = addressing.expand(user=request.user, group=group)
    except LookupError:
        return JsonResponse({"error": _("There is no such group, or there are several with that name.")}, status=404)
    except OSError:
        return JsonResponse({"error": _silent()}, status=503)
    count = len(found.addresses)
    answer = {"group": group, "name": name, "members": count, "people": _people(count), "note": _without(found)}
    if addressing.is_far(group) or count > MOST_CHIPS:
        return JsonResponse(answer | {"keep": True})
    addresses = [{"name": each.name, "email": each.email} for each in found.addresses]
    return JsonResponse(answer | {"addresses": addresses})


def _open(request: PortalRequest) -> None:
    if credentials.is_sealed(request):
        credentials.unseal(request)


def _the_one(groups: Sequence[Contact]) -> str:
    if len(groups) != 1:
        raise LookupError
    return groups[0].group


def _silent() -> str:
    return _("The directory does not answer.")


def _people(count: int) -> str:
    if count > MOST_COUNTED:
        return _("more than %(count)d people") % {"count": MOST_COUNTED}
    return ngettext("%(count)d person", "%(count)d people", count) % {"count": count}


def _without(found: Expanded) -> str:
    if not found.without:
        return ""
    names = ", ".join(found.without[:MOST_NAMED]) + ("…" if len(found.without) > MOST_NAMED else "")
    words = ngettext(
        "%(count)d person has no address: %(names)s", "%(count)d people have no address: %(names)s", len(found.without)
    )
    return words % {"count": len(found.without), "names": names}


def _said(contact: Contact, sign: str) -> dict[str, Any]:
    said: dict[str, Any] = {
        "name": contact.address.name,
        "email": contact.address.email,
        "source": str(contact.source),
        "url": contact.url,
        "initials": initials_of(contact.address),
        "hue": hue_of(contact.address),
    }
    if contact.group:
        said |= {"group": contact.group, "members": contact.members, "people": _people(contact.members)}
    return said | ({"warning": sign} if sign else {})


def _signs(contacts: Iterable[Contact], *, own: str) -> list[str]:
    """What should be looked at twice, seen from the other answers: of two with the same name, the one that stands
    less firmly. Colleagues stand firmest, then people of a book, then those who were only written to."""
    contacts = list(contacts)
    firm = sorted(
        (each for each in contacts if not each.group),
        key=lambda each: (lookalikes.domain_of(each.address.email) == own, bool(each.url), each.rank),
        reverse=True,
    )
    found = {}
    for at, contact in enumerate(firm):
        others = [each for each in firm[:at] if not contact.url or each.url != contact.url]
        sign = lookalikes.sign_of(
            contact.address,
            known=[each.address for each in others],
            domains={lookalikes.domain_of(each.address.email) for each in others},
            own=own,
        )
        found[id(contact)] = sign.text if sign else ""
    return [found.get(id(contact), "") for contact in contacts]
