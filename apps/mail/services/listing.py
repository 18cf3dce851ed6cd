"""A page of a message list, ready to be drawn: groups by date, the words of each row, where the next page starts."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Protocol

from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.translation import get_language, ngettext, pgettext
from django.utils.translation import gettext as _

from apps.mail.mailbox.cache import LruCache
from apps.mail.mailbox.errors import CannotSort
from apps.mail.mailbox.store import NEWEST_FIRST, MailStore, Page, Sort, Summary
from apps.mail.services import times
from apps.mail.services.labels import Label
from apps.mail.services.refs import MessageRef
from apps.mail.services.view import MOST_ROWS, View
from portal.contracts import Address, Text
from portal.templatetags.portal import hue_of, initials_of

if TYPE_CHECKING:
    from apps.mail.services.standing import Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the list. ``label`` is what a screen reader says of it."""

    summary: Summary
    people: tuple[Address, ...]  # senders; in Sent and Drafts, recipients
    who: str
    subject: str
    snippet: str
    when: str  # its time; in a list by size, its size
    time: str  # its time as machines read it; "" in a list by size
    moment: datetime  # by which lists in the order of time are divided
    label: str
    pick: str  # the name of its checkbox
    url: str
    uidvalidity: int
    ref: MessageRef | None = None  # in a list over several folders
    folder: Text = ""  # where it lies; in such a list only
    labels: tuple[Label, ...] = ()
    marks: tuple[str, ...] = ()  # the keywords of pinned and muted
    #: Its markup by where it stands, with the template that has drawn it.
    drawn: dict[Hashable, tuple[object, str]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def uid(self) -> int:
        return self.summary.uid

    @property
    def key(self) -> str:
        return key_of(self.uid, self.ref)

    @property
    def value(self) -> str:
        """What names it in a form."""
        return str(self.uid if self.ref is None else self.ref)

    @property
    def address(self) -> Address | None:
        return self.people[0] if self.people else None

    @property
    def hue(self) -> int:
        return hue_of(self.address or "?")

    @property
    def initials(self) -> str:
        return initials_of(self.address or "?")


def key_of(uid: int, ref: MessageRef | None) -> str:
    """Of a row: unique in its list."""
    if ref is None:
        return str(uid)
    return f"{uid}-{hashlib.blake2b(ref.mailbox.encode(), digest_size=6).hexdigest()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    label: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """How far a search has come."""

    count: int  # rows so far, those of earlier pages and stretches too
    complete: bool = True
    waits: bool = False  # there is room for more rows on this page: the next stretch is fetched at once
    more: View | None = None  # where it goes on
    hints: Mapping[str, str] = field(default_factory=dict)  # for the next stretch of this page
    searched: int = 0
    total: int = 0  # messages in the folder; 0 in a search over several
    back_to: date | None = None  # of a search over several folders: what arrived since then was searched
    problems: tuple[str, ...] = ()
    left_out: tuple[Text, ...] = ()  # folders that could not be searched
    spared: tuple[Text, ...] = ()  # folders that are searched only when asked for: junk, trash

    @property
    def next_page(self) -> str:
        """The query string of the page that goes on from here."""
        return (
            self.more.encoded(**{k: v for k, v in self.hints.items() if k in ("searched", "window")})
            if self.more
            else ""
        )

    @property
    def next_rows(self) -> str:
        """The query string of the rows that follow on this page."""
        return self.more.encoded(part="rows", **self.hints) if self.more else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    page: Page
    view: View
    groups: tuple[Group, ...]
    newer: View | None
    older: View | None
    found: Found | None = None  # of a search for words
    outgoing: bool = False
    unsorted: bool = False  # the order that was wanted cannot be had
    standing: Standing | None = None  # what stands above the list, or is away from it

    @property
    def uidvalidity(self) -> int:
        return self.page.status.uidvalidity

    @property
    def above(self) -> int:
        """How many stand above the first page, and are not listed in their places."""
        return len(self.standing.top) if self.standing else 0

    @property
    def total(self) -> int:
        return self.page.total + self.above

    @property
    def first(self) -> int:
        return self.last + 1 - (self.view.rows or len(self.page.rows)) - (0 if self.newer else self.above)

    @property
    def more(self) -> str:
        """The query of what goes on below the last row; "" where this is enough for one list."""
        if not self.older or self.view.rows >= MOST_ROWS:
            return ""
        shown = replace(self.view, rows=self.view.rows or len(self.page.rows))
        return shown.encoded(below=self.page.rows[-1].uid, v=self.uidvalidity)

    @property
    def last(self) -> int:
        return self.page.offset + len(self.page.rows) + self.above


class Look(Protocol):
    """What the views add to a row."""

    labels: Mapping[str, Label]  # shown ones, by keyword
    outgoing: bool  # the list names those written to, not the writer
    snippets: bool
    folder: Text  # in a list over several folders: the name of this one

    def url(self, uid: int, uidvalidity: int, view: View) -> str: ...

    def ref(self, uid: int, uidvalidity: int) -> MessageRef | None: ...


def load(
    store: MailStore, mailbox: str, view: View, *, size: int, look: Look, without: frozenset[int] = frozenset()
) -> Listing:
    """Read one page of ``size`` rows, or the more that were loaded already; of the UIDs ``without`` none is listed.

    Raises ``UidValidityChanged`` where it is found by a message of another UIDVALIDITY.
    """
    limit = max(size, view.rows)
    try:
        page = _page(store, mailbox, view, limit=limit, without=without)
        unsorted = False
    except CannotSort:
        view = replace(view, sort=str(NEWEST_FIRST), start=0, after=0, before=0)
        page = _page(store, mailbox, view, limit=limit, without=without)
        unsorted = True
    shown = len(page.rows) if len(page.rows) > size else 0
    here = replace(view, start=page.offset, v=page.status.uidvalidity, rows=shown)
    rows = rows_of(page.rows, uidvalidity=page.status.uidvalidity, view=here, look=look)
    return Listing(
        page=page,
        view=here,
        groups=grouped(rows) if view.order.by_time else (Group(label="", rows=tuple(rows)),) if rows else (),
        newer=_newer(page, here, size),
        older=_older(page, here),
        unsorted=unsorted,
        outgoing=look.outgoing,
    )


def _page(store: MailStore, mailbox: str, view: View, *, limit: int, without: frozenset[int]) -> Page:
    beside = {"after": view.after or None, "before": view.before or None}
    validity = view.v if view.after or view.before else None
    if view.is_search or without:
        return store.search(
            mailbox,
            replace(view.query, without=without),
            offset=view.start,
            limit=limit,
            uidvalidity=validity,
            sort=view.order,
            **beside,
        )
    return store.page(mailbox, offset=view.start, limit=limit, uidvalidity=validity, sort=view.order, **beside)


def _older(page: Page, view: View) -> View | None:
    end = page.offset + len(page.rows)
    if not page.rows or end >= page.total:
        return None
    return replace(view, start=end, after=page.rows[-1].uid, before=0, rows=0)


def _newer(page: Page, view: View, limit: int) -> View | None:
    if page.offset == 0:
        return None
    start = max(0, page.offset - limit)
    return replace(view, start=start, after=0, before=page.rows[0].uid if start and page.rows else 0, rows=0)


def load_more(
    store: MailStore,
    mailbox: str,
    view: View,
    *,
    below: int,
    size: int,
    look: Look,
    without: frozenset[int] = frozenset(),
) -> Listing:
    """The rows that follow ``below`` in a list that shows ``view`` and goes on. The listing's view is of all of it."""
    shown = max(view.rows, size)
    part = replace(view, start=view.start + shown, after=below, before=0, rows=0)
    more = load(store, mailbox, part, size=size, look=look, without=without)
    whole = replace(view, before=0, rows=min(shown + len(more.page.rows), MOST_ROWS), sort=more.view.sort)
    rows = rows_of(more.page.rows, uidvalidity=more.uidvalidity, view=whole, look=look)
    return replace(
        more,
        view=whole,
        groups=grouped(rows) if view.order.by_time else (Group(label="", rows=tuple(rows)),),
        newer=replace(whole, start=max(0, view.start - size), after=0, rows=0) if view.start else None,
    )


def rows_of(summaries: Sequence[Summary], *, uidvalidity: int, view: View, look: Look) -> list[Row]:
    """A row of which nothing has changed since it was made is the same object again, for whoever it is."""
    now, language, order = timezone.localtime(), get_language(), view.order
    words = _words(language)
    told = (
        *(language, now.tzinfo, now.date(), order.by, look.outgoing, look.snippets, str(look.folder)),
        *look.labels.values(),
    )
    rows = []
    for summary in summaries:
        url = look.url(summary.uid, uidvalidity, view)
        row = _known.get(key := (url, told))
        if row is None or row.summary != summary:
            row = _row(summary, now, words, look, uidvalidity, url=url, order=order)
            _known.put(key, row)
        rows.append(row)
    return rows


#: Rows by where they lead, and by all that stands in their words and is the same for a whole list.
_known: LruCache[Hashable, Row] = LruCache(8 * 2**20, lambda row: 4_000 + 12 * len(row.label))  # once it is drawn


@lru_cache(maxsize=200)
def _words(language: str | None) -> _Words:
    return _Words()


class _Words:
    """What rows say beside their own words, in the present language."""

    def __init__(self) -> None:
        self.language = get_language()
        self.no_subject = _("(no subject)")
        self.no_sender = _("(no sender)")
        self.no_recipient = _("(no recipient)")
        # Translators: before the recipients of a message in the list of sent messages.
        self.to = _("To: %(people)s")
        self.pick = _("Select: %(subject)s")
        self._unread = pgettext("message", "unread")
        self._flagged = pgettext("message", "flagged")
        self._answered = pgettext("message", "answered")
        self._forwarded = pgettext("message", "forwarded")
        self._attachment = pgettext("message", "with attachment")
        self._marks = {"$pinned": pgettext("message", "pinned"), "$muted": pgettext("message", "muted")}

    def marks(self, summary: Summary) -> dict[str, str]:
        """Its keywords that have an icon, with what they are called."""
        return {keyword: words for keyword, words in self._marks.items() if summary.has(keyword)}

    def states(self, summary: Summary) -> Iterable[str]:
        if not summary.seen:
            yield self._unread
        if summary.flagged:
            yield self._flagged
        if summary.answered:
            yield self._answered
        if summary.forwarded:
            yield self._forwarded
        if summary.has_attachment:
            yield self._attachment


def _row(summary: Summary, now: datetime, words: _Words, look: Look, uidvalidity: int, *, url: str, order: Sort) -> Row:
    envelope = summary.envelope
    people = (*envelope.to, *envelope.cc, *envelope.bcc) if look.outgoing else envelope.from_ or envelope.sender
    subject = envelope.subject.strip() or words.no_subject
    who = names(people) or (words.no_recipient if look.outgoing else words.no_sender)
    if look.outgoing and people:
        who = words.to % {"people": who}
    moment = (envelope.date if order.by == "date" else None) or summary.received
    when = filesizeformat(summary.size) if order.by == "size" else times.short_time(moment, now, words.language)
    marks = words.marks(summary)
    labels = tuple(label for keyword, label in look.labels.items() if keyword in summary.keywords)
    said = [label.name for label in labels]
    return Row(
        summary=summary,
        people=people,
        who=who,
        subject=subject,
        snippet=summary.snippet if look.snippets else "",
        when=when,
        time="" if order.by == "size" else moment.astimezone(now.tzinfo).isoformat(),
        moment=moment,
        label=", ".join([*words.states(summary), *marks.values(), who, subject, *said, when, *_folder(look)]),
        pick=words.pick % {"subject": subject},
        url=url,
        uidvalidity=uidvalidity,
        ref=look.ref(summary.uid, uidvalidity),
        folder=look.folder,
        labels=labels,
        marks=tuple(marks),
    )


def _folder(look: Look) -> list[str]:
    return [str(look.folder)] if look.folder else []


def names(people: Sequence[Address], most: int = 3) -> str:
    """The first few names; how many more there are."""
    shown = ", ".join(person.label for person in people[:most])
    more = len(people) - most
    if more <= 0:
        return shown
    # Translators: a list of names is cut: "Ann, Bob, Carol and 4 more"
    return ngettext("%(names)s and %(count)d more", "%(names)s and %(count)d more", more) % {
        "names": shown,
        "count": more,
    }


def grouped(rows: Sequence[Row]) -> tuple[Group, ...]:
    """Neighbours under one date heading. A heading may come again where the list is not in order of date."""
    now, language = timezone.localtime(), get_language()

    def heading(row: Row) -> str:
        return times.heading(times.day(row.moment, now), now.date(), language)

    return tuple(Group(label=label, rows=tuple(members)) for label, members in groupby(rows, key=heading))
