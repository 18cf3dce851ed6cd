"""Labels: IMAP keywords (RFC 9051 section 2.3.2) with a name and a colour. Which message has one, the server knows;
what it is called, looks like and where it stands is somebody's own. The first five are Thunderbird's."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from apps.mail.mailbox import names
from apps.mail.mailbox.errors import BadArgument
from portal.contracts import Text
from portal.prepared import Prepared

if TYPE_CHECKING:
    from apps.mail.models import Label as Row

MOST = 100
COLOURS = range(9)  # grey, and the eight hues of tags (``yurt.css``)
LONGEST = 50  # octets of a keyword: what Dovecot takes as it comes
NAME_LENGTH = 40

#: Thunderbird's five by their keywords, with the hue that is nearest to the colour they have there.
DEFAULTS: dict[str, tuple[Text, int]] = {
    "$label1": (pgettext_lazy("label", "Important"), 1),
    "$label2": (pgettext_lazy("label", "Work"), 2),
    "$label3": (pgettext_lazy("label", "Personal"), 4),
    "$label4": (pgettext_lazy("label", "To do"), 6),
    "$label5": (pgettext_lazy("label", "Later"), 7),
}
#: What programs tell each other about a message, and no person has chosen ("$" begins all later ones).
_OF_PROGRAMS = {"junk", "nonjunk", "notjunk", "forwarded", "redirected", "mdnsent", "receipt-handled", "sent"}

_ATOM = re.compile(r"[!#$&'+,\-./0-9:;<=>?@A-Z\[^_`a-z|}~]+")
_OTHERS = re.compile(r"[^!#$&'+,\-.0-9:;<=>?@\[^_`a-z|}~]")


def _model() -> type[Row]:
    from apps.mail.models import Label as model  # this module loads without mail among the apps, too

    return model


_ROWS = Prepared(lambda user: _model().objects.filter(user_id=user).order_by("position", "pk"))


class NotChanged(Exception):
    """Its text is for the person."""


@dataclass(frozen=True, slots=True)
class Label:
    """``keyword`` is in lower case; ``colour`` one of ``COLOURS``; what is ``hidden`` shows on its own page only."""

    keyword: str
    name: str
    colour: int = 0
    hidden: bool = False

    @property
    def term(self) -> str:
        """As the search box finds it, and as it can be sent to somebody else."""
        return f"label:{self.keyword}"


def all_of(user_id: int) -> tuple[Label, ...]:
    """In their order, hidden ones too."""
    reader = _reader.get()
    if reader is None or reader.user_id != user_id:
        return _read(user_id)
    if reader.known is None:
        reader.known = _read(user_id)
    return reader.known


def _read(user_id: int) -> tuple[Label, ...]:
    rows = _ROWS.objects(user_id)
    if not rows:
        return tuple(Label(keyword, str(name), colour) for keyword, (name, colour) in DEFAULTS.items())
    return tuple(_label(row) for row in rows if not row.removed)


def of(user_id: int) -> tuple[Label, ...]:
    """Those that are shown."""
    return tuple(label for label in all_of(user_id) if not label.hidden)


def _label(row: Row) -> Label:
    name = row.name or (str(DEFAULTS[row.keyword][0]) if row.keyword in DEFAULTS else row.keyword)
    return Label(row.keyword, name, row.colour, row.hidden)


# whose labels the search box means


@dataclass(slots=True)
class _Reader:
    user_id: int
    known: tuple[Label, ...] | None = None  # asked for once in a request


_reader: ContextVar[_Reader | None] = ContextVar("mail_reader", default=None)


@contextmanager
def read_by(user_id: int) -> Iterator[None]:
    """``keyword_of`` means this person's, as days are those of the reader's time zone."""
    token = _reader.set(_Reader(user_id))
    try:
        yield
    finally:
        _reader.reset(token)


def keyword_of(name: str) -> str:
    """The keyword of what the reader calls so; a keyword itself; "" for what can be neither."""
    wanted = name.casefold().strip()
    reader = _reader.get()
    known = all_of(reader.user_id) if reader else ()
    for label in (*(each for each in known if each.name.casefold() == wanted), *known):
        if wanted in (label.name.casefold(), label.keyword):
            return label.keyword
    return wanted if _ATOM.fullmatch(name) else ""


def name_of(keyword: str, user_id: int) -> str:
    """As people know it."""
    return next((label.name for label in all_of(user_id) if label.keyword == keyword), decoded(keyword))


# names and keywords


def new_keyword(name: str, taken: Iterable[str]) -> str:
    """The name as an atom, made as Thunderbird makes it: modified UTF-7, small letters, "_" for what no atom has. So a
    label of the same name that is made there is the same keyword, as a rule. What is too long is cut."""
    try:
        keyword = _OTHERS.sub("_", names.to_wire(name).decode("latin-1").lower())
    except BadArgument as error:
        raise NotChanged(_("This cannot be a label.")) from error
    if len(keyword) > LONGEST:
        digest = hashlib.blake2b(keyword.encode(), digest_size=4).hexdigest()
        keyword = f"{keyword[: LONGEST - 9]}-{digest}"
    if keyword.startswith("$"):  # those are for programs (RFC 5788 section 1)
        keyword = f"_{keyword[1:]}"
    known = set(taken)
    while keyword in known:
        keyword = f"{keyword[: LONGEST - 1]}a"
    return keyword


def decoded(keyword: str) -> str:
    """A name for a keyword of which nothing but itself is known. (Small letters have lost what UTF-7 was.)"""
    return keyword.replace("_", " ").strip() or keyword


def strangers(keywords: Iterable[str], user_id: int) -> list[str]:
    """Of the keywords that messages have, those somebody may know as labels elsewhere, and has none for here."""
    known = {row.keyword for row in _ROWS.objects(user_id) if not row.removed} or set(DEFAULTS)
    named = {keyword for keyword in keywords if not keyword.startswith("$") or keyword.startswith("$label")}
    return sorted(named - known - _OF_PROGRAMS)


def next_colour(user_id: int) -> int:
    """One that few labels have."""
    used = [label.colour for label in all_of(user_id)]
    return min(COLOURS[1:], key=lambda colour: (used.count(colour), colour))


# changes


def make(*, user_id: int, name: str, colour: int = 0, keyword: str = "") -> Label:
    """A new one at the end, or a hidden or removed one back; ``keyword``: for what the server has already. Raises
    ``NotChanged``."""
    name = _clean(name)
    with transaction.atomic():
        rows = _whole(user_id)
        same = next((row for row in rows if not row.removed and _label(row).name.casefold() == name.casefold()), None)
        if same is not None and not keyword:
            raise NotChanged(_("You have a label with that name already."))
        if sum(not row.removed for row in rows) >= MOST:
            raise NotChanged(_("You have as many labels as fit. Remove one first."))
        keyword = keyword.lower() or new_keyword(name, [row.keyword for row in rows])
        if not _ATOM.fullmatch(keyword) or len(keyword) > 100:
            raise NotChanged(_("This cannot be a label."))
        row, _made = _model().objects.update_or_create(
            user_id=user_id,
            keyword=keyword,
            defaults={
                "name": name,
                "colour": colour if colour in COLOURS else 0,
                "hidden": False,
                "removed": False,
                "position": len(rows),
            },
        )
    return _label(row)


def change(*, user_id: int, keyword: str, name: str, colour: int) -> None:
    """Another name or colour; the keyword stays, and so do the messages. Raises ``NotChanged``."""
    name = _clean(name)
    with transaction.atomic():
        rows = _whole(user_id)
        others = [row for row in rows if row.keyword != keyword and not row.removed]
        if any(_label(row).name.casefold() == name.casefold() for row in others):
            raise NotChanged(_("You have a label with that name already."))
        for row in rows:
            if row.keyword == keyword:
                default = keyword in DEFAULTS and name == str(DEFAULTS[keyword][0])
                row.name, row.colour = "" if default else name, colour if colour in COLOURS else row.colour
                row.save(update_fields=["name", "colour"])


def hide(*, user_id: int, keyword: str, hidden: bool) -> None:
    with transaction.atomic():
        _whole(user_id)
        _model().objects.filter(user_id=user_id, keyword=keyword).update(hidden=hidden)


def place(*, user_id: int, keyword: str, position: int) -> None:
    """Put one at this place of the list, 0 being the first. The same again changes nothing."""
    with transaction.atomic():
        rows = _whole(user_id)
        shown = [row for row in rows if not row.removed]
        chosen = next((row for row in shown if row.keyword == keyword), None)
        if chosen is None:
            return
        shown.remove(chosen)
        shown.insert(max(0, position), chosen)
        for number, row in enumerate(shown):
            row.position = number
        _model().objects.bulk_update(shown, ["position"])


def remove(*, user_id: int, keyword: str) -> None:
    """What it is called is forgotten; messages are not touched by this. One of the first five leaves a row that says
    so."""
    with transaction.atomic():
        _whole(user_id)
        mine = _model().objects.filter(user_id=user_id, keyword=keyword)
        if keyword in DEFAULTS:
            mine.update(removed=True, name="")
        else:
            mine.delete()


def _whole(user_id: int) -> Sequence[Row]:
    """All rows, those of the first five too: they are kept once anything has been changed."""
    if (reader := _reader.get()) is not None:
        reader.known = None
    rows = list(_model().objects.filter(user_id=user_id).order_by("position", "pk"))
    missing = [keyword for keyword in DEFAULTS if keyword not in {row.keyword for row in rows}]
    if not missing:
        return rows
    made = [
        _model()(user_id=user_id, keyword=keyword, colour=DEFAULTS[keyword][1], position=number)
        for number, keyword in enumerate(missing)
    ]
    _model().objects.bulk_create(made, ignore_conflicts=True)
    return list(_model().objects.filter(user_id=user_id).order_by("position", "pk"))


def _clean(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise NotChanged(_("A label needs a name."))
    if len(name) > NAME_LENGTH:
        raise NotChanged(_("A label’s name has at most %(count)d characters.") % {"count": NAME_LENGTH})
    return name
