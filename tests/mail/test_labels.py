"""Labels and other marks of messages: keywords on the server, shown, set, searched for, and away or on top by them."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from apps.mail.models import remember
from apps.mail.services import labels, snoozing, standing, stores
from apps.mail.services.labels import new_keyword
from apps.mail.services.snoozing import Snooze
from portal.contracts import Address
from tests.mail.conftest import HTMX, Person, days_ago, letter, signed_in
from tests.mail.everywhere import every_server  # noqa: F401 - a fixture
from tests.mail.test_actions import act, shown_message
from tests.support.mailserver import DovecotServer, PymapServer

NOTHING_NEW = "only those it has"


@pytest.fixture
def keeps(dovecot: DovecotServer, settings, db: None) -> Iterator[Person]:
    """Somebody on a server that keeps keywords. What the other one does is shown by tests of their own."""
    settings.IMAP_URL = dovecot.url
    yield signed_in(dovecot)
    stores.pool().close_all()


def user_id(person: Person) -> int:
    return int(person.client.session["_auth_user_id"])


def listed(person: Person, address: str = "/mail/INBOX/") -> list[str]:
    page = person.client.get(address).content.decode()
    return [html.unescape(subject) for subject in re.findall(r'<b class="ell">(.*?)</b>', page)]


def headings(person: Person, address: str = "/mail/INBOX/") -> list[str]:
    return re.findall(r'<li class="grp"><h2>(.*?)</h2>', person.client.get(address).content.decode())


def undo(person: Person, toast: str) -> str:
    fields = {name: html.unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', toast)}
    return shown_message(person, person.client.post(re.search(r'action="([^"]*)"', toast)[1], fields))


# labels


@pytest.mark.parametrize(
    ("name", "keyword"),
    [
        ("Trip", "trip"),
        ("To do (soon)", "to_do__soon_"),
        ("Réunion", "r&aok-union"),
        ("家族", "&w7zlzw-"),
        ("$label1", "_label1"),
        ('a]b\\c"d*%{', "a_b_c_d___"),
        ("x" * 40 + "é" * 30, None),
    ],
)
def test_a_name_becomes_an_atom(name: str, keyword: str | None) -> None:
    found = new_keyword(name, ())
    assert re.fullmatch(r"[!#$&'+,\-.0-9:;<=>?@\[^_`a-z|}~]{1,50}", found)
    assert keyword is None or found == keyword
    assert new_keyword(name, [found]) != found


def test_a_label_is_set_shown_found_and_taken_back(keeps: Person) -> None:
    one, two = keeps.receive(letter("one"), letter("two"), flags="$label1")[0], keeps.receive(letter("plain"))[0]
    toast = shown_message(keeps, act(keeps, "label", one, two, to="$label1"))
    assert "2 messages labelled “Important”." in toast
    assert "$label1" in keeps.flags(two)
    page = keeps.client.get("/mail/INBOX/").content.decode()
    assert page.count(">Important</a>") == 3  # in the rows; that of the column has a name of its own
    assert listed(keeps, "/mail/INBOX/?q=label:important") == listed(keeps) == ["plain", "two", "one"]
    assert "message" in undo(keeps, toast)
    assert (keeps.flags(one), keeps.flags(two)) == ({"$label1"}, set())  # the first one had it before
    assert listed(keeps, "/mail/INBOX/?q=label:%24label1") == ["two", "one"]
    assert listed(keeps, "/mail/INBOX/?q=-label:Important") == ["plain"]
    act(keeps, "label", one, to="-$label1")
    assert keeps.flags(one) == set()


def test_the_chooser_knows_what_messages_have_and_makes_new_ones(keeps: Person) -> None:
    (uid,) = keeps.receive(letter("one"), flags="$label2")
    answer = act(keeps, "label", uid, htmx=True)
    assert answer["HX-Retarget"] == "#mail-dialog"
    assert re.search(r'name="to" value="-\$label2" aria-pressed="true"', answer.content.decode())
    assert "labelled “Réunion”" in shown_message(keeps, act(keeps, "label", uid, new="Réunion"))
    assert "r&aok-union" in keeps.flags(uid)
    assert [label.name for label in labels.of(user_id(keeps))][-1] == "Réunion"
    assert listed(keeps, "/mail/INBOX/?q=label:réunion") == ["one"]
    assert act(keeps, "label", uid, new="réunion").status_code == 302  # the same one
    page = keeps.client.get("/mail/INBOX/?q=label:%22no such%22").content.decode()
    assert "you have no label with that name" in page


def test_all_of_a_folder_gets_a_label_and_loses_it_with_undo(keeps: Person) -> None:
    keeps.receive(*(letter(f"n{number}") for number in range(4)))
    page = keeps.client.get("/mail/INBOX/?all=1").content.decode()
    counted = html.unescape(re.search(r'name="all" value="([^"]+)"', page)[1])
    toast = shown_message(keeps, act(keeps, "label", all=counted, to="$label5"))
    assert "4 messages labelled “Later”." in toast
    assert len(listed(keeps, "/mail/INBOX/?q=label:later")) == 4
    undo(keeps, toast)
    assert listed(keeps, "/mail/INBOX/?q=label:later") == []


def test_a_poor_server_says_that_it_keeps_none(anna: Person) -> None:
    (uid,) = anna.receive(letter("one"))
    chooser = act(anna, "label", uid, htmx=True).content.decode()
    page = anna.client.get("/mail/@/labels/").content.decode()
    if not isinstance(anna.server, PymapServer):
        assert NOTHING_NEW not in chooser + page
        return
    assert NOTHING_NEW in chooser
    assert NOTHING_NEW in page
    assert 'value="snooze"' not in anna.client.get("/mail/INBOX/").content.decode()
    for do, target in (("label", "$label1"), ("pin", ""), ("snooze", "40000")):
        answer = act(anna, do, uid, to=target)
        assert answer.status_code == 409
        assert "keeps no such mark" in answer.content.decode()
    assert anna.client.post("/mail/@/labels/", {"name": "Trip"}).status_code == 422
    assert "can be snoozed" in anna.client.get("/mail/INBOX/?show=snoozed").content.decode()


def change(person: Person, do: str, keyword: str, **fields: object) -> None:
    answer = person.client.post("/mail/@/labels/act/", {"do": do, "keyword": keyword, **fields})
    assert answer.status_code == 302


def test_labels_are_looked_after_on_their_page(keeps: Person) -> None:
    keeps.receive(letter("one"), flags="$label1 oldtag $Junk NonJunk")
    keeps.receive(letter("two"), flags="$label1", mailbox="Archive")
    page = keeps.client.get("/mail/@/labels/").content.decode()
    assert 'value="oldtag"' in page  # of another program
    assert "onjunk" not in page.lower()
    keeps.client.post("/mail/@/labels/", {"name": "Old one", "keyword": "oldtag", "colour": "3"})
    change(keeps, "change", "$label1", name="Top <b>", colour=8)
    change(keeps, "hide", "$label2")
    change(keeps, "place", "oldtag", to=0)
    mine = labels.all_of(user_id(keeps))
    assert [(label.name, label.colour) for label in mine][:2] == [("Old one", 3), ("Top <b>", 8)]
    assert "Work" not in [label.name for label in labels.of(user_id(keeps))]
    assert "Top &lt;b&gt;</a>" in keeps.client.get("/mail/INBOX/").content.decode()
    assert keeps.client.post("/mail/@/labels/", {"name": "top <B>"}).status_code == 422  # there is one
    change(keeps, "remove", "oldtag")
    assert "oldtag" in keeps.flags(1)  # for other programs
    change(keeps, "off", "$label1")
    assert "$label1" not in keeps.flags(1) | keeps.flags(1, "Archive")
    assert "$label1" not in [label.keyword for label in labels.all_of(user_id(keeps))]


# pinned


def test_pinned_messages_stand_on_top_of_every_first_page(keeps: Person) -> None:
    first, *_rest = keeps.receive(*(letter(f"n{number}") for number in range(60)))
    assert "1 message pinned." in shown_message(keeps, act(keeps, "pin", first))
    subjects = listed(keeps)
    assert subjects[0] == "n0"
    assert len(subjects) == 51
    assert headings(keeps)[0] == "Pinned"
    page = keeps.client.get("/mail/INBOX/").content.decode()
    assert "1–51 of 60" in page
    following = html.unescape(re.search(r'href="([^"]+)"[^>]*rel="next"', page)[1])
    assert listed(keeps, following) == [f"n{number}" for number in range(9, 0, -1)]
    assert listed(keeps, "/mail/INBOX/?show=unread").count("n0") == 0  # it is in its place there
    act(keeps, "unpin", first)
    assert listed(keeps)[0] == "n59"


# muted


def test_answers_to_what_is_muted_come_in_as_read(keeps: Person) -> None:
    (root,) = keeps.receive(letter("Lunch", Message_ID_=""))
    with keeps.server.session(keeps.login) as session:
        session.select("INBOX", readonly=True)
        header = session.uid("FETCH", str(root), "(BODY.PEEK[HEADER])")[1][0][1].decode()
    own = re.search(r"(?i)message-id:\s*(<[^>]+>)", header)[1]
    (reply,) = keeps.receive(letter("Re: Lunch", In_Reply_To=own, References=own))
    text = shown_message(keeps, act(keeps, "mute", reply))
    assert "2 messages muted" in text  # the one it answers, too
    assert "$muted" in keeps.flags(root)
    mine = "<from-sent@example.test>"
    later, other = keeps.receive(
        letter("Re: Re: Lunch", In_Reply_To=mine, References=f"{own} {mine}"),
        letter("Another", In_Reply_To="<else@example.test>"),
    )
    keeps.client.get("/mail/INBOX/")
    assert keeps.flags(later) == {"\\Seen", "$muted"}
    assert keeps.flags(other) == set()
    undo(keeps, text)
    assert "$muted" not in keeps.flags(root)


# snoozed


def test_a_moment_is_in_the_keywords() -> None:
    moment = datetime(2027, 3, 1, 8, 15, tzinfo=UTC)
    snooze = Snooze.until(moment, unread=True)
    assert Snooze.of(keyword.lower() for keyword in snooze.keywords) == snooze
    assert snooze.moment == moment
    assert Snooze.until(moment - timedelta(minutes=1)).moment == moment  # never early
    assert Snooze.of({"$snooze3"}) is None
    assert len(snooze.keywords) <= 22


def test_what_is_snoozed_is_away_until_its_time(keeps: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    one, _two, three = keeps.receive(letter("one"), letter("two"), letter("three"), flags="\\Seen")
    asked = act(keeps, "snooze", one, htmx=True).content.decode()
    assert "Tomorrow" in asked
    assert "day and time to come" in act(keeps, "snooze", one, own="2001-01-01T10:00").content.decode()
    soon = (timezone.localtime() + timedelta(days=2)).replace(second=0, microsecond=0)  # as the form takes it
    toast = shown_message(keeps, act(keeps, "snooze", one, own=soon.strftime("%Y-%m-%dT%H:%M"), unread="yes"))
    assert "1 message snoozed until" in toast
    act(keeps, "snooze", three, to=str(Snooze.until(soon + timedelta(days=30))))
    assert listed(keeps) == ["two"]
    assert listed(keeps, "/mail/INBOX/?show=snoozed") == ["one", "three"]
    assert "\\Seen" in keeps.flags(one)
    page = keeps.client.get("/mail/INBOX/?all=1").content.decode()
    assert 'name="all" value="2"' in page  # what is away is not chosen with the rest
    shown = re.search(r'data-state="(\w+)" ', page)
    assert shown
    state = keeps.client.get("/mail/INBOX/news/?state=x")["X-Mail-Mark"]
    until = int(Snooze.until(soon).moment.timestamp())
    assert state in ("", state) and (not state or state.endswith(f"~{until}"))
    now = Snooze.until(soon).moment + timedelta(minutes=1)
    monkeypatch.setattr(standing, "timezone", SimpleNamespace(now=lambda: now))
    assert listed(keeps)[:1] == ["one"]
    assert headings(keeps)[0] == "Back from snooze"
    assert "\\Seen" not in keeps.flags(one)  # as was wished
    act(keeps, "unsnooze", one)
    assert not [flag for flag in keeps.flags(one) if "snooze" in flag]
    assert listed(keeps) == ["two", "one"]


def test_snoozing_again_is_undone_to_the_time_before(keeps: Person) -> None:
    one, two = keeps.receive(letter("one"), letter("two"))
    shown_message(keeps, act(keeps, "snooze", one, to="40000"))
    toast = shown_message(keeps, act(keeps, "snooze", one, two, to="40960u"))
    assert set(Snooze.parse("40960u").keywords) <= keeps.flags(one)
    undo(keeps, toast)
    assert keeps.flags(one) == set(Snooze.parse("40000").keywords)
    assert keeps.flags(two) == set()


def test_presets_lie_ahead() -> None:
    for hour in (0, 9, 15, 21, 23):
        for day in range(1, 8):
            now = timezone.make_aware(datetime(2026, 11, day, hour, 30))
            moments = [Snooze.parse(preset.value).moment for preset in snoozing.presets(now)]
            assert all(moment > now for moment in moments)
            assert moments == sorted(set(moments))
            assert moments[0].astimezone(now.tzinfo).date() - now.date() <= timedelta(days=1)


# filters, and days


def test_filters_are_combined_and_counted(anna: Person) -> None:
    person = get_user_model().objects.get(pk=user_id(anna))
    remember(person.pk, [Address("bob@example.test", "Bob")])
    mine = person.email or person.login
    anna.receive(
        letter("to me", to=mine, sender="Bob <bob@example.test>"),
        letter("list", to="all@list.test", List_Id="<all.list.test>"),
        letter(
            "file", files=(("a.pdf", "application/pdf", b"x"),), sender="Bob <bob@example.test>", to="all@list.test"
        ),
    )
    anna.receive(letter("read", to=mine), flags="\\Seen")
    expected = {
        "me": ["read", "to me"],
        "lists": ["list"],
        "contacts": ["file", "to me"],
        "attachment": ["file"],
        "unread,me": ["to me"],
        "contacts,attachment": ["file"],
        "flagged,lists": [],
    }
    for show, subjects in expected.items():
        assert listed(anna, f"/mail/INBOX/?show={show}") == subjects, show
    page = anna.client.get("/mail/INBOX/?show=contacts,unread").content.decode()
    assert ">2 messages</span>" in page
    assert re.search(r'href="/mail/INBOX/\?show=contacts" aria-current="true"', page)  # each leads on without itself
    assert "No message fits these filters" in anna.client.get("/mail/INBOX/?show=flagged,lists").content.decode()
    menu = anna.client.get("/mail/INBOX/narrow/?show=me", headers=HTMX).content.decode()
    assert 'href="/mail/INBOX/?show=unread%2Cme"' in menu
    assert "<html" in anna.client.get("/mail/INBOX/narrow/").content.decode()


def test_a_day_is_jumped_to(anna: Person) -> None:
    for number in range(70):
        anna.receive(letter(f"n{number}"), date=days_ago(70 - number))
    day = timezone.localdate() - timedelta(days=60)
    answer = anna.client.get("/mail/INBOX/day/", {"day": day.isoformat()})
    assert answer.status_code == 302
    assert listed(anna, answer["Location"])[0] == "n10"
    for day, first in (("2999-01-01", "n69"), ("1990-01-01", "n49"), ("nonsense", "n69")):
        address = anna.client.get("/mail/INBOX/day/", {"day": day})["Location"]
        assert listed(anna, address)[0] == first, day
