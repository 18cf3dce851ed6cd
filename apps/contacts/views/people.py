"""The list and the card."""

from __future__ import annotations

import re
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from apps.contacts.card import emails
from apps.contacts.lenses import NOTHING, seen
from apps.contacts.models import Change, Contact, Favourite, Group, OwnCard, Rules
from apps.contacts.services import (
    access,
    correspondents,
    duplicates,
    files,
    groups,
    keeping,
    listing,
    photos,
    sharing,
    shown,
    taking,
)
from apps.contacts.services.access import Right
from apps.contacts.services.indexing import tags_of
from apps.contacts.views.asking import asked
from apps.contacts.views.common import (
    books_of,
    contacts_required,
    doing,
    letter_page,
    list_page,
    open_book,
    own_book,
    own_contact,
    own_group,
    side,
)
from portal import addressing, people
from portal.contracts import Address
from portal.http import PortalRequest, is_fragment

KEY_OF_LETTER = re.compile(r"[0-9a-z]{1,6}")
STEPS = 4  # of the history that stand beside the card
MOST_AT_ONCE = 5000  # contacts that one action is done to
MOST_WRITTEN_TO = 200


@contacts_required
@require_safe
def index(request: PortalRequest) -> HttpResponse:
    """``?in=``, ``q=``, ``page=``: see ``listing.View``; ``letter=`` leads to its page. htmx gets the rows alone."""
    view = listing.View.parse(request.GET)
    letter = request.GET.get("letter", "")
    if KEY_OF_LETTER.fullmatch(letter):
        return HttpResponseRedirect(reverse("contacts:index") + letter_page(request, view, letter))
    context = list_page(request, view)
    if is_fragment(request) and request.GET.get("part") == "rows":
        return render(request, "contacts/_rows.html", context)
    context |= _for_all(request, context) | asked(request, context["view"])
    if is_fragment(request):
        return render(request, "contacts/_list.html", context)
    return render(request, "contacts/index.html", side(request, context["view"]) | context)


def _for_all(request: PortalRequest, context: dict[str, Any]) -> dict[str, Any]:
    view: listing.View = context["view"]
    to = []
    if view.kind in {"group", "search"} and 0 < context["page"].total <= MOST_WRITTEN_TO:
        people = [each for each in listing.chosen(request.user.pk, view).order_by("by_given") if each.email]
        to = [Address(each.email, each.name if each.name != each.email else "") for each in people]
    books = books_of(request)
    return {
        "write_url": addressing.compose_url(user=request.user, to=to) if to else "",
        "all_books": books,
        "own_books": [book for book in books if book.owner_id == request.user.pk],
        "share_url": _share_url(request, view),
        "all_groups": list(Group.objects.filter(owner=request.user)),
    }


def _share_url(request: PortalRequest, view: listing.View) -> str:
    """Of the page on which this book or group is shared; "" where one may not."""
    user_id = request.user.pk
    if view.kind == "book":
        book = access.books(user_id).filter(pk=view.number).first()
        good = book is not None and access.right(user_id, book) >= Right.MANAGE
        return reverse("contacts:share_book", args=[view.number]) if good else ""
    if view.kind == "group":
        group = next((each for each in access.groups(user_id) if each.pk == view.number), None)
        good = group is not None and access.right(user_id, group) >= Right.MANAGE
        return reverse("contacts:share_group", args=[view.number]) if good else ""
    return ""


@contacts_required
@require_safe
def contact(request: PortalRequest, pk: int) -> HttpResponse:
    """The card, beside the list it was opened from."""
    found = own_contact(request, pk)
    context = card_context(request, found)
    view = listing.View.parse(request.GET)
    if is_fragment(request):
        return render(request, "contacts/_card.html", context | {"view": view})
    beside = list_page(request, view)
    beside |= _for_all(request, beside) | asked(request, view)
    return render(request, "contacts/index.html", side(request, view) | beside | context)


def card_context(request: PortalRequest, found: Contact) -> dict[str, Any]:
    user_id = request.user.pk
    grant = access.grant(user_id, found)
    card = seen(keeping.document(found), grant.sees)
    own, known = grant.right == Right.OWN, {each.pk for each in access.groups(user_id)}
    members = [each.group for each in found.memberships.select_related("group") if each.group_id in known]
    steps = shown.history(user_id, found, most=STEPS + 1)
    others = [book for book in books_of(request) if book.pk != found.book_id]
    pair = duplicates.of_contact(found) if own and found.deleted is None else None
    return {
        "contact": found,
        "open": found.pk,
        "lines": shown.lines(card, user=request.user),
        "unknown": shown.unknown(card),
        "head": shown.head(card),
        "call": shown.call_url(card),
        "about": people.url(addresses) if (addresses := people.addresses(emails(card))) else "",
        "lately_url": people.url(addresses, "portal:person_lately") if addresses else "",
        "tags_here": tags_of(card),
        "in_groups": members,
        "leave_groups": [each for each in members if each.owner_id == user_id],
        "shared": sharing.beside(user_id, found, grant),
        "other_groups": [each for each in Group.objects.filter(owner_id=user_id) if each not in members],
        "favourite": Favourite.objects.filter(user_id=user_id, contact=found).exists(),
        "write": addressing.compose_url(user=request.user, to=[Address(found.email, found.name)])
        if found.email
        else "",
        "steps": steps[:STEPS],
        "more_steps": len(steps) > STEPS,
        "last": correspondents.of_contact(user_id, found),
        "other_books": others,
        "move_books": [book for book in others if own and book.owner_id == user_id],
        "book_here": own or access.books(user_id).filter(pk=found.book_id).exists(),
        "edits": grant.edits != NOTHING,
        "trash_days": Rules.now().trash_days,
        "pair": pair,
        "pair_choices": duplicates.choices(card, keeping.document(pair.other)) if pair else [],
        "origins": taking.known(found) if own else [],
        "mine": OwnCard.objects.filter(user_id=user_id, contact=found).exists(),
        "read_only": access.right(user_id, found) < access.Right.EDIT,
    } | _files_of(user_id, found)


def _files_of(user_id: int, found: Contact) -> dict[str, Any]:
    """What ``_files.html`` shows; nothing where there are none and none can be attached."""
    if not files.may_see(user_id, found):
        return {"files": None}
    attached, more = list(files.of_contact(found)), files.is_offered() and found.deleted is None
    shown = attached if attached or more else None
    return {"files": shown, "files_more": more, "files_most": files.most_megabytes()}


@contacts_required
@require_safe
def history(request: PortalRequest, pk: int) -> HttpResponse:
    """All that was done, with what stood there before."""
    found = own_contact(request, pk)
    steps = shown.history(request.user.pk, found, most=200)
    context = {"contact": found, "steps": steps, "days": Rules.now().history_days}
    return render(request, "contacts/history.html", side(request) | context)


@contacts_required
@require_safe
def photo(request: PortalRequest, pk: int) -> HttpResponse:
    """``?v=``: the beginning of its digest, so the address changes with the picture."""
    found = own_contact(request, pk)
    octets = photos.content(found.owner_id, f"photo:{found.photo}") if found.photo else None
    if octets is None:
        raise Http404("no photo")
    answer = HttpResponse(octets, content_type=photos.TYPE)
    answer["Cache-Control"] = "private, max-age=31536000, immutable"
    return answer


# --- actions ----------------------------------------------------------------------------------------------------------


@contacts_required
@require_POST
def act(request: PortalRequest, pk: int) -> HttpResponse:
    """``do`` to one contact, then back to its card."""
    found = own_contact(request, pk)
    do = request.POST.get("do", "")
    here = HttpResponseRedirect(reverse("contacts:contact", args=[pk]))
    if do == "undo":
        change = request.POST.get("change", "")
        kept = Change.objects.filter(contact=found, pk=int(change)) if change.isascii() and change.isdecimal() else None
        if kept is None or (step := kept.first()) is None:
            raise Http404("no such change")
        try:
            keeping.undo(step, doing(request))
        except keeping.Outdated:
            messages.error(request, _("Somebody has just changed this contact. Look at it again."))
        except keeping.NotKept as error:
            messages.error(request, str(error))
        else:
            messages.success(request, _("Put back as it was."))
        return here
    if do in {"mine", "not-mine"}:
        OwnCard.objects.filter(user=request.user).delete()
        if do == "mine":
            OwnCard.objects.create(user=request.user, contact=found)
        messages.success(request, _("This is your own card now.") if do == "mine" else _("No card is your own now."))
        return here
    return _tried(request, [found], do, here)


@contacts_required
@require_POST
def act_on(request: PortalRequest) -> HttpResponse:
    """``do`` to the chosen ones (``id``), or with ``all`` to the whole view."""
    view = listing.View.parse(request.POST)
    back = HttpResponseRedirect(reverse("contacts:index") + view.query)
    try:
        chosen = listing.chosen(request.user.pk, view)
    except listing.NoSuchPlace:
        raise Http404("no such place") from None
    if not request.POST.get("all"):
        ids = [int(pk) for pk in request.POST.getlist("id") if pk.isascii() and pk.isdecimal() and len(pk) < 16]
        chosen = chosen.filter(pk__in=ids[:MOST_AT_ONCE])
    people = list(chosen.select_related("book")[: MOST_AT_ONCE + 1])
    if len(people) > MOST_AT_ONCE:
        messages.error(request, _("At most %(most)d contacts can be chosen at once.") % {"most": MOST_AT_ONCE})
    elif people:
        return _tried(request, people, request.POST.get("do", ""), back)
    return back


def _tried(request: PortalRequest, people: list[Contact], do: str, back: HttpResponse) -> HttpResponse:
    try:
        return _done(request, people, do, back)
    except keeping.NotKept as error:
        messages.error(request, str(error))
        return back


def _done(request: PortalRequest, people: list[Contact], do: str, back: HttpResponse) -> HttpResponse:
    n, user = len(people), request.user
    word, _colon, number = do.partition(":")
    if word == "delete":
        keeping.throw_away(people, doing(request))
        text = ngettext(
            "%(n)d contact deleted. It can come back for %(days)d days.",
            "%(n)d contacts deleted. They can come back for %(days)d days.",
            n,
        )
        back = HttpResponseRedirect(reverse("contacts:index")) if len(people) == 1 and "contact" in back.url else back  # type: ignore[attr-defined]
    elif word == "restore":
        people = _from_elsewhere(request, people)
        keeping.bring_back(people, doing(request))
        text = ngettext("%(n)d contact is back.", "%(n)d contacts are back.", n)
    elif word == "move":
        keeping.move(people, own_book(request, number), doing(request))
        text = ngettext("%(n)d contact moved.", "%(n)d contacts moved.", n)
    elif word == "copy":
        keeping.copy(people, open_book(request, number), doing(request))
        text = ngettext("%(n)d contact copied.", "%(n)d contacts copied.", n)
    elif word == "group":
        groups.add(own_group(request, number), people)
        text = ngettext("%(n)d contact is in the group.", "%(n)d contacts are in the group.", n)
    elif word == "ungroup":
        groups.remove(own_group(request, number), people)
        text = ngettext("%(n)d contact taken out of the group.", "%(n)d contacts taken out of the group.", n)
    elif word == "favour":
        Favourite.objects.bulk_create([Favourite(user=user, contact=each) for each in people], ignore_conflicts=True)
        text = ngettext("%(n)d contact is a favourite.", "%(n)d contacts are favourites.", n)
    elif word == "unfavour":
        Favourite.objects.filter(user=user, contact__in=people).delete()
        text = ngettext("%(n)d contact is no favourite any more.", "%(n)d contacts are no favourites any more.", n)
    else:
        raise Http404("no such action")
    messages.success(request, text % {"n": n, "days": Rules.now().trash_days})
    return back


def _from_elsewhere(request: PortalRequest, people: list[Contact]) -> list[Contact]:
    """Those whom another server has deleted come back as our own."""
    gone = [each for each in people if access.is_copy(each)]
    if gone:
        keeping.move(gone, keeping.default_book(request.user.pk, _("Personal")), doing(request))
        people = list(Contact.objects.filter(pk__in=[each.pk for each in people]).select_related("book"))
    return people
