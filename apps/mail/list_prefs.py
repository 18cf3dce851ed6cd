"""The preferences of the list of messages: a page of their own, and quick access from the list's own menu."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.mail.prefs import ENDLESS, LIST_MODE, PAGE_SIZE, SNIPPETS
from portal.contracts import Json, Text
from portal.prefs import BadValue, Pref, PrefPage, choice_pref, json_pref

PANE = choice_pref(
    "mail.pane",
    _("Read messages"),
    "beside",
    choices=[
        ("beside", pgettext_lazy("reading pane", "beside the list")),
        ("below", pgettext_lazy("reading pane", "below it")),
        ("off", pgettext_lazy("reading pane", "on their own page")),
    ],
    help=_("On a phone a message always has the page for itself."),
    words=_("reading pane, preview, three panes, layout"),
)
ROWS = choice_pref(
    "mail.rows",
    _("Show each message as"),
    "cards",
    choices=[("cards", pgettext_lazy("rows", "a card")), ("columns", pgettext_lazy("rows", "a row of columns"))],
    help=_("Where there is no room for columns, they are cards."),
    words=_("table, columns, layout"),
)
COMPACTNESS = choice_pref(
    "mail.density",
    _("Density of the list"),
    "normal",
    choices=[
        ("comfortable", pgettext_lazy("density", "comfortable")),
        ("normal", pgettext_lazy("density", "normal")),
        ("compact", pgettext_lazy("density", "compact")),
    ],
    words=_("compact, row height, spacing"),
)

#: What a finger that moves a row aside does to the message.
SWIPES: tuple[tuple[str, Text], ...] = (
    ("archive", pgettext_lazy("swipe", "archives")),
    ("delete", pgettext_lazy("swipe", "deletes")),
    ("seen", pgettext_lazy("swipe", "marks as read or unread")),
    ("flag", pgettext_lazy("swipe", "sets or removes the flag")),
    ("snooze", pgettext_lazy("swipe", "snoozes")),
    ("", pgettext_lazy("swipe", "does nothing")),
)
SWIPE_RIGHT = choice_pref(
    "mail.swipe_right",
    _("Swiping a message to the right"),
    "archive",
    choices=SWIPES,
    help=_("On a touch screen."),
    words=_("swipe, touch, gesture, phone"),
)
SWIPE_LEFT = choice_pref(
    "mail.swipe_left",
    _("Swiping a message to the left"),
    "delete",
    choices=SWIPES,
    help=_("On a touch screen."),
    words=_("swipe, touch, gesture, phone"),
)

COLUMN_NAMES: dict[str, Text] = {
    "labels": pgettext_lazy("column", "Labels"),
    "attachment": pgettext_lazy("column", "Attachment"),
    "date": pgettext_lazy("column", "Date"),
    "size": pgettext_lazy("column", "Size"),
}


def _read_columns(value: Json) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) and name in COLUMN_NAMES for name in value):
        raise BadValue(_("Choose one of the values offered."))
    return tuple(str(name) for name in value)


COLUMNS: Pref[tuple[str, ...]] = json_pref(
    "mail.columns",
    _("Columns of the list"),
    ("labels", "attachment", "date", "size"),
    read=_read_columns,
    write=list,
)

LISTS = PrefPage(
    id="mail.list",
    title=_("The list of messages"),
    help=_("How it is laid out, and what a swipe does."),
    icon="list",
    order=15,
    prefs=(
        *(PANE, ROWS, COMPACTNESS, LIST_MODE, ENDLESS, PAGE_SIZE, SNIPPETS),
        *(SWIPE_RIGHT, SWIPE_LEFT, COLUMNS),
    ),
)
