"""Calendars in messages: what the page says of them, and the answer that goes to the organiser."""

from __future__ import annotations

import re
from datetime import datetime
from email.message import EmailMessage
from html import unescape

import icalendar
import pytest
from django.http import HttpResponse

from apps.mail.mime import calendars
from tests.mail.conftest import Person, letter
from tests.mail.desk import Writer
from tests.support.mailserver import DovecotServer
from tests.support.receiver import PostOffice, arrived, read

ZONE = """BEGIN:VTIMEZONE
TZID:{name}
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:{offset}
TZOFFSETTO:{offset}
{rule}END:STANDARD
END:VTIMEZONE
"""


def calendar(
    *,
    method: str = "REQUEST",
    start: str = "DTSTART;TZID=W. Europe Standard Time:20270112T100000",
    end: str = "DTEND;TZID=W. Europe Standard Time:20270112T113000",
    guests: tuple[str, ...] = ("alice@example.test",),
    organizer: str = "bob@example.test",
    before: str = "",
    **more: str,
) -> bytes:
    """``more``: further lines of the event by their name."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//test//EN",
        *([f"METHOD:{method}"] if method else []),
        *before.splitlines(),
        "BEGIN:VEVENT",
        f"UID:{more.pop('UID', 'felt-1@example.test')}",
        "DTSTAMP:20261101T080000Z",
        start,
        *([end] if end else []),
        f"SUMMARY:{more.pop('SUMMARY', 'Raising the felt')}",
        *([f"ORGANIZER;CN=Bob Organiser:mailto:{organizer}"] if organizer else []),
        *(f"ATTENDEE;CN=Guest;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:{guest}" for guest in guests),
        *(f"{name.replace('_', '-')}:{value}" for name, value in more.items()),
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "\r\n".join(lines).encode() + b"\r\n"


def invitation(octets: bytes, *, to: str = "alice@example.test", subject: str = "Raising the felt") -> bytes:
    """As programs send it: the calendar beside the text."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Bob <bob@example.test>", to, subject
    message["Message-ID"] = f"<{abs(hash(octets))}@example.test>"
    message.set_content("Please come.")
    method = re.search(rb"METHOD:(\w+)", octets)
    params = {"method": method[1].decode()} if method else {}
    message.add_alternative(octets, "text", "calendar", params={**params, "charset": "utf-8"})
    return message.as_bytes()


def opened(person: Person, uid: int) -> str:
    answer = person.client.get(person.url("message", "INBOX", uid, v=person.uidvalidity()))
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def card(page: str) -> str:
    """The words of the invitation's card."""
    (found,) = re.findall(r'<section class="invite.*?</section>', page, re.S)
    return " ".join(re.sub(r"<[^>]+>", " ", found).split())


def press(person: Person, uid: int, answer: str, *, comment: str = "", **changes: str) -> HttpResponse:
    page = opened(person, uid)
    found = re.search(r'<form method="post" action="([^"]*/answer/[^"]*)">(.*?)</form>', page, re.S)
    assert found is not None
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', found[2]))
    data = {**fields, "answer": answer, "comment": comment, **changes}
    return person.client.post(found[1], data, follow=True)


@pytest.fixture
def berlin(settings):
    settings.TIME_ZONE = "Europe/Berlin"


def in_zone(person: Person, zone: str) -> None:
    person.client.cookies["tz"] = zone


def test_an_invitation_tells_what_when_where_and_who(anna: Person) -> None:
    octets = calendar(
        guests=("alice@example.test", "charlie@example.test"),
        LOCATION="The big yurt",
        DESCRIPTION="Bring gloves.\\nWe start early.",
        URL="https://example.test/felt",
        RRULE="FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH;COUNT=4",
    )
    (uid,) = anna.receive(invitation(octets))
    in_zone(anna, "Europe/Berlin")
    text = card(opened(anna, uid))
    assert "Invitation" in text and "Raising the felt" in text and "The big yurt" in text
    assert "Tuesday, 12 January 2027, 10:00–11:30 Central European" in text
    assert "For the organiser" not in text
    assert "Every 2 weeks on Tuesday and Thursday, 4 times" in text
    assert "Bob Organiser" in text and "no answer yet" in text and "2 people invited" in text
    assert "Bring gloves." in text and "https://example.test/felt" in text
    in_zone(anna, "America/New_York")
    text = card(opened(anna, uid))
    assert "Tuesday, 12 January 2027, 04:00–05:30 Eastern" in text
    assert "For the organiser: Tuesday, 12 January 2027, 10:00–11:30 (Central European" in text


def test_one_sender_s_time_zone_is_not_another_s() -> None:
    """Both call theirs "Customized Time Zone"."""
    times = []
    for offset in ("+0300", "-0500", "+0300"):
        zone = ZONE.format(name="Customized Time Zone", offset=offset, rule="")
        octets = calendar(before=zone, start="DTSTART;TZID=Customized Time Zone:20270112T100000", end="")
        (event,) = calendars.read(octets).events
        assert isinstance(event.start.value, datetime)
        times.append(event.start.value.isoformat())
    assert times == ["2027-01-12T10:00:00+03:00", "2027-01-12T10:00:00-05:00", "2027-01-12T10:00:00+03:00"]


@pytest.mark.parametrize("rule", ["RRULE:FREQ=SECONDLY\n", "RRULE:FREQ=YEARLY;BYSECOND=0,1,2,3,4,5\n"])
def test_a_zone_that_would_take_for_ever_is_not_expanded(rule: str) -> None:
    zone = ZONE.format(name="Slow", offset="+0300", rule=rule)
    (event,) = calendars.read(calendar(before=zone, start="DTSTART;TZID=Slow:20270112T100000", end="")).events
    assert event.start.unknown_zone and event.start.value == datetime(2027, 1, 12, 10)


def test_a_time_in_a_zone_that_nobody_knows_is_shown_as_it_was_written(anna: Person) -> None:
    (uid,) = anna.receive(invitation(calendar(start="DTSTART;TZID=Felt Standard Time:20270112T100000", end="")))
    text = card(opened(anna, uid))
    assert "12 January 2027, 10:00" in text
    assert "Nobody here knows the time zone “Felt Standard Time”" in text


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"method": "CANCEL"}, "Cancelled"),
        ({"method": "CANCEL", "RECURRENCE_ID": "20270112T090000Z"}, "One date of a series is cancelled"),
        ({"SEQUENCE": "3"}, "Changed invitation"),
        ({"method": "COUNTER"}, "A different time is proposed"),
        ({"method": "PUBLISH"}, "Event"),
        ({"method": ""}, "Event"),
    ],
)
def test_each_kind_of_message_is_called_what_it_is(anna: Person, how: dict[str, str], said: str) -> None:
    (uid,) = anna.receive(invitation(calendar(**how)))
    page = opened(anna, uid)
    assert card(page).startswith(said)
    assert ("/answer/" in page) == (how.get("method", "REQUEST") == "REQUEST")


def test_an_answer_to_our_own_invitation_says_who_comes(anna: Person) -> None:
    octets = calendar(method="REPLY", guests=()).replace(
        b"END:VEVENT",
        b"ATTENDEE;CN=Carla;PARTSTAT=DECLINED:mailto:carla@example.test\r\nCOMMENT:Too far.\r\nEND:VEVENT",
    )
    (uid,) = anna.receive(invitation(octets))
    text = card(opened(anna, uid))
    assert text.startswith("Carla has declined") and "Too far." in text


def test_days_without_a_time(anna: Person) -> None:
    (uid,) = anna.receive(
        invitation(calendar(start="DTSTART;VALUE=DATE:20270112", end="DTEND;VALUE=DATE:20270115")),
    )
    assert "Tuesday, 12 January 2027 – Thursday, 14 January 2027" in card(opened(anna, uid))


def test_a_broken_calendar_says_so_and_shows_its_source(anna: Person) -> None:
    (uid,) = anna.receive(invitation(b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\n<script>alert(1)</script>\r\n"))
    page = opened(anna, uid)
    assert "This calendar cannot be read" in card(page)
    link = re.search(r'href="([^"]*/view/[^"]*)">Show the source', page)
    source = anna.client.get(link[1]).content.decode()
    assert "This calendar is broken, or none" in source and "&lt;script&gt;" in source and "<script>al" not in source


def test_a_file_with_several_events_lists_them(anna: Person) -> None:
    first = calendar(method="", SUMMARY="First felt").partition(b"END:VCALENDAR")[0]
    second = calendar(method="", SUMMARY="Second felt", UID="two").partition(b"BEGIN:VEVENT")
    (uid,) = anna.receive(letter(files=(("all.ics", "text/calendar", first + second[1] + second[2]),)))
    text = card(opened(anna, uid))
    assert text.startswith("Calendar") and "First felt" in text and "Second felt" in text


def test_what_has_changed_is_told(anna: Person) -> None:
    anna.receive(invitation(calendar(LOCATION="The big yurt")))
    moved = calendar(
        start="DTSTART;TZID=W. Europe Standard Time:20270112T140000", LOCATION="The small yurt", SEQUENCE="1", end=""
    )
    (uid,) = anna.receive(invitation(moved, subject="Updated: Raising the felt"))
    url = anna.url("changes", "INBOX", uid, "2", v=anna.uidvalidity())
    page = unescape(anna.client.get(url).content.decode())
    rows = re.findall(r"<dt>([^<]+)</dt><dd><del[^>]*>([^<]+)</del> <ins[^>]*>([^<]+)</ins>", page)
    assert ("Where", "The big yurt", "The small yurt") in rows
    assert [what for what, _old, _new in rows] == ["When", "Where"]
    assert page.count("<html") == 1
    fragment = anna.client.get(url, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in fragment and "The small yurt" in fragment


# --- answers ----------------------------------------------------------------------------------------------------------


def test_the_answer_reaches_the_organiser_and_is_remembered(writer: Writer, post: PostOffice) -> None:
    person, bob = writer.person, post.new_login()
    mine = f"{person.login}@example.test"
    (uid,) = person.receive(
        invitation(calendar(guests=(mine,), organizer=f"{bob}@example.test", SEQUENCE="2"), to=mine)
    )
    page = press(person, uid, "accept", comment="I bring the poles; gladly").content.decode()
    assert "You have accepted." in page and "The organiser has been told." in page
    (raw,) = arrived(post, bob)
    message = read(raw)
    assert message["Subject"] == "Accepted: Raising the felt" and message["From"].addresses[0].addr_spec == mine
    assert message.get_content_type() == "multipart/alternative"
    part = message.get_payload()[1]
    assert part.get_content_type() == "text/calendar" and part.get_param("method") == "REPLY"
    reply = icalendar.Calendar.from_ical(part.get_payload(decode=True))
    (event,) = reply.walk("VEVENT")
    assert reply["METHOD"] == "REPLY" and event["UID"] == "felt-1@example.test" and event["SEQUENCE"] == 2
    assert event["ORGANIZER"] == f"mailto:{bob}@example.test"
    assert event["ATTENDEE"] == f"mailto:{mine}" and event["ATTENDEE"].params["PARTSTAT"] == "ACCEPTED"
    assert event["COMMENT"] == "I bring the poles; gladly"
    assert "\\Answered" in person.flags(uid)
    if not isinstance(person.server, DovecotServer):  # it keeps no keywords
        assert "You have answered." in card(opened(person, uid))
        return
    assert "$Invitation-Accepted" in person.flags(uid)
    # another answer takes its place
    press(person, uid, "decline")
    arrived(post, bob, 2)
    flags = person.flags(uid)
    assert "$Invitation-Declined" in flags and "$Invitation-Accepted" not in flags
    assert "You have declined." in card(opened(person, uid))


def test_the_same_answer_twice_is_sent_once(writer: Writer, post: PostOffice) -> None:
    person, bob = writer.person, post.new_login()
    (uid,) = person.receive(invitation(calendar(organizer=f"{bob}@example.test")))
    page = opened(person, uid)
    id = re.search(r'name="id" value="([^"]+)"', page)[1]
    assert "None of your addresses is among those invited" in card(page)
    for _press in range(2):
        press(person, uid, "tentative", id=id)
    press(person, uid, "decline", id=id)  # that page, answered differently
    assert [read(raw)["Subject"] for raw in arrived(post, bob, 2)] == [
        "Maybe: Raising the felt",
        "Declined: Raising the felt",
    ]


def test_an_answer_that_cannot_be_sent_keeps_its_words(writer: Writer, settings) -> None:
    (uid,) = writer.person.receive(invitation(calendar()))
    settings.SMTP_URL = "smtp://127.0.0.1:9"
    answer = press(writer.person, uid, "accept", comment="Gladly, with poles")
    page = answer.content.decode()
    assert answer.status_code == 422 and 'role="alert"' in page and 'value="Gladly, with poles"' in page
    assert not any(flag.startswith("$Invitation") for flag in writer.person.flags(uid))


def test_nothing_else_is_answered(writer: Writer) -> None:
    (uid,) = writer.person.receive(letter())
    url = writer.person.url("answer", "INBOX", uid, "1", v=writer.person.uidvalidity())
    assert writer.person.client.post(url, {"answer": "accept", "id": "x" * 20}).status_code == 404
    (uid,) = writer.person.receive(invitation(calendar(method="CANCEL")))
    url = writer.person.url("answer", "INBOX", uid, "2", v=writer.person.uidvalidity())
    assert writer.person.client.post(url, {"answer": "accept", "id": "x" * 20}).status_code == 404
