"""What the pages of contacts have in common."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from apps.contacts.models import (
    Book,
    BookQuerySet,
    Contact,
    Favourite,
    Group,
    OwnCard,
    Rules,
    SavedSearch,
    Share,
    Tag,
    Undertaking,
)
from apps.contacts.prefs import ENDLESS, NAMES, ORDER, PAGE_SIZE
from apps.contacts.services import access, duplicates, keeping, listing, sharing, sorting
from apps.contacts.services.keeping import Doing
from portal import credentials
from portal.http import PortalRequest

P = ParamSpec("P")


View = Callable[Concatenate[PortalRequest, P], HttpResponseBase]


def contacts_required(view: View[P]) -> View[P]:
    """For people who are signed in; where their session has a sealed password, with their half of its key: a session
    that was stolen without it opens no address book either. Raises ``credentials.Locked``."""

    @login_required
    @wraps(view)
    def guarded(request: PortalRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if credentials.is_sealed(request):
            credentials.unseal(request)
        try:
            return view(request, *args, **kwargs)
        except keeping.ReadOnly as error:  # whatever was to be done to it, and wherever
            messages.error(request, str(error))
            return redirect("contacts:index")

    return cast("View[P]", guarded)


def was_too_large(request: PortalRequest) -> bool:
    """Whether the site has left out the files of this form: they are kept in memory, which has a limit."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    return length.isdecimal() and int(length) > settings.FILE_UPLOAD_MAX_MEMORY_SIZE


def doing(request: PortalRequest, kind: str = "typed", text: str = "") -> Doing:
    return Doing(request.user, kind, text)


def own_contact(request: PortalRequest, pk: int) -> Contact:
    """One that this person may see, filled with what they may see of it. Deleted ones too, as long as they can come
    back. Raises ``Http404``."""
    mine = access.contacts(request.user.pk).select_related("book")
    found = mine.filter(pk=pk).first()
    if found is None or (found.deleted and not mine.thrown_away().filter(pk=pk).exists()):
        raise Http404("no such contact")
    return found


def own_book(request: PortalRequest, pk: str) -> Book:
    """Raises ``Http404``; for others' books too."""
    found = Book.objects.filter(owner=request.user, pk=int(pk)).first() if pk.isascii() and pk.isdecimal() else None
    if found is None:
        raise Http404("no such book")
    return found


def open_book(request: PortalRequest, pk: str) -> Book:
    """One that this person may write in. Raises ``Http404``."""
    found = next((book for book in books_of(request) if str(book.pk) == pk), None)
    if found is None:
        raise Http404("no such book")
    return found


def own_group(request: PortalRequest, pk: str) -> Group:
    """Raises ``Http404``; for others' groups too."""
    found = Group.objects.filter(owner=request.user, pk=int(pk)).first() if pk.isascii() and pk.isdecimal() else None
    if found is None:
        raise Http404("no such group")
    return found


def books_of(request: PortalRequest) -> list[Book]:
    """Those that this person may write in; at least one. Own ones first."""
    user_id = request.user.pk
    writable = [share.book_id for share in access.Viewer(user_id).shares if share.level >= Share.Level.EDIT]
    every = Book.objects.filter(subscription=None)  # copies of books elsewhere are changed there
    found = _with_one(user_id, every.filter(owner=request.user))
    if any(writable):
        found += every.filter(pk__in=[pk for pk in writable if pk]).select_related("owner")
    return found


def _with_one(user_id: int, books: BookQuerySet) -> list[Book]:
    """These, among which is one for new contacts: it is made where there is none."""
    if all(book.collects for book in books):
        keeping.default_book(user_id, _("Personal"))
        books = books.all()
    return list(books)


def side(request: PortalRequest, view: listing.View | None = None) -> dict[str, Any]:
    """The side column. Counting is one query over the books' indexes."""
    user_id = request.user.pk
    viewer = access.Viewer(user_id)
    places, mine = sharing.places(viewer), access.contacts(user_id, viewer)
    if not places.ready:
        keeping.default_book(user_id, _("Personal"))
        places = sharing.places(viewer)
    return {
        "view": view or listing.View(place=""),
        "books": places.books,
        "total": places.total,
        "favourites": mine.kept().filter(favoured__user_id=user_id).count(),
        "groups": [(group, group.n) for group in places.groups],
        "searches": list(SavedSearch.objects.filter(owner_id=user_id)),
        "own_card": OwnCard.of(user_id),
        "tags": list(Tag.objects.filter(owner_id=user_id)[:50]),
        "thrown_away": mine.thrown_away().count(),
        "trash_days": Rules.now().trash_days,
        "pairs": duplicates.known(user_id),
        "imports": Undertaking.objects.filter(owner_id=user_id, kind=Undertaking.Kind.IMPORT).count(),
    }


def list_page(request: PortalRequest, view: listing.View) -> dict[str, Any]:
    """Raises ``Http404`` for a place that is not there."""
    prefs, user_id = request.prefs, request.user.pk
    by = sorting.follow(user_id, sorting.wished(prefs))
    try:
        page = listing.page(user_id, view, size=int(prefs[PAGE_SIZE]), order=prefs[ORDER], by=by)
    except listing.NoSuchPlace:
        raise Http404("no such place") from None
    long = page.total > page.size and page.column and not view.asks
    return {
        "page": page,
        "view": page.view,
        "title": place_title(user_id, view),
        "family_first": prefs[NAMES] == "family",
        "endless": prefs[ENDLESS],
        "letters": by.letters if long else [],
        "starred": set(
            Favourite.objects.filter(user_id=user_id, contact__in=page.contacts).values_list("contact_id", flat=True)
        ),
    }


def letter_page(request: PortalRequest, view: listing.View, letter: str) -> str:
    """Raises ``Http404``."""
    size, order = int(request.prefs[PAGE_SIZE]), request.prefs[ORDER]
    try:
        return listing.page_of_letter(request.user.pk, view, letter, size=size, order=order)
    except listing.NoSuchPlace:
        raise Http404("no such place") from None


def place_title(user_id: int, view: listing.View) -> str:
    kind, _dash, number = view.place.partition("-")
    names = {
        "all": _("All contacts"),
        "favourites": _("Favourites"),
        "recent": _("Recently written to"),
        "trash": _("Deleted contacts"),
    }
    if view.place in names:
        return names[view.place]
    pk = int(number)
    found: Book | Group | SavedSearch | Tag | None
    if kind == "book":
        found = access.books(user_id).filter(pk=pk).first()
    elif kind == "group":
        found = next((group for group in access.groups(user_id) if group.pk == pk), None)
    elif kind == "search":
        found = SavedSearch.objects.filter(owner_id=user_id, pk=pk).first()
    else:
        found = Tag.objects.filter(owner_id=user_id, pk=pk).first()
    return found.name if found else ""
