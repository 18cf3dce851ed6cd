"""A page of a message list, ready to be drawn: groups by date, the words of each row, where the next page starts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Protocol
from urllib.parse import urlencode

from django.http import QueryDict
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext, pgettext_lazy

from apps.mail.mailbox.query import ANYWHERE, Meaning, Term, meaning, parse, write
from apps.mail.mailbox.store import MailStore, Page, Query, Summary
from apps.mail.services.refs import MessageRef
from portal.contracts import Address, Text

FILTER_LABELS: dict[str, Text] = {
    "all": pgettext_lazy("messages", "All"),
    "unread": pgettext_lazy("messages", "Unread"),
    "flagged": pgettext_lazy("messages", "Flagged"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What part of a mailbox is looked at. It travels in the address of the list and of the messages opened from it.

    A page is found again by a message, so that mail which arrives meanwhile neither repeats nor hides a row: it begins
    below the UID ``after``, or ends above the UID ``before``, both of UIDVALIDITY ``v``. ``start``, the offset as it
    was, serves where that message is gone.
    """

    q: str = ""
    where: str = ""  # of a search: "" for the present folder, "all"
    show: str = "all"
    start: int = 0
    after: int = 0
    before: int = 0
    v: int = 0
    at: str = ""  # of a search over several folders: see ``searching.Cursor``

    @classmethod
    def parse(cls, data: Mapping[str, str]) -> View:
        """From a query string or a form; what makes no sense there is ignored. A search may come in several pieces: its
        chips and what was typed beside them."""
        show, v = data.get("show", "all"), number(data.get("v", ""))
        pieces = data.getlist("q") if isinstance(data, QueryDict) else [data.get("q", "")]
        return cls(
            q=" ".join(piece.strip() for piece in pieces if piece.strip())[:500],
            where="all" if data.get("where") == "all" else "",
            show=show if show in FILTER_LABELS else "all",
            start=number(data.get("start", "")),
            after=number(data.get("after", "")) if v else 0,
            before=number(data.get("before", "")) if v else 0,
            v=v,
            at=data.get("at", "")[:1200],
        )

    @property
    def is_search(self) -> bool:
        return bool(self.q) or self.show != "all"

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
        return bool(self.q) and (self.where == "all" or self.named)

    @property
    def meaning(self) -> Meaning:
        """What the search and the filter ask for; days are the reader's."""
        found = meaning(self.terms, today=timezone.localdate(), zone=timezone.get_current_timezone())
        shown = replace(found.query, unseen=self.show == "unread", flagged=self.show == "flagged")
        return replace(found, query=shown)

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
        }
        return {key: str(value) for key, value in values.items() if value not in ("", 0)}

    def encoded(self, **more: object) -> str:
        """The query string, "" or with its question mark."""
        text = urlencode(self.params() | {key: str(value) for key, value in more.items()})
        return f"?{text}" if text else ""


@dataclass(frozen=True, slots=True)
class Chip:
    """An operator as it is drawn in the search box. ``wrong``: its value says nothing."""

    term: Term
    without: View
    wrong: bool


def number(value: str) -> int:
    return int(value) if value.isascii() and value.isdigit() and len(value) < 11 else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the list. ``label`` is what a screen reader says of it."""

    summary: Summary
    people: tuple[Address, ...]  # senders; in Sent and Drafts, recipients
    who: str
    subject: str
    snippet: str
    when: str
    label: str
    pick: str  # the name of its checkbox
    url: str
    acts: SafeString  # the buttons that appear on the row
    ref: MessageRef | None = None  # in a list over several folders
    folder: Text = ""  # where it lies; in such a list only

    @property
    def uid(self) -> int:
        return self.summary.uid

    @property
    def key(self) -> str:
        """Unique in the list."""
        if self.ref is None:
            return str(self.uid)
        return f"{self.uid}-{hashlib.blake2b(self.ref.mailbox.encode(), digest_size=6).hexdigest()}"

    @property
    def address(self) -> Address | None:
        return self.people[0] if self.people else None


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

    @property
    def uidvalidity(self) -> int:
        return self.page.status.uidvalidity

    @property
    def first(self) -> int:
        return self.page.offset + 1

    @property
    def last(self) -> int:
        return self.page.offset + len(self.page.rows)


class Look(Protocol):
    """What the views add to a row."""

    outgoing: bool  # the list names those written to, not the writer
    snippets: bool
    folder: Text  # in a list over several folders: the name of this one

    def url(self, uid: int, uidvalidity: int, view: View) -> str: ...

    def acts(self, summary: Summary, uidvalidity: int) -> SafeString: ...

    def ref(self, uid: int, uidvalidity: int) -> MessageRef | None: ...


def load(store: MailStore, mailbox: str, view: View, *, limit: int, look: Look) -> Listing:
    """Read one page. Raises ``UidValidityChanged`` where it is found by a message of another UIDVALIDITY."""
    beside = {"after": view.after or None, "before": view.before or None}
    validity = view.v if view.after or view.before else None
    if view.is_search:
        page = store.search(mailbox, view.query, offset=view.start, limit=limit, uidvalidity=validity, **beside)
    else:
        page = store.page(mailbox, offset=view.start, limit=limit, uidvalidity=validity, **beside)
    here = replace(view, start=page.offset, v=page.status.uidvalidity)
    rows = rows_of(page.rows, uidvalidity=page.status.uidvalidity, view=here, look=look)
    return Listing(
        page=page, view=here, groups=grouped(rows), newer=_newer(page, here, limit), older=_older(page, here)
    )


def _older(page: Page, view: View) -> View | None:
    end = page.offset + len(page.rows)
    if not page.rows or end >= page.total:
        return None
    return replace(view, start=end, after=page.rows[-1].uid, before=0)


def _newer(page: Page, view: View, limit: int) -> View | None:
    if page.offset == 0:
        return None
    start = max(0, page.offset - limit)
    return replace(view, start=start, after=0, before=page.rows[0].uid if start and page.rows else 0)


def rows_of(summaries: Sequence[Summary], *, uidvalidity: int, view: View, look: Look) -> list[Row]:
    now = timezone.localtime()
    return [
        _row(summary, now, look, uidvalidity, url=look.url(summary.uid, uidvalidity, view)) for summary in summaries
    ]


def _row(summary: Summary, now: datetime, look: Look, uidvalidity: int, *, url: str) -> Row:
    envelope = summary.envelope
    people = (*envelope.to, *envelope.cc, *envelope.bcc) if look.outgoing else envelope.from_ or envelope.sender
    subject = envelope.subject.strip() or _("(no subject)")
    who = names(people) or (_("(no recipient)") if look.outgoing else _("(no sender)"))
    if look.outgoing and people:
        # Translators: before the recipients of a message in the list of sent messages.
        who = _("To: %(people)s") % {"people": who}
    when = short_time(summary.received, now)
    return Row(
        summary=summary,
        people=people,
        who=who,
        subject=subject,
        snippet=summary.snippet if look.snippets else "",
        when=when,
        label=", ".join([*_states(summary), who, subject, when, *([str(look.folder)] if look.folder else [])]),
        pick=_("Select: %(subject)s") % {"subject": subject},
        url=url,
        acts=look.acts(summary, uidvalidity),
        ref=look.ref(summary.uid, uidvalidity),
        folder=look.folder,
    )


def _states(summary: Summary) -> Iterable[str]:
    if not summary.seen:
        yield pgettext("message", "unread")
    if summary.flagged:
        yield pgettext("message", "flagged")
    if summary.answered:
        yield pgettext("message", "answered")
    if summary.forwarded:
        yield pgettext("message", "forwarded")
    if summary.has_attachment:
        yield pgettext("message", "with attachment")


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
    today = timezone.localdate()
    return tuple(
        Group(label=label, rows=tuple(members))
        for label, members in groupby(rows, key=lambda row: heading(timezone.localdate(row.summary.received), today))
    )


def heading(day: date, today: date) -> str:
    if day == today:
        return _("Today")
    if day == today - timedelta(days=1):
        return _("Yesterday")
    monday = today - timedelta(days=today.weekday())
    if monday <= day < today:
        return _("Earlier this week")
    if monday - timedelta(days=7) <= day < monday:
        return _("Last week")
    return date_format(day, "YEAR_MONTH_FORMAT")


def short_time(moment: datetime, now: datetime) -> str:
    """The clock today, the weekday for the week before, then the day, then the date."""
    local = timezone.localtime(moment)
    age = (now.date() - local.date()).days
    if age == 0:
        # Translators: a time of day in the list of messages, see Django's date filter for the letters.
        return date_format(local, pgettext("time of day", "H:i"))
    if 0 < age < 7:
        # Translators: the weekday in the list of messages, see Django's date filter: "D" is short, "l" the whole name.
        return date_format(local, pgettext("weekday", "D"))
    if local.year == now.year:
        # Translators: a day of this year in the list of messages, see Django's date filter for the letters.
        return date_format(local, pgettext("day of this year", "j M"))
    return date_format(local, "SHORT_DATE_FORMAT")


def near_time(moment: datetime, now: datetime) -> str:
    """For what is less than twelve hours old, the clock and how long ago that was; else day, date and clock."""
    local = timezone.localtime(moment)
    minutes = int((now - local).total_seconds() // 60)
    if not 0 <= minutes < 12 * 60:
        return full_time(moment)
    clock = date_format(local, pgettext("time of day", "H:i"))
    days = (now.date() - local.date()).days
    # Translators: when a message came, in its head: "Today 14:09", or "Yesterday 23:40" in the small hours.
    when = (_("Today %(time)s") if days == 0 else _("Yesterday %(time)s")) % {"time": clock}
    return _("%(when)s (%(ago)s)") % {"when": when, "ago": _ago(minutes)}


def _ago(minutes: int) -> str:
    if minutes == 0:
        return _("just now")
    if minutes < 60:
        return ngettext("%(count)d min ago", "%(count)d min ago", minutes) % {"count": minutes}
    hours = minutes // 60
    return ngettext("%(count)d h ago", "%(count)d h ago", hours) % {"count": hours}


def full_time(moment: datetime) -> str:
    """Day, date and clock, as in the head of an open message."""
    local = timezone.localtime(moment)
    # Translators: date and time of a message, see Django's date filter for the letters.
    return date_format(local, pgettext("full date and time", "D j M Y, H:i"))
