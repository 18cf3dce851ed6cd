"""How somebody has the list of messages and what is read beside it laid out. Theirs, and part of no address: whoever
is sent the address of a list or a message sees the same, laid out as they have it."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.mail.list_prefs import COLUMN_NAMES, COLUMNS, COMPACTNESS, PANE, ROWS
from apps.mail.mailbox.store import Sort
from portal.contracts import Text
from portal.prefs import Prefs

#: The columns that can be chosen, in the order in which they stand; sender and subject are always there.
OPTIONAL = ("labels", "attachment", "date", "size")


@dataclass(frozen=True, slots=True)
class Layout:
    pane: str  # where a message is read: beside, below, off
    rows: str  # cards, columns
    density: str  # comfortable, normal, compact
    columns: tuple[str, ...]  # of OPTIONAL

    @property
    def classes(self) -> str:
        """Of the part of the page that has the list; "" for what is usual, which needs no further style sheet."""
        usual = {"beside", "cards", "normal"}
        return " ".join(name for name in (self.pane, self.rows, self.density) if name not in usual)

    @property
    def shape(self) -> tuple[str, ...]:
        """What the rows are made of; nothing for cards."""
        return ("columns", *self.columns) if self.rows == "columns" else ()


def of(prefs: Prefs) -> Layout:
    chosen = prefs[COLUMNS]
    return Layout(
        pane=prefs[PANE],
        rows=prefs[ROWS],
        density=prefs[COMPACTNESS],
        columns=tuple(name for name in OPTIONAL if name in chosen),
    )


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a column. ``sort``: the order that it asks for, "" where nothing is sorted by it."""

    name: str
    label: Text
    sort: str = ""
    direction: str = "none"  # as ``aria-sort`` has it
    icon: str = ""  # instead of its label, in a narrow one
    wide: int = 0  # pixels, about, of one whose width can be changed


def heads(layout: Layout, sort: Sort, *, outgoing: bool) -> list[Head]:
    """Of all columns, in their order. The list by arrival is in the order of its dates."""

    def head(name: str, label: Text, by: str, *, wide: int, falls: bool = False) -> Head:
        on = sort.by == by or (by == "date" and sort.by == "arrival")
        wanted = Sort(sort.by, not sort.descending) if on else Sort(by, falls)
        direction = ("descending" if sort.descending else "ascending") if on else "none"
        return Head(name, label, str(wanted), direction, wide=wide)

    person = "to" if outgoing else "from"
    optional = {
        "labels": Head("labels", COLUMN_NAMES["labels"], wide=112),
        "attachment": Head("attachment", COLUMN_NAMES["attachment"], icon="paperclip"),
        "date": head("date", COLUMN_NAMES["date"], "date", falls=True, wide=80),
        "size": head("size", COLUMN_NAMES["size"], "size", falls=True, wide=72),
    }
    chosen = [optional[name] for name in layout.columns]
    flags = Head("flags", _("State"), icon="flag")
    before = [each for each in chosen if each.name == "labels"]
    return [
        head(
            "from",
            pgettext_lazy("column", "Recipient") if outgoing else pgettext_lazy("column", "Sender"),
            person,
            wide=160,
        ),
        head("subject", pgettext_lazy("column", "Subject"), "subject", wide=0),
        *(*before, flags, *(each for each in chosen if each.name != "labels")),
    ]
