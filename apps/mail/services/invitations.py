"""Invitations and other calendars in messages, as the page shows them. The answers are in ``answering``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import urlsplit

from babel.dates import get_timezone_name
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import get_language, to_locale
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import pgettext as pgettext_now
from django.utils.translation import pgettext_lazy as pgettext

from apps.mail.mailbox.store import MailStore, Query, Summary, Words
from apps.mail.mime import calendars, decode
from apps.mail.mime.calendars import Calendar, Event, Guest, When
from apps.mail.mime.parts import Part
from apps.mail.services import recurring, sending
from apps.mail.services.refs import MessageRef
from portal.contracts import Address, Text

MOST_OCTETS = 256 * 1024  # of a calendar that is drawn with its message; a larger one opens on its own page
MOST_PARTS = 3  # calendars of one message that are shown in its page
MOST_GUESTS = 100  # named
MOST_LISTED = 50  # events of one calendar

_STANDS: dict[str, tuple[Text, str]] = {
    "accepted": (pgettext("answer to an invitation", "accepted"), "ok"),
    "completed": (pgettext("answer to an invitation", "done"), "ok"),
    "in-process": (pgettext("answer to an invitation", "under way"), "ok"),
    "tentative": (pgettext("answer to an invitation", "maybe"), "warn"),
    "declined": (pgettext("answer to an invitation", "declined"), "danger"),
    "delegated": (pgettext("answer to an invitation", "sends somebody else"), ""),
}
_NO_ANSWER = (pgettext("answer to an invitation", "no answer yet"), "")
GIVEN: dict[str, Text] = {  # by what the form calls the answer
    "accept": _lazy("You have accepted."),
    "tentative": _lazy("You have said that you may come."),
    "decline": _lazy("You have declined."),
}


@dataclass(frozen=True, slots=True)
class Person:
    address: Address
    says: Text
    tone: str
    note: Text = ""  # chairs, optional, a room


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An event in words."""

    title: str
    when: str
    zone: str = ""  # whose clock that is
    elsewhere: str = ""  # the same by the organiser's clock
    repeats: str = ""
    instance: str = ""  # the date of a series that this is about
    where: str = ""
    organizer: Address | None = None
    people: tuple[Person, ...] = ()
    more_people: int = 0
    text: str = ""
    links: tuple[tuple[str, str], ...] = ()  # address, host
    notes: tuple[str, ...] = ()
    cancelled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A calendar in a message. ``entries`` is empty where it could not be read."""

    number: str  # the part
    heading: str
    tone: str = ""  # "", "warn" or "danger"
    entries: tuple[Entry, ...] = ()
    more: int = 0
    may_answer: bool = False
    answer: str = ""  # the one given: a key of ``GIVEN``
    given: Text = ""  # in words
    is_update: bool = False  # there may be an earlier message about the same
    key: tuple[object, ...] = ()
    event: Event | None = None  # what it is about


def is_calendar(part: Part) -> bool:
    named = part.filename.lower().endswith((".ics", ".vcs")) and part.type in (
        "application/octet-stream",
        "text/plain",
    )
    return part.type in calendars.TYPES or named


def parts_of(root: Part) -> list[Part]:
    """The calendars that the page of a message draws; not those of messages inside it."""
    found, stack = [], [root]
    while stack:
        part = stack.pop()
        if part.is_multipart:
            stack.extend(reversed(part.children))
        elif is_calendar(part) and part.size <= MOST_OCTETS:
            found.append(part)
    return found[:MOST_PARTS]


def of(parts: Iterable[tuple[Part, bytes]], summary: Summary, header_from: Sequence[Address]) -> tuple[Invitation, ...]:
    """What there is to say about each; the same calendar twice is said once."""
    found: list[Invitation] = []
    for part, raw in parts:
        try:
            calendar = load(part, raw)
        except calendars.NotReadable:
            found.append(Invitation(number=part.number, heading=_("This calendar cannot be read"), tone="warn"))
            continue
        shown = _shown(part.number, calendar, summary, header_from)
        if shown.key not in {other.key for other in found}:
            found.append(shown)
    readable = [each for each in found if each.entries]
    return tuple(readable or found[:1])


def load(part: Part, raw: bytes) -> Calendar:
    """Raises ``calendars.NotReadable``."""
    return calendars.read(decode.payload(part, raw), part.charset, method=part.params.get("method", ""))


def given(summary: Summary) -> str:
    """The answer that was given to the invitation in this message."""
    return next((answer for answer, flag in sending.INVITATION_FLAGS.items() if summary.has(flag)), "")


def _shown(number: str, calendar: Calendar, summary: Summary, senders: Sequence[Address]) -> Invitation:
    main = calendar.main
    heading, tone = _heading(calendar, main, senders)
    events = calendar.events[:MOST_LISTED]
    answerable = main is not None and calendar.method == "request" and main.kind == "event"
    answer = given(summary) if answerable else ""
    return Invitation(
        number=number,
        heading=heading,
        tone=tone,
        entries=tuple(entry(event) for event in events),
        more=len(calendar.events) - len(events) + calendar.more,
        may_answer=answerable and main is not None and main.organizer is not None and main.status != "cancelled",
        answer=answer,
        given=_given(answer, answerable=answerable, summary=summary),
        is_update=answerable and main is not None and main.sequence > 0,
        event=main,
        key=(calendar.method, *((event.uid, event.sequence, str(event.instance)) for event in calendar.events)),
    )


def _given(answer: str, *, answerable: bool, summary: Summary) -> Text:
    """Where a server has no keywords all that is known is that there was an answer."""
    if not answer and answerable and summary.answered:
        return _("You have answered.")
    return GIVEN.get(answer, "")


def _heading(calendar: Calendar, main: Event | None, senders: Sequence[Address]) -> tuple[str, str]:
    method = calendar.method
    if method == "reply" and main is not None:
        return _answer_of(main, senders)
    if method == "counter":
        return _("A different time is proposed"), "warn"
    if method == "cancel" or (main is not None and main.status == "cancelled"):
        if main is not None and main.instance is not None:
            return _("One date of a series is cancelled"), "danger"
        return _("Cancelled"), "danger"
    if method == "declinecounter":
        return _("The organiser keeps to the time"), ""
    if method == "refresh":
        return _("Somebody asks for the current state of this event"), ""
    if method in ("request", "add") and main is not None:
        if main.kind == "task":
            return _("A task for you"), ""
        return (_("Changed invitation"), "warn") if main.sequence else (_("Invitation"), "")
    if len(calendar.events) > 1:
        return _("Calendar"), ""
    return (_("Task"), "") if calendar.events[0].kind == "task" else (_("Event"), "")


def _answer_of(main: Event, senders: Sequence[Address]) -> tuple[str, str]:
    """Who answers an invitation of ours. RFC 5546 section 3.2.3: a reply has one attendee."""
    guest = main.guests[0] if main.guests else None
    who = guest.address.label if guest else senders[0].label if senders else _("Somebody")
    sentences = {
        "accepted": _("%(who)s has accepted"),
        "tentative": _("%(who)s may come"),
        "declined": _("%(who)s has declined"),
        "delegated": _("%(who)s sends somebody else"),
    }
    answer = guest.answer if guest else ""
    return sentences.get(answer, _("%(who)s has answered")) % {"who": who}, "danger" if answer == "declined" else ""


# --- one event --------------------------------------------------------------------------------------------------------


def entry(event: Event) -> Entry:
    start = event.start
    notes = []
    if start and start.unknown_zone:
        notes.append(
            _("Nobody here knows the time zone “%(zone)s”: this is the time as it was written.")
            % {"zone": start.zone[:100]}
        )
    if event.files:
        notes.append(_("The calendar holds files, which can be had by saving it."))
    if event.broken:
        names = ", ".join(event.broken[:10])
        notes.append(_("Not all of it could be read: %(names)s.") % {"names": names})
    guests = event.guests[:MOST_GUESTS]
    return Entry(
        title=event.summary or _("(no title)"),
        when=_span(event, local=True),
        zone=_zone_name(start, local=True),
        elsewhere=_elsewhere(event),
        repeats=_repeats(event),
        instance=_moment(event.instance) if event.instance else "",
        where=event.location,
        organizer=event.organizer.address if event.organizer else None,
        people=tuple(_person(guest) for guest in guests),
        more_people=len(event.guests) - len(guests),
        text="\n\n".join(text for text in (event.comment, event.description) if text),
        links=tuple((link, urlsplit(link).netloc) for link in event.links),
        notes=tuple(notes),
        cancelled=event.status == "cancelled",
    )


def _repeats(event: Event) -> str:
    if not event.rule:
        return ""
    return recurring.words(event.rule) or _("By a rule that has no words: %(rule)s") % {"rule": event.rule_text}


def _person(guest: Guest) -> Person:
    says, tone = _STANDS.get(guest.answer, _NO_ANSWER)
    note: Text = ""
    if guest.kind in ("room", "resource"):
        note = pgettext_now("invited", "room or thing") if guest.kind == "resource" else pgettext_now("invited", "room")
    elif guest.role == "chair":
        note = pgettext_now("invited", "chair")
    elif guest.role == "opt-participant":
        note = pgettext_now("invited", "optional")
    elif guest.role == "non-participant":
        note = pgettext_now("invited", "for information")
    return Person(guest.address, says, tone, note)


def _local(value: datetime) -> datetime:
    return timezone.localtime(value) if value.tzinfo is not None else value


def _span(event: Event, *, local: bool) -> str:
    """From when to when, by the reader's clock or (``local`` false) by that of the event."""
    start, end = event.start, event.end
    if start is None:
        return _("until %(moment)s") % {"moment": _moment(end)} if end else _("The time is not said.")
    first = start.value
    if not isinstance(first, datetime):
        last = end.value if end else first
        if isinstance(last, datetime) or last <= first:
            return _("%(day)s, all day") % {"day": _day(first)}
        return _("%(first)s – %(last)s") % {"first": _day(first), "last": _day(last)}
    first = _local(first) if local else first
    if end is None or not isinstance(end.value, datetime):
        return _clocked(first)
    last = end.value
    if last.tzinfo is not None and first.tzinfo is not None:
        last = last.astimezone(first.tzinfo)
    if last == first:
        return _clocked(first)
    if last.date() == first.date():
        return f"{_clocked(first)}–{_clock(last)}"
    return _("%(first)s – %(last)s") % {"first": _clocked(first), "last": _clocked(last)}


def _moment(when: When) -> str:
    value = when.value
    return _clocked(_local(value)) if isinstance(value, datetime) else _day(value)


def _day(value: date) -> str:
    # Translators: the day of an event, see Django's date filter for the letters.
    return date_format(value, pgettext_now("day of an event", "l, j F Y"))


def _clock(value: datetime) -> str:
    return date_format(value, pgettext_now("time of day", "H:i"))


def _clocked(value: datetime) -> str:
    return f"{_day(value)}, {_clock(value)}"


def _zone_name(when: When | None, *, local: bool) -> str:
    """The name of the time zone, as people call it; "" where the clock needs none."""
    if when is None or not isinstance(when.value, datetime) or when.value.tzinfo is None:
        return ""
    moment = _local(when.value) if local else when.value
    name = getattr(moment.tzinfo, "key", "")
    if not name and not local and when.zone:
        return when.zone
    if not name or name == "UTC":
        return moment.tzname() or ""
    return get_timezone_name(moment, width="long", locale=to_locale(get_language() or "en"))


def _elsewhere(event: Event) -> str:
    """The organiser's clock, where it shows another time. Universal time is nobody's clock."""
    start = event.start
    if start is None or not isinstance(start.value, datetime) or start.value.tzinfo is None or not start.zone:
        return ""
    if start.value.utcoffset() == _local(start.value).utcoffset():
        return ""
    values = {"when": _span(event, local=False), "zone": _zone_name(start, local=False)}
    return _("%(when)s (%(zone)s)") % values


# --- what has changed -------------------------------------------------------------------------------------------------

_MOST_EARLIER = 10  # messages that are looked into


def changes(store: MailStore, ref: MessageRef, part: Part, raw: bytes) -> list[tuple[str, str, str]] | None:
    """(what, before, now) between the last message about this event in the same folder and this one; None where there
    is none. Raises ``MailError``, ``calendars.NotReadable``."""
    event = load(part, raw).main
    if event is None:
        return None
    earlier = _earlier(store, ref, event)
    if earlier is None:
        return None
    before, now = entry(earlier), entry(event)
    pairs = [
        (_("Title"), before.title, now.title),
        (pgettext_now("of an event", "When"), before.when, now.when),
        (_("Repeats"), before.repeats, now.repeats),
        (pgettext_now("of an event", "Where"), before.where, now.where),
        (_("Description"), before.text, now.text),
        (_("Invited"), _names(earlier), _names(event)),
    ]
    return [(what, old or "–", new or "–") for what, old, new in pairs if old != new]


def _names(event: Event) -> str:
    return ", ".join(guest.address.label for guest in event.guests)


def _earlier(store: MailStore, ref: MessageRef, event: Event) -> Event | None:
    """The newest one below this message. Calendars cannot be searched for by their UID: most travel in base64. So the
    title is looked for in subjects."""
    if not event.summary or not event.uid:
        return None
    query = Query(words=(Words("subject", event.summary[:80]),))
    _validity, uids = store.matching(ref.mailbox, query, uidvalidity=ref.uidvalidity, seconds=5.0)
    for uid in [uid for uid in uids if uid < ref.uid][:_MOST_EARLIER]:
        structure = store.message(ref.mailbox, uid, uidvalidity=ref.uidvalidity).structure
        for part in parts_of(structure)[:1]:
            raw = store.part(ref.mailbox, uid, part.number, uidvalidity=ref.uidvalidity)
            try:
                found = load(part, raw).main
            except calendars.NotReadable:
                continue
            if found is not None and found.uid == event.uid and found.instance == event.instance:
                return found
    return None
