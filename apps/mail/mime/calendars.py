"""Calendars that come by mail (RFC 5545), and the answers to invitations (RFC 5546, RFC 6047). Knows no Django.

The library reads; what is guarded here is what it does not guard. A definition of a time zone is remembered by it for
the whole process under the name that its sender gave: each calendar is read with none remembered. And rules inside
such definitions are expanded from the year 1601 on: only those that a time zone can need are let in.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from icalendar import Calendar as Parsed
from icalendar import Component, vCalAddress
from icalendar import Event as NewEvent
from icalendar.timezone import tzp

from apps.mail.mime import addresses, charset
from portal.contracts import Address

TYPES = frozenset({"text/calendar", "application/ics", "text/x-vcalendar"})
MOST_OCTETS = 1024 * 1024
MOST_EVENTS = 200
MOST_PEOPLE = 500
MOST_LINKS = 20
MOST_TEXT = 20_000  # characters of a description

_KINDS = {"VEVENT": "event", "VTODO": "task"}
_DEFINITION = re.compile(r"^BEGIN:VTIMEZONE\r?$.*?^END:VTIMEZONE\r?\n?", re.IGNORECASE | re.MULTILINE | re.DOTALL)
_RULE = re.compile(r"^RRULE[:;](.*)$", re.IGNORECASE | re.MULTILINE)
_ZONE_RULE = re.compile(  # one day a year, as clocks are changed
    r"(?:FREQ=YEARLY|INTERVAL=1|COUNT=\d{1,3}|UNTIL=[0-9TZ]{8,16}|WKST=[A-Z]{2}|BYMONTH=\d{1,2}|BYDAY=[+-]?\d[A-Z]{2}"
    r"|BYMONTHDAY=-?\d{1,2}(?:,\d{1,2}){0,6}|BYDAY=[A-Z]{2})(?:;|\r?$)",
    re.IGNORECASE,
)
_YEARS = range(1902, 2200)
_lock = threading.Lock()


class NotReadable(ValueError):
    """No calendar, or none that can be read. ``str`` is for the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """ATTENDEE or ORGANIZER (RFC 5545 sections 3.8.4.1 and 3.8.4.3)."""

    address: Address
    answer: str = ""  # PARTSTAT, lower case: "accepted", "needs-action"
    role: str = ""  # lower case: "chair", "opt-participant"
    kind: str = ""  # CUTYPE, lower case: "room", "resource", "group"


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """A moment as it was written. ``value``: a day, or a time; naive where it counts for whoever looks at it
    (``floating``) or where nobody knows its zone."""

    value: date | datetime
    zone: str = ""  # TZID as it was sent

    @property
    def all_day(self) -> bool:
        return not isinstance(self.value, datetime)

    @property
    def unknown_zone(self) -> bool:
        return isinstance(self.value, datetime) and self.value.tzinfo is None and bool(self.zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """VEVENT or VTODO."""

    kind: str  # "event" or "task"
    uid: str
    sequence: int = 0
    summary: str = ""
    description: str = ""
    location: str = ""
    status: str = ""  # lower case: "cancelled", "tentative"
    start: When | None = None
    end: When | None = None  # of days, the last one: not the one after it, as in DTEND
    instance: When | None = None  # RECURRENCE-ID: the one of a series that is meant
    rule: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)  # RRULE, keys in upper case
    rule_text: str = ""
    organizer: Guest | None = None
    guests: tuple[Guest, ...] = ()
    links: tuple[str, ...] = ()  # http(s) addresses of URL, ATTACH and CONFERENCE
    files: int = 0  # attachments that lie in the calendar itself
    comment: str = ""
    broken: tuple[str, ...] = ()  # names of properties that could not be read

    def guest(self, email: str) -> Guest | None:
        return next((each for each in self.guests if each.address.email.casefold() == email.casefold()), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    method: str  # of iTIP, lower case: "request", "reply", "cancel"; "" where there is none
    events: tuple[Event, ...]
    more: int = 0  # events beyond ``MOST_EVENTS``

    @property
    def main(self) -> Event | None:
        """The event the calendar is about: a series comes before what differs in it. None where there are several."""
        uids = {event.uid for event in self.events}
        if len(uids) != 1:
            return None
        return next((event for event in self.events if event.instance is None), self.events[0])


def read(octets: bytes, label: str = "", *, method: str = "") -> Calendar:
    """``label``: the charset of the part; ``method``: that of its Content-Type. Raises ``NotReadable``."""
    parsed = _parsed(octets, label)
    found = [component for each in parsed for component in _events(each)]
    if not found:
        raise NotReadable("no event")
    said = next((_text(each, "METHOD") for each in parsed if each.get("METHOD")), method)
    return Calendar(
        method=said.strip().lower(),
        events=tuple(_event(each) for each in found[:MOST_EVENTS]),
        more=max(0, len(found) - MOST_EVENTS),
    )


def _parsed(octets: bytes, label: str) -> list[Component]:
    if len(octets) > MOST_OCTETS:
        raise NotReadable("too large")
    text = charset.decode(octets, label or "utf-8").lstrip("\ufeff").replace("\0", "")
    text = re.sub(r"\r\n?|\n", "\r\n", text)
    if "BEGIN:VCALENDAR" not in text.upper():
        raise NotReadable("no VCALENDAR")
    text = _DEFINITION.sub(lambda match: match[0] if _is_harmless(match[0]) else "", re.sub(r"\r\n[ \t]", "", text))
    with _lock:
        tzp.use_default()  # forgets the definitions of other senders
        try:
            return list(Parsed.from_ical(text, multiple=True))
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError) as error:
            raise NotReadable(f"{error.__class__.__name__}: {error}"[:200]) from error
        finally:
            tzp.use_default()


def _is_harmless(definition: str) -> bool:
    """Whether expanding it costs little."""
    rules = _RULE.findall(definition)
    return len(rules) <= 20 and all("FREQ=YEARLY" in rule.upper() and not _ZONE_RULE.sub("", rule) for rule in rules)


def _events(parsed: Component) -> Iterator[Component]:
    for component in parsed.subcomponents if parsed.name == "VCALENDAR" else ():
        if component.name in _KINDS:
            yield component


def _event(component: Component) -> Event:
    broken = [str(name) for name, _error in component.errors if name]
    start, end = _when(component, "DTSTART"), _end(component)
    guests = tuple(guest for each in _all(component, "ATTENDEE")[:MOST_PEOPLE] if (guest := _guest(each)))
    links, files = _attached(component)
    organizers = _all(component, "ORGANIZER")
    rule: Any = next((each for each in _all(component, "RRULE") if isinstance(each, dict)), None)
    return Event(
        kind=_KINDS[str(component.name)],
        uid=_text(component, "UID"),
        sequence=_number(component, "SEQUENCE"),
        summary=_text(component, "SUMMARY"),
        description=_text(component, "DESCRIPTION")[:MOST_TEXT],
        location=_text(component, "LOCATION"),
        status=_text(component, "STATUS").lower(),
        start=start,
        end=end,
        instance=_when(component, "RECURRENCE-ID"),
        rule={str(key).upper(): tuple(_as_list(value)) for key, value in rule.items()} if rule else {},
        rule_text=rule.to_ical().decode("utf-8", "replace")[:300] if rule else "",
        organizer=_guest(organizers[0]) if organizers else None,
        guests=guests,
        links=links,
        files=files,
        comment=_text(component, "COMMENT")[:MOST_TEXT],
        broken=tuple(dict.fromkeys(broken)),
    )


def _as_list(value: object) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _all(component: Component, name: str) -> list[Any]:
    value = component.get(name)
    return [] if value is None else _as_list(value)


def _text(component: Component, name: str) -> str:
    values = _all(component, name)
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", "", str(values[0])).strip() if values else ""


def _number(component: Component, name: str) -> int:
    value = _text(component, name)
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else 0


def _when(component: Component, name: str) -> When | None:
    values = _all(component, name)
    value = getattr(values[0], "dt", None) if values else None
    if not isinstance(value, date):
        return None
    zone = str(getattr(values[0], "params", {}).get("TZID", ""))
    return When(value=_aware(value), zone=zone)


def _aware(value: date) -> date:
    """Without its time zone where that cannot tell the time: far away, or by a definition that makes no sense."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        return value
    try:
        if value.year in _YEARS and value.utcoffset() is not None:
            return value.replace(tzinfo=_fixed(value))
    except Exception:  # noqa: BLE001, S110 - whatever a definition from elsewhere makes the library do
        pass
    return value.replace(tzinfo=None)


def _fixed(value: datetime) -> tzinfo | None:
    """A moment keeps its offset, and needs its sender's definition no more. Zones that are known stay what they are."""
    return value.tzinfo if isinstance(value.tzinfo, ZoneInfo) else timezone(value.utcoffset() or timedelta())


def _end(component: Component) -> When | None:
    start = _when(component, "DTSTART")
    found = _when(component, "DTEND") or _when(component, "DUE")
    if found is not None:
        if found.all_day and component.name == "VEVENT":
            last = found.value - timedelta(days=1)
            return When(value=max(last, start.value) if start and start.all_day else last, zone=found.zone)
        return found
    length = getattr(next(iter(_all(component, "DURATION")), None), "dt", None)
    if start is None or not isinstance(length, timedelta):
        return None
    try:
        if start.all_day:
            return When(value=start.value + max(length - timedelta(days=1), timedelta()))
        return When(value=start.value + length, zone=start.zone)
    except OverflowError:
        return None


def _guest(value: Any) -> Guest | None:
    text = str(value).strip()
    email = text[7:] if text.lower().startswith("mailto:") else text
    params = getattr(value, "params", {})
    name = " ".join(str(params.get("CN", "")).strip("\"' ").split())[:200]
    if not addresses.is_valid(email):  # some write their directory's name there and the address beside it
        email = str(params.get("EMAIL", "")).removeprefix("mailto:")
    if not addresses.is_valid(email):
        return None
    return Guest(
        address=Address(email, "" if name.casefold() == email.casefold() else name),
        answer=str(params.get("PARTSTAT", "")).lower(),
        role=str(params.get("ROLE", "")).lower(),
        kind=str(params.get("CUTYPE", "")).lower(),
    )


def _attached(component: Component) -> tuple[tuple[str, ...], int]:
    links: list[str] = []
    files = 0
    for name in ("URL", "CONFERENCE", "ATTACH", "X-GOOGLE-CONFERENCE", "X-MICROSOFT-SKYPETEAMSMEETINGURL"):
        for value in _all(component, name):
            text = str(value)
            if re.match(r"https?://[^\s<>\"]+\Z", text, re.IGNORECASE) and len(text) < 2000:
                links.append(text)
            elif name == "ATTACH":
                files += 1
    return tuple(dict.fromkeys(links))[:MOST_LINKS], files


# --- answers ----------------------------------------------------------------------------------------------------------


def reply(octets: bytes, label: str, *, guest: Address, answer: str, comment: str = "", now: datetime) -> bytes:
    """The calendar of an answer (RFC 5546 section 3.2.3) to what ``octets`` invite to. ``answer``: a PARTSTAT, upper
    case. Raises ``NotReadable``."""
    parsed = _parsed(octets, label)
    found = [component for each in parsed for component in _events(each) if component.name == "VEVENT"]
    meant = [each for each in found if each.get("RECURRENCE-ID") is None][:1] or found[:MOST_EVENTS]
    if not meant:
        raise NotReadable("nothing to answer")
    result = Parsed()
    result.add("PRODID", "-//Yurt//Mail//EN")
    result.add("VERSION", "2.0")
    result.add("METHOD", "REPLY")
    zones = {str(p.params["TZID"]) for each in meant for p in _dates(each) if "TZID" in p.params}
    for each in parsed:
        for zone in each.subcomponents:
            if zone.name == "VTIMEZONE" and str(zone.get("TZID")) in zones:
                result.add_component(zone)
                zones.discard(str(zone.get("TZID")))
    for each in meant:
        result.add_component(_answered(each, guest, answer, comment, now))
    return bytes(result.to_ical())


def _dates(component: Component) -> list[Any]:
    return [p for name in ("DTSTART", "DTEND", "RECURRENCE-ID") for p in _all(component, name) if hasattr(p, "params")]


def _answered(source: Component, guest: Address, answer: str, comment: str, now: datetime) -> Component:
    event = NewEvent()
    for name in ("UID", "SEQUENCE", "RECURRENCE-ID", "ORGANIZER", "SUMMARY", "DTSTART", "DTEND", "DURATION"):
        values = _all(source, name)
        if values and not type(values[0]).__name__.startswith("vBroken"):
            event.add(name, values[0], encode=False)
    event.add("DTSTAMP", now.astimezone(UTC))
    address = vCalAddress(f"mailto:{guest.email}")
    if guest.name:
        address.params["CN"] = guest.name.replace('"', "'")
    address.params["PARTSTAT"] = answer
    event.add("ATTENDEE", address, encode=False)
    if comment:
        event.add("COMMENT", comment)
    return event
