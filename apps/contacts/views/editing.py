"""A new contact, and changing one."""

from __future__ import annotations

from dataclasses import replace

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from apps.contacts import folding, forms
from apps.contacts.card import Card, Value
from apps.contacts.forms import Form
from apps.contacts.lenses import NOTHING, seen
from apps.contacts.models import Book, Contact
from apps.contacts.services import access, finding, keeping, listing, photos
from apps.contacts.views.common import books_of, contacts_required, doing, open_book, own_contact, side, was_too_large
from portal.http import PortalRequest, is_fragment


@contacts_required
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: PortalRequest) -> HttpResponse:
    """``?email=`` and ``name=`` fill it; whoever is known by that address is shown instead."""
    base = Card()
    if request.method != "POST":
        email, name = request.GET.get("email", "").strip()[:320], request.GET.get("name", "").strip()[:200]
        if email and (known := _known(request, email)):
            messages.info(request, _("%(name)s is in your contacts already.") % {"name": known.name})
            return HttpResponseRedirect(reverse("contacts:contact", args=[known.pk]))
        book = _book(request)
        lens = access.grant_of_book(request.user.pk, book).edits
        return _page(request, forms.of_card(seen(_begun(email, name), lens), lens=lens), None, book)
    book = open_book(request, request.POST["book"]) if request.POST.get("book") else _book(request)
    form = forms.of_post(request.POST, access.grant_of_book(request.user.pk, book).edits)
    if answer := _other_rows(request, form, None, book):
        return answer
    if not form.errors:
        try:
            values = _with_photo(request, form.values(base), base, book.owner_id)
            made = keeping.create(book, values, doing(request))
        except (keeping.NotKept, photos.NoPicture) as error:
            return _page(request, form, None, book, error=str(error))
        messages.success(request, _("Saved."))
        return HttpResponseRedirect(reverse("contacts:contact", args=[made.pk]))
    return _page(request, form, None, book)


def _known(request: PortalRequest, email: str) -> Contact | None:
    found = finding.by_email(request.user.pk, [folding.email_key(email)])
    return access.contacts(request.user.pk).filter(pk=found[0][1]).first() if found else None


def _begun(email: str, name: str) -> Card:
    given, _blank, family = name.rpartition(" ")
    values = [Value("N", (family, given, "", "", "")), Value("FN", name)] if name else []
    return Card([*values, Value("EMAIL", email)] if email else values)


def _book(request: PortalRequest) -> Book:
    """The book that new contacts go to, or the one that the list was of."""
    place = request.GET.get("in", "")
    if place.startswith("book-"):
        pk = place.removeprefix("book-")
        if found := next((book for book in books_of(request) if str(book.pk) == pk), None):
            return found
    return keeping.default_book(request.user.pk, _("Personal"))


@contacts_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: PortalRequest, pk: int) -> HttpResponse:
    found = own_contact(request, pk)
    lens = access.grant(request.user.pk, found).edits
    if lens == NOTHING:
        raise PermissionDenied
    card = seen(keeping.document(found), lens)
    if request.method != "POST":
        return _page(request, forms.of_card(card, version=found.version, lens=lens), found, found.book)
    form = forms.of_post(request.POST, lens)
    if answer := _other_rows(request, form, found, found.book):
        return answer
    if form.errors:
        return _page(request, form, found, found.book)
    whole = keeping.as_of(found, form.version)
    base = seen(whole, lens) if whole is not None else None
    if base is None or base.values != card.values:
        return _both(request, form, found, base or Card())
    try:
        values = _with_photo(request, form.values(base), base, found.owner_id)
        keeping.change(found, values, doing(request), version=found.version)
    except keeping.Outdated:
        return _both(request, form, own_contact(request, pk), base)
    except (keeping.NotKept, photos.NoPicture) as error:
        return _page(request, form, found, found.book, error=str(error))
    messages.success(request, _("Saved."))
    return HttpResponseRedirect(reverse("contacts:contact", args=[pk]))


def _other_rows(request: PortalRequest, form: Form, found: Contact | None, book: Book) -> HttpResponse | None:
    """The form with a row more or less, where its button was pressed."""
    add, remove = request.POST.get("add", ""), request.POST.get("remove", "")
    if not add and not remove:
        return None
    form.add(add)
    form.remove(remove)
    for row in form.rows:
        row.error = ""
    return _page(request, form, found, book, status=200)


def _both(request: PortalRequest, form: Form, found: Contact, base: Card) -> HttpResponse:
    """Somebody has saved first: what both have changed stands in the form, mine, with theirs beside it."""
    lens = form.lens
    now = seen(keeping.document(found), lens)
    values, both = forms.brought_together(form, base, now)
    fresh = forms.of_card(Card([replace(value) for value in values]), version=found.version, lens=lens)
    theirs = {id: text for id, _mine, text in both}
    for row in fresh.rows:
        if row.id in theirs:
            row.theirs = theirs[row.id] or _("(removed)")
    last = found.changes.exclude(before=None).first()
    who = last.by_name if last else ""
    return _page(request, fresh, found, found.book, status=409, outdated=True, who=who)


def _with_photo(request: PortalRequest, values: list[Value], base: Card, owner_id: int) -> list[Value]:
    """``owner_id``: of the book. Raises ``photos.NoPicture``."""
    upload = request.FILES.get("photo")
    if upload is None and was_too_large(request):
        raise photos.NoPicture(photos.too_large())
    if upload is None and not request.POST.get("no-photo"):
        return values
    rest = [value for value in values if value.name != "PHOTO"]
    if upload is None:
        return rest
    if (upload.size or 0) > photos.MOST_OCTETS:
        raise photos.NoPicture(photos.too_large())
    old = base.first("PHOTO")
    text = photos.keep(owner_id, upload.read())
    return [*rest, replace(old, value=text, raw="", params={}) if old else Value("PHOTO", text)]


def _page(
    request: PortalRequest,
    form: Form,
    found: Contact | None,
    book: Book,
    *,
    status: int | None = None,
    **more: object,
) -> HttpResponse:
    wrong = form.errors or "error" in more
    context = {"form": form, "contact": found, "book": book, "all_books": books_of(request)} | more
    context["with_photo"] = form.lens.shows(Value("PHOTO", ""))
    status = status or (422 if wrong else 200)
    if is_fragment(request):
        return render(request, "contacts/_form.html", context, status=status)
    return render(request, "contacts/edit.html", side(request, listing.View(place="")) | context, status=status)
