"""What part of a mailbox is looked at: a page, a filter, a search, an order. As it travels in addresses and forms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.http import QueryDict
from django.utils import timezone

from apps.mail.mailbox.query import ANYWHERE, Meaning, Term, meaning, parse, write
from apps.mail.mailbox.store import MODES, Query, Sort, Words
from apps.mail.services import labels

#: What a list can be narrowed to, in the order in which addresses name them.
FILTERS = ("unread", "flagged", "attachment", "me", "lists", "contacts")
INBOXES = "inboxes"  # of all accounts, as one list
PLACES = ("all", INBOXES)
SNOOZED = "snoozed"  # a list of its own: what is away from this one
_NOTHING = (("\\Seen", True), ("\\Seen", False))
MOST_ROWS = 1000  # of one list that goes on and on: beyond it there are pages


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What part of a mailbox is looked at. It travels in the address of the list and of the messages opened from it.

    A page is found again by a message, so that mail which arrives meanwhile neither repeats nor hides a row: it begins
    below the UID ``after``, or ends above the UID ``before``, both of UIDVALIDITY ``v``. ``start``, the offset as it
    was, serves where that message is gone.
    """

    q: str = ""
    where: str = ""  # "" for the present folder; one of ``PLACES``: "all" folders of all accounts, or all inboxes
    show: str = "all"  # or some of FILTERS with commas between them, or SNOOZED
    start: int = 0
    after: int = 0
    before: int = 0
    v: int = 0
    at: str = ""  # of a search over several folders: see ``searching.Cursor``
    rows: int = 0  # how many are shown where more than a page was loaded; 0 for a page
    sort: str = ""  # as ``Sort`` is written; "" is what was chosen for this folder; a search for words has none
    mode: str = ""  # one of ``MODES``; "" is what was chosen; what a search for words finds is flat
    mine: tuple[str, ...] = ()  # the reader's addresses, for "me"; no part of the address, like the next
    known: tuple[str, ...] = ()  # people they know, for "contacts"

    @classmethod
    def parse(cls, data: Mapping[str, str]) -> View:
        """From a query string or a form; what makes no sense there is ignored. A search may come in several pieces: its
        chips and what was typed beside them; what it finds comes newest first, as it is found."""
        v = number(data.get("v", ""))
        pieces = data.getlist("q") if isinstance(data, QueryDict) else [data.get("q", "")]
        where = told if (told := data.get("where", "")) in PLACES else ""
        q = " ".join(piece.strip() for piece in pieces if piece.strip())[:500]
        return cls(
            q=q,
            where=where,
            show=shown(data.get("show", "").split(",")),
            start=number(data.get("start", "")),
            after=number(data.get("after", "")) if v else 0,
            before=number(data.get("before", "")) if v else 0,
            v=v,
            at=data.get("at", "")[:1200],
            rows=0
            if q or where == INBOXES or "attachment" in data.get("show", "")
            else min(number(data.get("rows", "")), MOST_ROWS),
            sort=str(Sort.parse(data["sort"])) if data.get("sort") and not q else "",
            mode=mode if (mode := data.get("mode", "")) in MODES and not q else "",
        )

    @property
    def order(self) -> Sort:
        return Sort.parse(self.sort)

    @property
    def is_search(self) -> bool:
        return bool(self.q) or self.show != "all"

    @property
    def filters(self) -> tuple[str, ...]:
        return () if self.show == "all" else tuple(self.show.split(","))

    def toggled(self, name: str) -> View:
        """The first page with one filter more, or without it."""
        filters = {*self.filters} ^ {name}
        return replace(self.newest, show=shown(filters - {SNOOZED}), sort=self.sort)

    @property
    def is_scanned(self) -> bool:
        """Whether a server is asked window by window: no SEARCH tells who carries a file."""
        return bool(self.q) or "attachment" in self.filters or self.where == INBOXES

    @property
    def terms(self) -> tuple[Term, ...]:
        return parse(self.q)

    @property
    def named(self) -> bool:
        """Whether the search names its folders itself."""
        return any(term.key == "in" for term in self.terms)

    @property
    def everywhere(self) -> bool:
        """Whether rows may lie in other folders than the present one."""
        return self.where == INBOXES or (bool(self.q) and (self.where == "all" or self.named))

    @property
    def is_found(self) -> bool:
        """Whether its rows are what a search has found in several folders."""
        return self.everywhere and bool(self.q)

    @property
    def meaning(self) -> Meaning:
        """What the search and the filter ask for; days are the reader's."""
        zone = timezone.get_current_timezone()
        found = meaning(self.terms, today=timezone.localdate(), zone=zone, keyword_of=labels.keyword_of)
        return replace(found, query=self._filtered(found.query)) if self.filters else found

    def _filtered(self, query: Query) -> Query:
        filters, words, flags = self.filters, query.words, query.flags
        if "me" in filters:
            words = (*words, Words("addressed", self.mine[0], others=self.mine[1:])) if self.mine else words
        if "contacts" in filters:
            words = (*words, Words("from", self.known[0], others=self.known[1:])) if self.known else words
        if ("me" in filters and not self.mine) or ("contacts" in filters and not self.known):
            flags = (*flags, *_NOTHING)
        return replace(
            query,
            words=words,
            flags=flags,
            unseen="unread" in filters,
            flagged="flagged" in filters,
            listed="lists" in filters,
            attachment=query.attachment | {True} if "attachment" in filters else query.attachment,
        )

    @property
    def query(self) -> Query:
        return self.meaning.query

    @property
    def chips(self) -> tuple[Chip, ...]:
        """The operators, each with the way to this search without it."""
        terms = self.terms
        wrong = {problem.term for problem in self.meaning.problems}
        return tuple(
            Chip(
                term, View(q=write(t for t in terms if t is not term), where=self.where, show=self.show), term in wrong
            )
            for term in terms
            if term.key
        )

    @property
    def words(self) -> str:
        """What stands in the box beside the chips."""
        return write(term for term in self.terms if not term.key)

    @property
    def newest(self) -> View:
        """The first page of this search."""
        return View(q=self.q, where=self.where, show=self.show)

    @property
    def in_all(self) -> View:
        return View(q=self.q, where="all", show=self.show)

    @property
    def anywhere(self) -> View:
        """This search, junk and trash too."""
        return View(q=f"{self.q} in:{ANYWHERE}", show=self.show)

    def params(self) -> dict[str, str]:
        values = {
            "q": self.q,
            "where": self.where,
            "show": "" if self.show == "all" else self.show,
            "start": self.start,
            "after": self.after,
            "before": self.before,
            "v": self.v if self.after or self.before else 0,
            "at": self.at,
            "rows": self.rows,
            "sort": self.sort,
            "mode": self.mode,
        }
        return {key: str(value) for key, value in values.items() if value not in ("", 0)}

    def encoded(self, **more: object) -> str:
        """The query string, "" or with its question mark."""
        text = urlencode(self.params() | {key: str(value) for key, value in more.items()})
        return f"?{text}" if text else ""


def shown(names: Iterable[str]) -> str:
    """``View.show`` of these filters; what is none is left out."""
    wanted = set(names)
    return SNOOZED if SNOOZED in wanted else ",".join(name for name in FILTERS if name in wanted) or "all"


@dataclass(frozen=True, slots=True)
class Chip:
    """An operator as it is drawn in the search box. ``wrong``: its value says nothing."""

    term: Term
    without: View
    wrong: bool


def number(value: str) -> int:
    return int(value) if value.isascii() and value.isdigit() and len(value) < 11 else 0
