"""A page of a message list, ready to be drawn: groups by date, the words of each row, where the next page starts."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import groupby
from typing import TYPE_CHECKING

from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.translation import get_language

from apps.mail.mailbox.cache import LruCache
from apps.mail.mailbox.errors import CannotSort, CannotThread
from apps.mail.mailbox.store import (
    FLAT,
    NEWEST_FIRST,
    THREADS,
    Conversation,
    MailStore,
    Page,
    Sort,
    Summary,
)
from apps.mail.services import said, times
from apps.mail.services.listed import Look as Look
from apps.mail.services.listed import Row as Row
from apps.mail.services.listed import key_of as key_of
from apps.mail.services.row_words import RowWords, everyone_of, names, people_of, words_in
from apps.mail.services.view import MOST_ROWS, View
from portal.contracts import Text

if TYPE_CHECKING:
    from apps.mail.services.standing import Standing


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
    silent: tuple[int, ...] = ()  # accounts that did not answer
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
    mode: str = FLAT  # what is put together
    scattered: bool = False  # that was wanted, and cannot be had
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
        """Rows of all of the list."""
        return self.page.total + self.above

    @property
    def messages(self) -> int:
        """In all of the list."""
        return (self.page.messages or self.page.total) + self.above

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


def load(
    store: MailStore,
    mailbox: str,
    view: View,
    *,
    size: int,
    look: Look,
    mode: str = FLAT,
    without: frozenset[int] = frozenset(),
) -> Listing:
    """Read one page of ``size`` rows, or the more that were loaded already; of the UIDs ``without`` none is listed.
    What cannot be put together, or sorted, is shown without that.

    Raises ``UidValidityChanged`` where it is found by a message of another UIDVALIDITY.
    """
    limit = max(size, view.rows)
    unsorted = scattered = False
    while True:
        try:
            page = _page(store, mailbox, view, limit=limit, mode=mode, without=without)
            break
        except CannotSort:
            view, unsorted = replace(view, sort=str(NEWEST_FIRST), start=0, after=0, before=0), True
        except CannotThread:
            view, mode, scattered = replace(view, start=0, after=0, before=0), FLAT, True
    shown = len(page.rows) if len(page.rows) > size else 0
    here = replace(view, start=page.offset, v=page.status.uidvalidity, rows=shown)
    return Listing(
        page=page,
        view=here,
        groups=_groups(page, here, mode, look),
        newer=_newer(page, here, size),
        older=_older(page, here),
        unsorted=unsorted,
        outgoing=look.outgoing,
        mode=mode,
        scattered=scattered,
    )


def _groups(page: Page, view: View, mode: str, look: Look) -> tuple[Group, ...]:
    """A tree has its own order within: there dates would stand above rows of other days."""
    together = page.conversations or None
    rows = rows_of(page.rows, uidvalidity=page.status.uidvalidity, view=view, look=look, conversations=together)
    if view.order.by_time and mode != THREADS and not look.shape:  # columns tell dates themselves
        return grouped(rows)
    return (Group(label="", rows=tuple(rows)),) if rows else ()


def _page(store: MailStore, mailbox: str, view: View, *, limit: int, mode: str, without: frozenset[int]) -> Page:
    beside = {"after": view.after or None, "before": view.before or None}
    validity = view.v if view.after or view.before else None
    query = replace(view.query, without=without) if view.is_search or without else None
    if mode != FLAT:
        return store.gathered(
            mailbox,
            query,
            mode=mode,
            offset=view.start,
            limit=limit,
            uidvalidity=validity,
            sort=view.order,
            **beside,
        )
    if query is not None:
        return store.search(
            mailbox,
            query,
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
    mode: str = FLAT,
    without: frozenset[int] = frozenset(),
) -> Listing:
    """The rows that follow ``below`` in a list that shows ``view`` and goes on. The listing's view is of all of it."""
    shown = max(view.rows, size)
    part = replace(view, start=view.start + shown, after=below, before=0, rows=0)
    more = load(store, mailbox, part, size=size, look=look, mode=mode, without=without)
    whole = replace(view, before=0, rows=min(shown + len(more.page.rows), MOST_ROWS), sort=more.view.sort)
    return replace(
        more,
        view=whole,
        groups=_groups(more.page, whole, more.mode, look),
        newer=replace(whole, start=max(0, view.start - size), after=0, rows=0) if view.start else None,
    )


def rows_of(
    summaries: Sequence[Summary],
    *,
    uidvalidity: int,
    view: View,
    look: Look,
    conversations: Sequence[Conversation] | None = None,
) -> list[Row]:
    """A row of which nothing has changed since it was made is the same object again, for whoever it is.
    ``conversations``: what each stands for, in lists where messages are put together."""
    now, language, order = timezone.localtime(), get_language(), view.order
    words = words_in(language)
    told = (
        *(language, now.tzinfo, now.date(), order.by, look.outgoing, look.snippets, str(look.folder), look.folder_hue),
        look.shape,
        *look.labels.values(),
    )
    rows = []
    stand_for: Sequence[Conversation | None] = conversations or [None] * len(summaries)
    for summary, conversation in zip(summaries, stand_for, strict=True):
        url = look.url(summary.uid, uidvalidity, view, together=leads_on(summary, conversation, view))
        row = _known.get(key := (url, told))
        if row is None or row.summary != summary or row.conversation != conversation:
            row = _row(summary, now, words, look, uidvalidity, url=url, order=order, conversation=conversation)
            _known.put(key, row)
        rows.append(row)
    return rows


def leads_on(summary: Summary, conversation: Conversation | None, view: View) -> bool:
    """Whether a row opens as a conversation: where it stands for several messages, or where there may be others in
    other folders, because it answers one or is answered."""
    if conversation is None or view.mode == THREADS:
        return False
    return len(conversation.uids) > 1 or summary.answered or bool(summary.envelope.in_reply_to)


#: Rows by where they lead, and by all that stands in their words and is the same for a whole list.
_known: LruCache[Hashable, Row] = LruCache(8 * 2**20, lambda row: 4_000 + 12 * len(row.label))  # once it is drawn


def _row(
    summary: Summary,
    now: datetime,
    words: RowWords,
    look: Look,
    uidvalidity: int,
    *,
    url: str,
    order: Sort,
    conversation: Conversation | None = None,
) -> Row:
    envelope, several = summary.envelope, conversation is not None and len(conversation.uids) > 1
    outgoing = look.outgoing
    people = people_of(summary, outgoing=outgoing)
    if conversation is not None and several:
        people = everyone_of(conversation, outgoing=outgoing)
    subject = envelope.subject.strip() or words.no_subject
    who = names(people) or (words.no_recipient if look.outgoing else words.no_sender)
    if look.outgoing and people:
        who = words.to % {"people": who}
    moment = (envelope.date if order.by == "date" else None) or summary.received
    by_size, columns = order.by == "size", bool(look.shape)  # columns have room for both
    size = filesizeformat(summary.size) if by_size or columns else ""
    when = size if by_size and not columns else times.short_time(moment, now, words.language)
    marks = words.marks(summary)
    labels = tuple(label for keyword, label in look.labels.items() if keyword in summary.keywords)
    return Row(
        summary=summary,
        people=people,
        who=who,
        subject=subject,
        snippet=summary.snippet if look.snippets else "",
        when=when,
        time="" if by_size and not columns else moment.astimezone(now.tzinfo).isoformat(),
        size=size,
        moment=moment,
        label=", ".join(
            [
                *(*words.states(summary, conversation), *marks.values(), who),
                *([said.messages(len(conversation.uids))] if conversation and several else []),
                *(subject, *(label.name for label in labels), when, *([size] if by_size and columns else [])),
                *([str(look.folder)] if look.folder else []),
            ]
        ),
        pick=words.pick % {"subject": subject},
        conversation=conversation,
        url=url,
        uidvalidity=uidvalidity,
        ref=look.ref(summary.uid, uidvalidity),
        folder=look.folder,
        folder_hue=look.folder_hue,
        labels=labels,
        marks=tuple(marks),
        shape=look.shape,
    )


def grouped(rows: Sequence[Row]) -> tuple[Group, ...]:
    """Neighbours under one date heading. A heading may come again where the list is not in order of date."""
    now, language = timezone.localtime(), get_language()

    def heading(row: Row) -> str:
        return times.heading(times.day(row.moment, now), now.date(), language)

    return tuple(Group(label=label, rows=tuple(members)) for label, members in groupby(rows, key=heading))
