"""Meetings as mail programs send them: iMIP (RFC 6047) requests, an update, a cancellation and an answer."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from demo.content.people import PEOPLE

ZONE = """\
BEGIN:VTIMEZONE
TZID:Europe/Zurich
BEGIN:STANDARD
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
END:VTIMEZONE"""


@dataclass(frozen=True, slots=True)
class Invitation:
    sender: str
    to: str
    at: str
    subject: str
    text: str
    method: str
    calendar: str
    flags: str


@dataclass(frozen=True, slots=True)
class Meeting:
    """`in_days` and `clock` say when it is; `answers` maps attendees to PARTSTAT values."""

    uid: str
    organizer: str
    attendees: str
    title: str
    place: str
    in_days: int
    clock: str
    minutes: int = 60
    rule: str = ""


TWELVE_WEEKS = "FREQ=WEEKLY;COUNT=12"
GROUP = Meeting(
    "group", "maren", "alice bob charlie", "Group meeting", "B-207", 2, "10:00", rule="FREQ=WEEKLY;COUNT=12"
)
ASH = Meeting("ash", "tanaka", "alice", "氷河コア打ち合わせ / Ash layer call", "Video", 4, "09:00", 45)
SOUP = Meeting("soup", "zoe", "alice bob charlie", "Suppe nach dem Werkstattgespräch", "Kleine Küche", 3, "17:30", 90)
AUDIT = Meeting("audit", "alice", "charlie bob", "Cold room inventory", "Cold room (hat!)", 9, "14:00", 120)

MAILS = (
    # meeting, sender, to, at, method, sequence, what the text says
    (GROUP, "maren", "alice bob charlie", "6 12:00", "REQUEST", 0, "The next twelve weeks, always in B-207."),
    (ASH, "tanaka", "alice", "1 05:40", "REQUEST", 0, "図2についてお話しできれば幸いです。"),
    (SOUP, "zoe", "alice bob charlie", "3 10:10", "REQUEST", 0, "Bitte Schüssel mitbringen."),
    (SOUP, "zoe", "alice bob charlie", "2 15:20", "REQUEST", 1, "Eine halbe Stunde später, die Küche ist noch belegt."),
    (AUDIT, "alice", "charlie bob", "5 09:30", "REQUEST", 0, "We count what is in there, once a year, quickly."),
    (AUDIT, "charlie", "alice", "5 09:48", "REPLY", 0, "Charlie has accepted. A hat has been bought."),
    (AUDIT, "bob", "alice", "4 08:00", "REPLY", 0, "Bob is not sure yet."),
    (Meeting("tour", "marta", "bob", "Tour of the old tunnel", "Gate 2", -20, "13:00"), "marta", "bob", "26 11:00",
     "CANCEL", 1, "The tunnel is flooded. We try again in spring."),
)  # fmt: skip
STATUS = {("charlie", "audit"): "ACCEPTED", ("bob", "audit"): "TENTATIVE"}
PREFIX = {"REQUEST": "Invitation: ", "CANCEL": "Cancelled: "}


def invitations(now: datetime) -> Iterator[Invitation]:
    for meeting, sender, to, at, method, sequence, text in MAILS:
        title = f"Updated invitation: {meeting.title}" if sequence and method == "REQUEST" else ""
        status = STATUS.get((sender, meeting.uid), "")
        subject = title or f"{PREFIX.get(method, status.capitalize() + ': ')}{meeting.title}"
        calendar = _calendar(meeting, now=now, method=method, sequence=sequence, sender=sender)
        flags = "" if at.startswith("1 ") else "\\Seen"
        yield Invitation(sender, to, at, subject, f"{text}\n", method, calendar, flags)


def _calendar(meeting: Meeting, *, now: datetime, method: str, sequence: int, sender: str) -> str:
    hour, minute = map(int, meeting.clock.split(":"))
    start = (now + timedelta(days=meeting.in_days)).replace(hour=hour, minute=minute) + timedelta(minutes=30 * sequence)
    end = start + timedelta(minutes=meeting.minutes)
    attendees = [sender] if method == "REPLY" else meeting.attendees.split()
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//IMS//Calendar//EN", f"METHOD:{method}", *ZONE.splitlines()]
    lines += [
        "BEGIN:VEVENT",
        f"UID:{meeting.uid}@ims.example",
        f"SEQUENCE:{sequence}",
        f"DTSTAMP:{now:%Y%m%dT%H%M%SZ}",
        f"DTSTART;TZID=Europe/Zurich:{start:%Y%m%dT%H%M00}",
        f"DTEND;TZID=Europe/Zurich:{end:%Y%m%dT%H%M00}",
        f"SUMMARY:{_escape(meeting.title)}",
        f"LOCATION:{_escape(meeting.place)}",
        f"ORGANIZER;CN={PEOPLE[meeting.organizer].name}:mailto:{PEOPLE[meeting.organizer].mail}",
    ]
    for key in attendees:
        status = STATUS.get((key, meeting.uid), "NEEDS-ACTION") if method == "REPLY" else "NEEDS-ACTION"
        person = PEOPLE[key]
        lines.append(f"ATTENDEE;CN={person.name};ROLE=REQ-PARTICIPANT;PARTSTAT={status};RSVP=TRUE:mailto:{person.mail}")
    if meeting.rule:
        lines.append(f"RRULE:{meeting.rule}")
    lines += [f"STATUS:{'CANCELLED' if method == 'CANCEL' else 'CONFIRMED'}", "END:VEVENT", "END:VCALENDAR"]
    return "".join(f"{_fold(line)}\r\n" for line in lines)


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")


def _fold(line: str) -> str:
    """No line over 75 octets (RFC 5545, 3.1), never inside a character."""
    out, length = [], 0
    for character in line:
        size = len(character.encode())
        if length + size > 75:
            out.append("\r\n ")
            length = 1
        out.append(character)
        length += size
    return "".join(out)
