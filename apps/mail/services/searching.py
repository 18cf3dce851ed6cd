"""A search as a page shows it: in one folder window by window, over several folders by time; newest first in both.

Nothing of a search is kept between two requests: its address says what has been searched, and so how it goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from apps.mail.mailbox.errors import ServerRefused
from apps.mail.mailbox.names import decode_segment, encode_segment
from apps.mail.mailbox.query import ANYWHERE, CHOICES, Meaning, Problem, Term
from apps.mail.mailbox.store import Mailbox, MailboxStatus, MailStore, Page, Query, Summary
from apps.mail.services import folders, listing
from apps.mail.services.listing import Found, Listing, Look, Row
from apps.mail.services.several import Accounts
from apps.mail.services.view import INBOXES, View, number
from portal.contracts import Text

SECONDS = 1.0  # after which a page shows what there is and asks for the rest
SOON = 0.1  # the same for the first stretch, once it has anything to show
FIRST_DAYS, GROWTH, MOST_DAYS = 30, 4, 40_000  # of the windows of time
BEGINNING = datetime(1990, 1, 1, tzinfo=UTC)  # nothing much is older: the last window reaches back for ever
SPARED = ("junk", "trash")  # not searched by "all folders"
COPIES = ("all", "flagged")  # mailboxes that show messages of others (RFC 6154)

LookFor = Callable[[str, str], Look]  # of a mailbox and its role


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What the address of a next stretch says beside the ``View``: all of it may be missing or wrong."""

    searched: int = 0
    window: int = 0
    shown: int = 0  # rows that stand on the page already
    day: str = ""  # heading of the last of them

    @classmethod
    def parse(cls, data: Mapping[str, str]) -> Place:
        numbers = {name: number(data.get(name, "")) for name in ("searched", "window", "shown")}
        return cls(day=data.get("day", "")[:100], **numbers)

    def params(self) -> dict[str, str]:
        values = {"searched": self.searched, "window": self.window, "shown": self.shown, "day": self.day}
        return {key: str(value) for key, value in values.items() if value}


@dataclass(frozen=True, slots=True)
class Cursor:
    """In a search over several folders: what is newer than this has been searched. Of one second, the folders come in
    their order, and the messages of each by UID."""

    moment: int  # seconds since 1970
    uid: int = 0
    uidvalidity: int = 0
    mailbox: str = ""

    def __str__(self) -> str:
        return f"{self.moment}.{self.uid}.{self.uidvalidity}.{encode_segment(self.mailbox)}"

    @classmethod
    def parse(cls, text: str) -> Cursor | None:
        *numbers, segment = text.split(".", 3)
        if len(numbers) != 3 or number(numbers[0]) == 0:
            return None
        try:
            moment, uid, uidvalidity = (number(word) for word in numbers)
            return cls(moment, uid, uidvalidity, decode_segment(segment) if segment else "")
        except ValueError:
            return None

    @property
    def when(self) -> datetime:
        return datetime.fromtimestamp(self.moment, UTC)


def load(
    store: MailStore, mailbox: str, view: View, *, place: Place, limit: int, role: str, look_for: LookFor
) -> Listing:
    """The first page of a search, or a stretch that follows. Its rows are at most what is left of the page."""
    meaning = view.meaning
    room = max(limit - place.shown, 1)
    if view.everywhere:
        return _everywhere(store, mailbox, view, meaning, place, room, look_for)
    found = store.scan(
        mailbox,
        meaning.query,
        limit=room,
        seconds=SECONDS,
        uidvalidity=view.v if view.after else None,
        after=view.after,
        searched=place.searched,
        window=place.window,
        eager=not place.params(),
    )
    look = look_for(mailbox, role)
    here = replace(view, v=found.status.uidvalidity)
    rows = listing.rows_of(found.rows, uidvalidity=found.status.uidvalidity, view=here, look=look)
    following = replace(here, start=view.start + len(rows), after=found.below)
    return _listing(
        Page(mailbox=mailbox, status=found.status, rows=found.rows, offset=view.start, total=view.start + len(rows)),
        here,
        rows,
        following=following if found.below else None,
        place=replace(place, searched=found.searched, window=found.window),
        room=room,
        found=Found(count=0, searched=found.searched, total=found.total, problems=_said(meaning.problems)),
    )


def _listing(
    page: Page, view: View, rows: Sequence[Row], *, following: View | None, place: Place, room: int, found: Found
) -> Listing:
    groups = listing.grouped(rows)
    last = groups[-1].label if groups else place.day
    if groups and groups[0].label == place.day:
        groups = (replace(groups[0], label=""), *groups[1:])
    waits = following is not None and len(rows) < room
    hints = replace(place, shown=place.shown + len(rows) if waits else 0, day=last).params()
    found = replace(
        found, count=view.start + len(rows), complete=following is None, waits=waits, more=following, hints=hints
    )
    return Listing(page=page, view=view, groups=groups, newer=None, older=None, found=found)


# several folders


@dataclass(frozen=True, slots=True)
class _Hit:
    mailbox: Mailbox
    rank: int
    uidvalidity: int
    summary: Summary

    @property
    def order(self) -> tuple[int, int, int]:
        return (-_second(self.summary.received), self.rank, -self.summary.uid)


def _everywhere(
    store: MailStore, mailbox: str, view: View, meaning: Meaning, place: Place, room: int, look_for: LookFor
) -> Listing:
    accounts = Accounts.of(store, every=bool(view.where))
    mailboxes, chosen, unknown = _places(accounts, view, meaning)
    sweep = _Sweep(accounts, chosen, meaning.query, eager=not place.params())
    hits = sweep.run(Cursor.parse(view.at), days=place.window or FIRST_DAYS, limit=room)
    looks: dict[str, Look] = {known.name: look_for(known.name, known.role) for known in chosen}
    rows = [
        row
        for hit in hits
        for row in listing.rows_of([hit.summary], uidvalidity=hit.uidvalidity, view=view, look=looks[hit.mailbox.name])
    ]
    going_on = sweep.cursor is not None
    left = [known for known in mailboxes if known not in chosen and known.role in SPARED]
    return _listing(
        Page(
            mailbox=mailbox,
            status=MailboxStatus(uidvalidity=0),
            rows=tuple(hit.summary for hit in hits),
            offset=view.start,
            total=view.start + len(rows),
        ),
        view,
        rows,
        following=replace(view, start=view.start + len(rows), at=str(sweep.cursor)) if going_on else None,
        place=replace(place, window=sweep.days),
        room=room,
        found=Found(
            count=0,
            back_to=timezone.localdate(sweep.cursor.when) if sweep.cursor is not None else None,
            problems=_said((*meaning.problems, *(Problem(term, "folder") for term in unknown))),
            left_out=tuple(folders.label(known) for known in sweep.refused),
            spared=() if meaning.inside else tuple(dict.fromkeys(folders.label(known) for known in left)),
            silent=tuple(sorted(accounts.silent)),
        ),
    )


def folders_of(store: MailStore, view: View) -> list[Mailbox]:
    """Those that a search over several folders looks into."""
    return _places(Accounts.of(store, every=bool(view.where)), view, view.meaning)[1]


def _places(accounts: Accounts, view: View, meaning: Meaning) -> tuple[list[Mailbox], list[Mailbox], list[Term]]:
    """(All mailboxes there are, those to look into, the terms that name none.)"""
    if view.where == INBOXES and not meaning.inside:
        return [], accounts.inboxes(), []
    mailboxes = accounts.mailboxes()
    return mailboxes, *_scope(mailboxes, meaning)


def _scope(mailboxes: Sequence[Mailbox], meaning: Meaning) -> tuple[list[Mailbox], list[Term]]:
    """The mailboxes to search, and the terms that name none."""
    named = [term for term in meaning.inside if term.value.casefold() != ANYWHERE]
    unknown = [term for term in (*named, *meaning.outside) if not any(_is(known, term.value) for known in mailboxes)]
    if meaning.anywhere or not meaning.inside:
        chosen = [known for known in mailboxes if meaning.anywhere or known.role not in SPARED]
    else:
        chosen = [known for known in mailboxes if any(_is(known, term.value) for term in named)]
    return [known for known in chosen if not any(_is(known, term.value) for term in meaning.outside)], unknown


def _is(mailbox: Mailbox, name: str) -> bool:
    """By its role, its name here, its full name or the last part of that."""
    names = {mailbox.role, str(folders.label(mailbox)), mailbox.name, mailbox.leaf} - {""}
    return name.casefold() in {known.casefold() for known in names}


class _Sweep:
    """All folders back to one moment, then all of them further back: what is found first is newer than the rest."""

    def __init__(self, accounts: Accounts, mailboxes: Sequence[Mailbox], query: Query, *, eager: bool = False) -> None:
        self.accounts, self.mailboxes, self.query, self.eager = accounts, mailboxes, query, eager
        self.ranks = {mailbox.name: rank for rank, mailbox in enumerate(mailboxes)}
        self.cursor: Cursor | None = None  # where it goes on; None at the end
        self.days = 0
        self.cut = False  # a folder has more of the present time than was asked for
        self.refused: list[Mailbox] = []

    def run(self, start: Cursor | None, *, days: int, limit: int) -> list[_Hit]:
        started = time.monotonic()
        hits: list[_Hit] = []
        upper = start
        while self.mailboxes:
            days = min(days, MOST_DAYS)
            low = (upper.when if upper else _tomorrow()) - timedelta(days=days)
            last = low <= max(BEGINNING, self.query.since or BEGINNING)
            room = limit - len(hits)
            some = self._window(None if last else low, upper, room)
            hits += some[:room]
            if len(hits) == limit and (len(some) > room or self.cut or not last):
                self.cursor, self.days = _cursor_of(hits[-1]), days
                return hits
            if last:
                break
            days *= GROWTH
            self.cursor = upper = Cursor(_second(low))
            self.days = days
            if time.monotonic() - started >= (min(SOON, SECONDS) if self.eager and hits else SECONDS):
                return hits
        self.cursor = None
        return hits

    def _window(self, low: datetime | None, upper: Cursor | None, limit: int) -> list[_Hit]:
        """The newest ``limit`` hits or more of this time."""
        self.cut = False
        parts = self.accounts.by_account([each for each in self.mailboxes if each not in self.refused])

        def look(store: MailStore, account: int) -> list[_Hit]:
            return [hit for each in parts[account] for hit in self._in_folder(store, each, low, upper, limit)]

        found = self.accounts.ask(list(parts), look)
        return sorted(_once([hit for hits in found.values() for hit in hits]), key=lambda hit: hit.order)

    def _in_folder(
        self, store: MailStore, mailbox: Mailbox, low: datetime | None, upper: Cursor | None, limit: int
    ) -> Iterator[_Hit]:
        rank = self.ranks[mailbox.name]
        query, after, uidvalidity = self.query, None, None
        if low is not None:
            query = replace(query, since=max(low, query.since or low))
        if upper is not None:
            first = next((at for at, known in enumerate(self.mailboxes) if known.name == upper.mailbox), -1)
            # Of the second in which it stopped, the folders before are done, and those behind are not.
            before = upper.when + timedelta(seconds=1 if upper.uid and rank >= first else 0)
            query = replace(query, before=min(before, query.before or before))
            if rank == first and upper.uid:
                after, uidvalidity = upper.uid, upper.uidvalidity
        try:
            page = store.search(mailbox.name, query, limit=limit, uidvalidity=uidvalidity, after=after)
        except ServerRefused:
            self.refused.append(mailbox)
            return
        self.cut |= page.offset + len(page.rows) < page.total
        for summary in page.rows:
            hit = _Hit(mailbox, rank, page.status.uidvalidity, summary)
            if upper is None or not upper.uid or rank != first or hit.order > (-upper.moment, rank, -upper.uid):
                yield hit


def _once(hits: Sequence[_Hit]) -> list[_Hit]:
    """Without the copies that mailboxes like "All mail" show of what lies elsewhere."""
    originals = {_identity(hit.summary) for hit in hits if hit.mailbox.role not in COPIES}
    return [hit for hit in hits if hit.mailbox.role not in COPIES or _identity(hit.summary) not in originals]


def _identity(summary: Summary) -> tuple[str, int, int]:
    return (summary.envelope.message_id, summary.size, _second(summary.received))


def _cursor_of(hit: _Hit) -> Cursor:
    return Cursor(_second(hit.summary.received), hit.summary.uid, hit.uidvalidity, hit.mailbox.name)


def _second(moment: datetime) -> int:
    return int(moment.timestamp())


def _tomorrow() -> datetime:
    """The same moment all day long, so that a search that is repeated is the same to the memory of searches."""
    return timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


# words


def _said(problems: Sequence[Problem]) -> tuple[str, ...]:
    return tuple(_sentence(problem) for problem in problems)


def _sentence(problem: Problem) -> str:
    texts = {
        "text": _("“%(term)s” was left out: write what to look for right after the colon, without a space."),
        "choice": _("“%(term)s” was left out: after %(key)s: you can write %(values)s."),
        "day": _("“%(term)s” was left out: write a day like 2026-11-30, or today or yesterday."),
        "age": _("“%(term)s” was left out: write an age like 30d, 2w, 6m or 1y, for days, weeks, months and years."),
        "size": _("“%(term)s” was left out: write a size like 500k or 2M."),
        "label": _("“%(term)s” was left out: you have no label with that name."),
        "folder": _("“%(term)s” was left out: you have no folder with that name."),
    }
    term = problem.term
    values: Text = ", ".join(CHOICES.get(term.key, ()))
    return texts[problem.wanted] % {"term": str(term), "key": term.key, "values": values}
