"""How somebody sees each folder, in which order and what is put together: what they chose there last."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.mail.mailbox.store import CONVERSATIONS, FLAT, MODES, NEWEST_FIRST, THREADS, Sort
from apps.mail.models import ListOrder, folder_key
from portal.contracts import Text
from portal.prepared import Prepared

_LABELS: dict[str, Text] = {
    "arrival": pgettext_lazy("sort by", "Arrival"),
    "date": pgettext_lazy("sort by", "Date sent"),
    "from": pgettext_lazy("sort by", "Sender"),
    "to": pgettext_lazy("sort by", "Recipient"),
    "subject": pgettext_lazy("sort by", "Subject"),
    "size": pgettext_lazy("sort by", "Size"),
}
#: (ascending, descending)
_DIRECTIONS: dict[str, tuple[Text, Text]] = {
    "time": (_("Oldest first"), _("Newest first")),
    "text": (_("A to Z"), _("Z to A")),
    "size": (_("Smallest first"), _("Largest first")),
}


#: What stands for the messages that belong together.
_MODES: dict[str, Text] = {
    CONVERSATIONS: pgettext_lazy("show as", "Conversations"),
    THREADS: pgettext_lazy("show as", "Threads"),
    FLAT: pgettext_lazy("show as", "Single messages"),
}


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    label: Text
    on: bool


@dataclass(frozen=True, slots=True)
class SortMenu:
    """Lists of sent messages name those written to, and sort by them."""

    sort: Sort
    outgoing: bool
    mode: str = ""  # "" where there is nothing to choose

    @property
    def keys(self) -> list[Choice]:
        sort, person = self.sort, "to" if self.outgoing else "from"
        wanted = ["arrival", "date", person, "subject", "size"]
        if sort.by not in wanted:
            wanted.insert(3, sort.by)
        return [
            Choice(str(sort if by == sort.by else Sort(by, _kind(by) != "text")), _LABELS[by], by == sort.by)
            for by in wanted
        ]

    @property
    def directions(self) -> list[Choice]:
        names = _DIRECTIONS[_kind(self.sort.by)]
        return [
            Choice(str(Sort(self.sort.by, descending)), names[descending], self.sort.descending == descending)
            for descending in (True, False)
        ]

    @property
    def modes(self) -> list[Choice]:
        return [Choice(mode, label, mode == self.mode) for mode, label in _MODES.items()] if self.mode else []

    @property
    def key(self) -> Text:
        return _LABELS[self.sort.by]

    @property
    def direction(self) -> Text:
        return _DIRECTIONS[_kind(self.sort.by)][self.sort.descending]


def _kind(by: str) -> str:
    return {"arrival": "time", "date": "time", "size": "size"}.get(by, "text")


_REMEMBERED = Prepared(
    lambda user, key: ListOrder.objects.filter(user_id=user, key=key).values_list("order", "mode"),
    values=2,
)


def remembered(user_id: int, mailbox: str) -> tuple[Sort, str]:
    """(order, mode); the mode is "" where none was chosen."""
    found = _REMEMBERED.rows(user_id, folder_key(mailbox))
    order, mode = found[0] if found else ("", "")
    return Sort.parse(order), mode if mode in MODES else ""


def remember(user_id: int, mailbox: str, *, sort: Sort | None = None, mode: str | None = None) -> None:
    """What is given; one row for a folder that is not in the usual order, or not as it is preferred."""
    before, shown = remembered(user_id, mailbox)
    sort, mode = before if sort is None else sort, shown if mode is None else mode
    if sort == NEWEST_FIRST and not mode:
        ListOrder.objects.filter(user_id=user_id, key=folder_key(mailbox)).delete()
    else:
        values = {"order": str(sort), "mode": mode}
        ListOrder.objects.update_or_create(user_id=user_id, key=folder_key(mailbox), defaults=values)


def renamed(user_id: int, pairs: Iterable[tuple[str, str]]) -> None:
    """Folders have other names now: (old, new)."""
    names = {folder_key(old): folder_key(new) for old, new in pairs}
    mine = ListOrder.objects.filter(user_id=user_id)
    moved = list(mine.filter(key__in=names))
    if moved:
        mine.filter(key__in=names.values()).exclude(key__in=names).delete()
        for row in moved:
            row.key = names[row.key]
            row.save(update_fields=["key"])
