"""Pages of contacts: of a book, a group, a tag, the favourites, those written to lately, the trash, or a search."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, urlencode

from django.db.models import Case, F, Q, Value, When

from apps.contacts import folding
from apps.contacts.collating import Rules, rules
from apps.contacts.models import Contact, ContactQuerySet, Group, Key, SavedSearch, Tag
from apps.contacts.services import access, correspondents, finding, groups, searches
from apps.contacts.services.access import Viewer
from apps.contacts.services.criteria import Criteria

PLACES = frozenset({"all", "favourites", "recent", "trash"})
MOST_QUERY = 100
MOST_PAGE = 100_000
DEEP = 1000  # contacts
SHORT = 50  # contacts of a list in which letters share headings
TOGETHER = 3  # of them under one heading at least


class NoSuchPlace(Exception):
    """There is no such book, group or tag of this person."""


@dataclass(frozen=True, slots=True)
class View:
    """What of the contacts is shown; the address of a page says all of it."""

    place: str = "all"  # one of ``PLACES``, or "book-3", "group-5", "tag-7", "search-9"
    q: str = ""
    page: int = 1
    criteria: Criteria = field(default_factory=Criteria)

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> View:
        page = query.get("page", "1")
        number = int(page) if page.isascii() and page.isdecimal() and len(page) < 7 else 1
        text = " ".join(query.get("q", "").split())[:MOST_QUERY]
        place = query.get("in", "all")[:20] or "all"
        return cls(place, text, min(max(number, 1), MOST_PAGE), Criteria.parse(query))

    def encoded(self, **changes: object) -> str:
        """As the query of an address: "?in=book-3&page=2", "" for the beginning of all contacts."""
        view = replace(self, **changes)  # type: ignore[arg-type]
        given = {"in": view.place, "q": view.q, "page": str(view.page)}
        usual = {"in": "all", "q": "", "page": "1"}
        parts = {key: value for key, value in given.items() if value != usual[key]} | view.criteria.encoded()
        return f"?{urlencode(parts)}" if parts else ""

    @property
    def fields(self) -> list[tuple[str, str]]:
        """For forms that go on from here."""
        return [("in", self.place), ("q", self.q), *self.criteria.encoded().items()]

    @property
    def asks(self) -> bool:
        """Whether it looks for something."""
        return bool(self.q or self.criteria)

    @property
    def query(self) -> str:
        return self.encoded()

    @property
    def kind(self) -> str:
        return self.place.partition("-")[0]

    @property
    def number(self) -> int:
        """Of the book, group or tag; 0 where there is none."""
        number = self.place.partition("-")[2]
        return int(number) if number.isascii() and number.isdecimal() else 0


@dataclass(frozen=True, slots=True)
class Section:
    """Contacts whose names begin with the same letter."""

    letter: str
    contacts: list[Contact]


@dataclass(frozen=True, slots=True)
class Page:
    view: View
    contacts: list[Contact]
    total: int
    size: int
    column: str  # that it is sorted by; "" where the order is another one
    by: Rules

    @property
    def first(self) -> int:
        return (self.view.page - 1) * self.size + 1 if self.contacts else 0

    @property
    def last(self) -> int:
        return (self.view.page - 1) * self.size + len(self.contacts)

    @property
    def newer(self) -> str | None:
        return self.view.encoded(page=self.view.page - 1) or "?" if self.view.page > 1 else None

    @property
    def older(self) -> str | None:
        return self.view.encoded(page=self.view.page + 1) if self.last < self.total else None

    def sections(self) -> Iterator[Section]:
        """By letters; where the list is short, several letters share a heading."""
        if self.total > SHORT or not self.column:
            yield from self._by_letter()
            return
        first, waiting = "", Section("", [])
        for section in self._by_letter():
            first = first or section.letter
            name = first if first == section.letter else f"{first} – {section.letter}"
            waiting = Section(name, [*waiting.contacts, *section.contacts])
            if len(waiting.contacts) >= TOGETHER:
                yield waiting
                first, waiting = "", Section("", [])
        if waiting.contacts:
            yield waiting

    def _by_letter(self) -> Iterator[Section]:
        section: Section | None = None
        for contact in self.contacts:
            letter = self.by.letter_of(getattr(contact, self.column)) if self.column else ""
            if section is None or section.letter != letter:
                if section is not None:
                    yield section
                section = Section(letter, [])
            section.contacts.append(contact)
        if section is not None:
            yield section


def chosen(user_id: int, view: View) -> ContactQuerySet:
    """All contacts of the view, in no order. Raises ``NoSuchPlace``."""
    return _chosen(Viewer(user_id), view)


def _chosen(viewer: Viewer, view: View) -> ContactQuerySet:
    mine = access.contacts(viewer.user_id, viewer)
    found = _in_place(viewer, mine, view)
    if view.criteria:
        found = searches.matching(viewer, found, view.criteria)
    return found.matching(view.q) if view.q else found


def _in_place(viewer: Viewer, mine: ContactQuerySet, view: View) -> ContactQuerySet:
    user_id = viewer.user_id
    kind, _dash, number = view.place.partition("-")
    if view.place == "all":
        return mine.kept()
    if view.place == "trash":
        return mine.thrown_away()
    if view.place == "favourites":
        return mine.kept().filter(favoured__user_id=user_id)
    if view.place == "recent":
        ids = correspondents.contacts_of(user_id, correspondents.lately(user_id))
        return mine.kept().filter(pk__in=ids)
    return _numbered(viewer, mine, kind, number)


def _numbered(viewer: Viewer, mine: ContactQuerySet, kind: str, number: str) -> ContactQuerySet:
    """Of a book, a group, a tag or a saved search."""
    user_id = viewer.user_id
    if not (number.isascii() and number.isdecimal() and len(number) < 16):
        raise NoSuchPlace
    if kind == "book" and access.books(user_id).filter(pk=int(number)).exists():
        return mine.kept().filter(book_id=int(number))
    if kind == "group" and (group := _group(user_id, int(number))):
        return mine.kept().filter(pk__in=groups.contact_ids(group.owner_id, group.pk))
    if kind == "tag" and (tag := Tag.objects.filter(owner_id=user_id, pk=int(number)).first()):
        tagged = Q(pk__in=Key.objects.filter(owner_id=user_id, kind=Key.Kind.TAG, key=tag.key).values("contact_id"))
        return mine.kept().filter(tagged | Q(pk__in=finding.with_key(viewer, Key.Kind.TAG, [tag.key])))
    saved = SavedSearch.objects.filter(owner_id=user_id, pk=int(number)).first() if kind == "search" else None
    if saved is not None and (kept := saved_view(saved)).kind != "search":
        return _chosen(viewer, kept)
    raise NoSuchPlace


def saved_view(saved: SavedSearch) -> View:
    return View.parse(dict(parse_qsl(saved.query)))


def _group(user_id: int, pk: int) -> Group | None:
    return next((group for group in access.groups(user_id) if group.pk == pk), None)


def page(user_id: int, view: View, *, size: int, order: str, by: Rules = rules("")) -> Page:  # noqa: B008 - never changed
    """``order``: "given" or "family"; ``by``: whose rules name the letters. A page after the last one is the last one.

    Raises ``NoSuchPlace``."""
    viewer = Viewer(user_id)
    found = _chosen(viewer, view)
    column = "by_family" if order == "family" else "by_given"
    if view.asks or view.kind == "search":
        return _found_page(viewer, found, view, size, column, by)
    total = found.count()
    view = replace(view, page=min(view.page, max(1, -(-total // size))))
    start = (view.page - 1) * size
    if view.place == "recent":
        ids = correspondents.contacts_of(user_id, correspondents.lately(user_id))
        place = {pk: at for at, pk in enumerate(ids)}
        rows = sorted(found, key=lambda contact: place[contact.pk])[start : start + size]
        return Page(view, rows, total, size, "", by)
    sorted_ones = _sorted(viewer, found, column)
    if start <= DEEP:
        return Page(view, list(sorted_ones[start : start + size]), total, size, column, by)
    # What is passed over is read from the index alone: whole rows take MariaDB ten times as long.
    rows = _of_ids(viewer, list(sorted_ones.values_list("pk", flat=True)[start : start + size]))
    return Page(view, rows, total, size, column, by)


def _found_page(viewer: Viewer, found: ContactQuerySet, view: View, size: int, column: str, by: Rules) -> Page:
    """A search reads through all texts: once, so what is counted and what is shown come of one query."""
    ids = list(_sorted(viewer, found, column).values_list("pk", flat=True))
    view = replace(view, page=min(view.page, max(1, -(-len(ids) // size))))
    start = (view.page - 1) * size
    return Page(view, _of_ids(viewer, ids[start : start + size]), len(ids), size, column, by)


def _of_ids(viewer: Viewer, ids: list[int]) -> list[Contact]:
    people = access.contacts(viewer.user_id, viewer).in_bulk(ids)
    return [people[pk] for pk in ids if pk in people]


def _sorted(viewer: Viewer, found: ContactQuerySet, column: str) -> ContactQuerySet:
    """By ``place``. Others' contacts that are called by an address or a number stand behind all names: their place
    would tell what may be hidden."""
    if viewer.shares:
        unnamed = viewer.others & ~viewer.plain & finding.unnamed()
        if Contact.objects.filter(unnamed).exists():
            place = Case(When(unnamed, then=Value("~")), default=F(column))
            return found.annotate(place=place).order_by("place", "pk")
    return found.annotate(place=F(column)).order_by(column, "pk")


def page_of_letter(user_id: int, view: View, letter: str, *, size: int, order: str) -> str:
    """The address of the page where this letter (``collating.Letter.key``) begins. Raises ``NoSuchPlace``."""
    column = "by_family" if order == "family" else "by_given"
    viewer = Viewer(user_id)
    before = _sorted(viewer, _chosen(viewer, view), column).filter(Q(place__lt=letter)).count()
    return view.encoded(page=before // size + 1)


def similar_names(user_id: int, name: str, *, most: int = 20) -> list[Contact]:
    """Contacts whose name has the same words."""
    own = Key.objects.filter(owner_id=user_id, kind=Key.Kind.NAME, key=folding.name_key(name))
    return list(access.contacts(user_id).kept().filter(pk__in=own.values("contact_id")).order_by("pk")[:most])
