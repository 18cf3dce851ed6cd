"""A page of a message list, ready to be drawn: groups by date, the words of each row, where the next page starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Protocol
from urllib.parse import urlencode

from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext, pgettext_lazy

from apps.mail.mailbox.errors import CannotSort
from apps.mail.mailbox.store import NEWEST_FIRST, MailStore, Page, Query, Sort, Summary
from portal.contracts import Address, Text

FILTER_LABELS: dict[str, Text] = {
    "all": pgettext_lazy("messages", "All"),
    "unread": pgettext_lazy("messages", "Unread"),
    "flagged": pgettext_lazy("messages", "Flagged"),
}


MOST_ROWS = 1000  # of one list that goes on and on: beyond it there are pages


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What part of a mailbox is looked at. It travels in the address of the list and of the messages opened from it.

    A page is found again by a message, so that mail which arrives meanwhile neither repeats nor hides a row: it begins
    below the UID ``after``, or ends above the UID ``before``, both of UIDVALIDITY ``v``. ``start``, the offset as it
    was, serves where that message is gone.
    """

    q: str = ""
    show: str = "all"
    start: int = 0
    after: int = 0
    before: int = 0
    v: int = 0
    rows: int = 0  # how many are shown where more than a page was loaded; 0 for a page
    sort: str = ""  # as ``Sort`` is written; "" is what was chosen for this folder

    @classmethod
    def parse(cls, data: Mapping[str, str]) -> View:
        """From a query string or a form; what makes no sense there is ignored."""
        show, v = data.get("show", "all"), _number(data.get("v", ""))
        return cls(
            q=data.get("q", "").strip()[:500],
            show=show if show in FILTER_LABELS else "all",
            start=_number(data.get("start", "")),
            after=_number(data.get("after", "")) if v else 0,
            before=_number(data.get("before", "")) if v else 0,
            v=v,
            rows=min(_number(data.get("rows", "")), MOST_ROWS),
            sort=str(Sort.parse(data["sort"])) if data.get("sort") else "",
        )

    @property
    def order(self) -> Sort:
        return Sort.parse(self.sort)

    @property
    def is_search(self) -> bool:
        return bool(self.q) or self.show != "all"

    @property
    def query(self) -> Query:
        return Query(text=self.q, unseen=self.show == "unread", flagged=self.show == "flagged")

    def params(self) -> dict[str, str]:
        values = {"q": self.q, "show": self.show, "start": self.start, "after": self.after, "before": self.before}
        values |= {"v": self.v if self.after or self.before else 0, "rows": self.rows, "sort": self.sort}
        return {key: str(value) for key, value in values.items() if value not in ("", "all", 0)}

    def encoded(self, **more: object) -> str:
        """The query string, "" or with its question mark."""
        text = urlencode(self.params() | {key: str(value) for key, value in more.items()})
        return f"?{text}" if text else ""


def _number(value: str) -> int:
    return int(value) if value.isascii() and value.isdigit() and len(value) < 11 else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the list. ``label`` is what a screen reader says of it."""

    summary: Summary
    people: tuple[Address, ...]  # senders; in Sent and Drafts, recipients
    who: str
    subject: str
    snippet: str
    when: str  # its time; in a list by size, its size
    moment: datetime  # by which lists in the order of time are divided
    label: str
    pick: str  # the name of its checkbox
    url: str
    acts: SafeString  # the buttons that appear on the row

    @property
    def uid(self) -> int:
        return self.summary.uid

    @property
    def address(self) -> Address | None:
        return self.people[0] if self.people else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    label: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    page: Page
    view: View
    groups: tuple[Group, ...]
    newer: View | None
    older: View | None
    outgoing: bool = False
    unsorted: bool = False  # the order that was wanted cannot be had

    @property
    def uidvalidity(self) -> int:
        return self.page.status.uidvalidity

    @property
    def first(self) -> int:
        return self.last + 1 - (self.view.rows or len(self.page.rows))

    @property
    def more(self) -> str:
        """The query of what goes on below the last row; "" where this is enough for one list."""
        if not self.older or self.view.rows >= MOST_ROWS:
            return ""
        shown = replace(self.view, rows=self.view.rows or len(self.page.rows))
        return shown.encoded(below=self.page.rows[-1].uid, v=self.uidvalidity)

    @property
    def last(self) -> int:
        return self.page.offset + len(self.page.rows)


class Look(Protocol):
    """What the views add to a row."""

    outgoing: bool  # the list names those written to, not the writer
    snippets: bool

    def url(self, uid: int, uidvalidity: int, view: View) -> str: ...

    def acts(self, summary: Summary) -> SafeString: ...


def load(store: MailStore, mailbox: str, view: View, *, size: int, look: Look) -> Listing:
    """Read one page of ``size`` rows, or the more that were loaded already.

    Raises ``UidValidityChanged`` where it is found by a message of another UIDVALIDITY.
    """
    limit = max(size, view.rows)
    try:
        page = _page(store, mailbox, view, limit=limit)
        unsorted = False
    except CannotSort:
        view = replace(view, sort=str(NEWEST_FIRST), start=0, after=0, before=0)
        page = _page(store, mailbox, view, limit=limit)
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


def _page(store: MailStore, mailbox: str, view: View, *, limit: int) -> Page:
    beside = {"after": view.after or None, "before": view.before or None}
    validity = view.v if view.after or view.before else None
    if view.is_search:
        return store.search(
            mailbox,
            view.query,
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


def load_more(store: MailStore, mailbox: str, view: View, *, below: int, size: int, look: Look) -> Listing:
    """The rows that follow ``below`` in a list that shows ``view`` and goes on. The listing's view is of all of it."""
    shown = max(view.rows, size)
    part = replace(view, start=view.start + shown, after=below, before=0, rows=0)
    more = load(store, mailbox, part, size=size, look=look)
    whole = replace(view, before=0, rows=min(shown + len(more.page.rows), MOST_ROWS), sort=more.view.sort)
    rows = rows_of(more.page.rows, uidvalidity=more.uidvalidity, view=whole, look=look)
    return replace(
        more,
        view=whole,
        groups=grouped(rows) if view.order.by_time else (Group(label="", rows=tuple(rows)),),
        newer=replace(whole, start=max(0, view.start - size), after=0, rows=0) if view.start else None,
    )


def rows_of(summaries: Sequence[Summary], *, uidvalidity: int, view: View, look: Look) -> list[Row]:
    now = timezone.localtime()
    return [
        _row(summary, now, look, url=look.url(summary.uid, uidvalidity, view), order=view.order)
        for summary in summaries
    ]


def _row(summary: Summary, now: datetime, look: Look, *, url: str, order: Sort) -> Row:
    envelope = summary.envelope
    people = (*envelope.to, *envelope.cc, *envelope.bcc) if look.outgoing else envelope.from_ or envelope.sender
    subject = envelope.subject.strip() or _("(no subject)")
    who = names(people) or (_("(no recipient)") if look.outgoing else _("(no sender)"))
    if look.outgoing and people:
        # Translators: before the recipients of a message in the list of sent messages.
        who = _("To: %(people)s") % {"people": who}
    moment = (envelope.date if order.by == "date" else None) or summary.received
    when = filesizeformat(summary.size) if order.by == "size" else short_time(moment, now)
    return Row(
        summary=summary,
        people=people,
        who=who,
        subject=subject,
        snippet=summary.snippet if look.snippets else "",
        when=when,
        moment=moment,
        label=", ".join([*_states(summary), who, subject, when]),
        pick=_("Select: %(subject)s") % {"subject": subject},
        url=url,
        acts=look.acts(summary),
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
        for label, members in groupby(rows, key=lambda row: heading(timezone.localdate(row.moment), today))
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
