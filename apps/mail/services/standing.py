"""What a list has beside its order: messages that stand above it, pinned or back from snooze, and those that are away.

All of it is in keywords on the server. Where a mailbox has none of them, which SELECT tells, nothing is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from apps.mail.mailbox.store import MailStore, Page, Query, Summary
from apps.mail.services import listing, muting, times
from apps.mail.services.actions import PINNED
from apps.mail.services.listing import Group, Listing, Look, Row
from apps.mail.services.snoozing import SNOOZED, UNREAD, Snooze
from apps.mail.services.view import View

MOST_PINNED = 20  # of one folder that stand on top; older ones are in their places
MOST_SNOOZED = 1000  # of one folder; older ones are not away
ON_TOP = timedelta(days=3)  # for so long a message that is back stands on top
NOWHERE_AWAY = ("junk", "trash", "drafts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Of a folder: what stands above its list on every first page, and what is away from it."""

    back: tuple[Summary, ...] = ()  # from snooze, not long ago
    pinned: tuple[Summary, ...] = ()
    away: frozenset[int] = frozenset()  # UIDs of snoozed messages
    until: int = 0  # when the next of them is back, seconds since 1970; 0 where none is away

    @property
    def top(self) -> tuple[Summary, ...]:
        return (*self.back, *self.pinned)


Load = Callable[[frozenset[int]], Listing]  # the same page without these UIDs


def dressed(store: MailStore, shown: Listing, *, role: str, look: Look, load: Load) -> Listing:
    """The list with what stands above it, and without what is away. New replies to what is muted are marked first."""
    page, view = shown.page, shown.view
    if view.start == 0 and muting.catch_up(store, page):
        shown = load(frozenset())
    standing = of(store, page, role=role)
    if standing is None:
        return shown
    above = {row.uid for row in standing.top} if not view.filters else set()
    if without := standing.away | above:
        shown = load(without)
    if view.filters:
        return replace(shown, standing=replace(standing, back=(), pinned=()))
    groups: list[Group] = []
    if shown.newer is None:
        rows = {row.uid: row for row in _rows(shown, standing.top, look)}
        for label, some in ((_("Back from snooze"), standing.back), (_("Pinned"), standing.pinned)):
            if some:
                groups.append(Group(label=label, rows=tuple(rows[row.uid] for row in some)))
    listed = shown.groups
    if groups and listed and not listed[0].label:
        listed = (replace(listed[0], label=_("All others")), *listed[1:])
    return replace(shown, groups=(*groups, *listed), standing=standing)


def _rows(shown: Listing, summaries: Sequence[Summary], look: Look) -> list[Row]:
    return listing.rows_of(summaries, uidvalidity=shown.uidvalidity, view=shown.view, look=look)


def of(store: MailStore, page: Page, *, role: str) -> Standing | None:
    """None where there is nothing of the kind. What is due and wished to be unread becomes so here."""
    keywords, mailbox = page.status.keywords, page.mailbox
    pinned, snoozed = _with(store, page, PINNED, MOST_PINNED), []
    if SNOOZED in keywords and role not in NOWHERE_AWAY:
        snoozed = snoozes(store, page)
    now = timezone.now()
    away = [(until, row) for until, row in snoozed if until.moment > now]
    due = [(until, row) for until, row in snoozed if until.moment <= now]
    if unread := [row.uid for until, row in due if until.unread]:
        store.set_flags(mailbox, unread, uidvalidity=page.status.uidvalidity, remove=["\\Seen", UNREAD])
    back = [_as_unread(row) if until.unread else row for until, row in due if now - until.moment < ON_TOP]
    gone = {row.uid for row in back} | {row.uid for _until, row in away}
    pinned = [row for row in pinned if row.uid not in gone]
    if not (pinned or back or away):
        return None
    return Standing(
        back=tuple(back),
        pinned=tuple(pinned),
        away=frozenset(row.uid for _until, row in away),
        until=int(min((until.moment for until, _row in away), default=_EPOCH).timestamp()),
    )


_EPOCH = datetime.fromtimestamp(0, timezone.get_default_timezone())


def _as_unread(row: Summary) -> Summary:
    return replace(row, flags=frozenset(flag for flag in row.flags if flag.lower() not in {"\\seen", UNREAD}))


def _with(store: MailStore, page: Page, keyword: str, most: int) -> list[Summary]:
    """The newest messages with this keyword, newest first."""
    if keyword not in page.status.keywords:
        return []
    validity = page.status.uidvalidity
    _validity, uids = store.matching(page.mailbox, Query(flags=((keyword, True),)), uidvalidity=validity)
    return list(store.summaries(page.mailbox, uids[:most], uidvalidity=validity))


def snoozes(store: MailStore, page: Page) -> list[tuple[Snooze, Summary]]:
    """All that are or were snoozed, the one that is back last first."""
    found = [(Snooze.of(row.keywords), row) for row in _with(store, page, SNOOZED, MOST_SNOOZED)]
    return sorted(((until, row) for until, row in found if until), key=lambda each: -each[0].number)


# the place of what is away


def away(store: MailStore, mailbox: str, view: View, *, size: int, look: Look) -> Listing:
    """The list of what is snoozed in this folder, the one that is back first at the top."""
    status = store.opened(mailbox)
    page = Page(mailbox=mailbox, status=status, rows=(), offset=0, total=0)
    now = timezone.now()
    found = [each for each in reversed(snoozes(store, page)) if each[0].moment > now]
    start = view.start if view.start < len(found) else 0
    some = found[start : start + size]
    here = replace(view, start=start, after=0, before=0, v=status.uidvalidity, rows=0, sort="")
    rows = listing.rows_of([row for _until, row in some], uidvalidity=status.uidvalidity, view=here, look=look)
    dated = [_dated(row, until) for row, (until, _row) in zip(rows, some, strict=True)]
    end = start + len(some)
    return Listing(
        page=replace(page, rows=tuple(row for _until, row in some), offset=start, total=len(found)),
        view=here,
        groups=(Group(label="", rows=tuple(dated)),) if dated else (),
        newer=replace(here, start=max(0, start - size)) if start else None,
        older=replace(here, start=end) if end < len(found) else None,
        outgoing=look.outgoing,
    )


def _dated(row: Row, until: Snooze) -> Row:
    when = times.full_time(until.moment)
    return replace(row, when=when, time=until.moment.isoformat(), label=f"{row.label}, {when}", drawn={})


# from message to message


def beside(
    store: MailStore, mailbox: str, uid: int, find: Callable[[int], tuple[int | None, int | None]], *, role: str
) -> tuple[int | None, int | None]:
    """What ``find`` tells of the neighbours of a message, without those that are away."""
    status = store.opened(mailbox)
    around = find(uid)
    if SNOOZED not in status.keywords or role in NOWHERE_AWAY:
        return around
    standing = of(store, Page(mailbox=mailbox, status=status, rows=(), offset=0, total=0), role=role)
    found: list[int | None] = []
    for side in (0, 1):
        near = around[side]
        for _step in range(100):
            if near is None or standing is None or near not in standing.away:
                break
            near = find(near)[side]
        found.append(near)
    return found[0], found[1]
