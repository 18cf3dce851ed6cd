"""Groups as recipients: all of their people get the message, once each, or nobody does."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from apps.mail.mime import addresses, build, drafts, parse
from apps.mail.mime.outgoing import Group, OutgoingMessage, Refused
from apps.mail.models import OutboxMessage
from apps.mail.services import sweeping
from portal import addressing
from portal.contracts import Address
from portal.testing import with_apps
from tests.mail.conftest import letter, send_at_once
from tests.mail.desk import Desk, Writer
from tests.mail.test_drafts import save_by_script
from tests.support import forms
from tests.support.books import ScriptedBook, shelf
from tests.support.receiver import PostOffice, SmallPost, arrived, read

SILENT = "“Field team” cannot be written to just now: the directory does not answer. Try again in a moment."


@pytest.fixture
def far() -> Iterator[ScriptedBook]:
    book = ScriptedBook()
    with with_apps(shelf(book)):
        yield book


@pytest.fixture
def team(far: ScriptedBook, post: PostOffice) -> list[str]:
    """The logins of the people of "Field team"; the last one is there twice."""
    logins = [post.new_login() for _ in range(3)]
    people = [Address(f"{login}@example.test", f"Person {login}") for login in logins]
    far.groups["Field team"] = [*people, Address(people[-1].email.upper(), "Again")]
    return logins


def delivered(post: PostOffice, logins: list[str]) -> list[int]:
    for login in logins:
        arrived(post, login)
    return [len(post.received(login)) for login in logins]


# --- the text ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "people", "groups"),
    [
        ("Field team:;", [], [Group("Field team")]),
        ("Field team:", [], [Group("Field team")]),
        ("Field team (demo.book/12):;", [], [Group("Field team", "demo.book/12")]),
        ("a@x.test, Field team:;, b@x.test", ["a@x.test", "b@x.test"], [Group("Field team")]),
        ('"Team: A; B" (d.b/cn%3Da):; a@x.test', ["a@x.test"], [Group("Team: A; B", "d.b/cn%3Da")]),
        ("One:;Two : ;", [], [Group("One"), Group("Two")]),
        ("One:;One:;", [], [Group("One")]),
        ("Отряд:;", [], [Group("Отряд")]),
        ("Team: a@x.test, b@x.test;", ["a@x.test", "b@x.test"], []),
        ("Team: ,;", [], [Group("Team")]),
        ("undisclosed-recipients:;", [], []),
        ("Undisclosed recipients:;", [], []),
        (":;", [], []),
        ("mailto:a@x.test", ["a@x.test"], []),
        ("Team (not a reference):;", [], [Group("Team")]),
        ("Team (../../etc):;", [], [Group("Team")]),
    ],
)
def test_groups_are_read_from_what_is_typed(typed: str, people: list[str], groups: list[Group]) -> None:
    assert [each.email for each in addresses.split(typed)] == people
    assert list(addresses.groups(typed, encoded=False)) == groups
    written = addresses.format([], groups)
    assert list(addresses.groups(written, encoded=False)) == groups


@pytest.mark.parametrize("name", ["Field team", "Отряд «Лёд»", 'A "B" (C), D:;', "=?utf-8?q?x?=", "x" * 200])
def test_a_draft_keeps_them_and_a_message_never_has_one(name: str) -> None:
    group = Group(name, "demo.book/cn%3Dx%2Cou%3Dy")
    to = (Address("a@x.test", "Ann"),)
    draft = OutgoingMessage(from_=Address("me@x.test"), to=to, groups={"To": (group,), "Bcc": (group, Group("Own"))})
    octets = build.draft(draft)
    assert max(map(len, octets.splitlines())) <= build.MAX_LINE
    kept = drafts.from_draft(parse.parse(octets))
    assert (kept.to, kept.groups) == (to, {"To": (group,), "Bcc": (group, Group("Own"))})
    with pytest.raises(Refused):
        build.message(draft)


@pytest.mark.parametrize("text", ["Team\r\nBcc: v@x.test", "Team\x00"])
def test_no_control_character_gets_into_a_header(text: str) -> None:
    for group in (Group(text, "a/b"), Group("Team", text)):
        with pytest.raises(Refused):
            build.draft(OutgoingMessage(from_=Address("me@x.test"), groups={"To": (group,)}))


# --- sending ----------------------------------------------------------------------------------------------------------


def test_everybody_gets_it_once_and_nobody_sees_who_was_in_bcc(
    writer: Writer, post: PostOffice, team: list[str]
) -> None:
    known, hidden = team[0], post.new_login()
    page = writer.new().press(
        to="Field team:;", cc=f"Known <{known}@example.test>", bcc=f"{hidden}@example.test", subject="S", text="T\n"
    )
    assert page.said == ["Message sent."]
    assert delivered(post, [*team, hidden]) == [1, 1, 1, 1]
    message = read(post.received(team[1])[0])
    assert [each.addr_spec for each in message["To"].addresses] == [f"{login}@example.test" for login in team]
    assert message["Cc"] is None and message["Bcc"] is None  # who is in both is named once, where it came first
    assert read(writer.stored("Sent")[0])["Bcc"] == f"{hidden}@example.test"


def test_in_bcc_nobody_of_it_is_named(writer: Writer, post: PostOffice, team: list[str]) -> None:
    bob = post.new_login()
    assert writer.new().press(to=f"{bob}@example.test", bcc="Field team:;", subject="S", text="T\n").said
    assert delivered(post, [bob, *team]) == [1, 1, 1, 1]
    for login in (bob, *team):
        assert not any(name.encode() in post.received(login)[0] for name in team if name != login and len(name) > 3)
    assert len(read(writer.stored("Sent")[0])["Bcc"].addresses) == 3


@pytest.mark.parametrize("server", ["pymap_server"], indirect=True)  # its receiver shows the envelope
def test_the_envelope_names_each_once(writer: Writer, post: SmallPost, team: list[str]) -> None:
    writer.new().press(to="Field team:;", bcc=f"{team[0].upper()}@example.test", subject="S", text="T\n")
    (envelope,) = post.envelopes
    assert envelope.rcpt_tos == [f"{login}@example.test" for login in team]


def test_nothing_goes_to_half_of_them(writer: Writer, post: PostOffice, far: ScriptedBook, team: list[str]) -> None:
    bob = post.new_login()
    typed = {"to": f"{bob}@example.test, Field team:;", "subject": "S", "text": "T\n"}
    far.dead = True
    page = writer.new().press(**typed)
    assert page.status == 422 and page.errors == {"to": [SILENT]}
    assert {name: page.value(name) for name in typed} == typed
    far.dead = False
    far.groups["Field team"].append(Address("nobody at all", "Broken"))
    assert page.press().errors["to"][0].startswith("“Field team” cannot be written to. “nobody at all” is not a mail")
    far.groups = {}
    assert page.press().errors["to"] == ["There is no group “Field team” that you may write to."]
    far.groups = {"Field team": [Address("", "No Address")]}
    assert page.press().errors["to"] == ["Nobody in “Field team” has an address."]
    far.groups = {"Field team": [Address(f"many{n}@example.test") for n in range(500)]}
    assert page.press().errors["to"] == ["At most 500 addresses."]
    assert post.received(bob) == [] and writer.stored("Sent") == [] and not OutboxMessage.objects.exists()


@pytest.mark.django_db(transaction=True)  # in a transaction nobody is left behind
def test_a_slow_directory_is_waited_for_no_longer_than_that(
    writer: Writer, far: ScriptedBook, team: list[str], monkeypatch
) -> None:
    monkeypatch.setattr(addressing, "EXPAND_BUDGET", 0.2)
    far.hangs = threading.Event()
    started = time.monotonic()
    page = writer.new().press(to="Field team (demo.directory/Field%20team):;", subject="S", text="T\n")
    assert page.errors == {"to": [SILENT]}
    assert time.monotonic() - started < 20
    assert "expand" in far.calls
    far.hangs.set()


def test_many_are_asked_about_once_and_again_when_they_are_others(
    writer: Writer, post: PostOffice, far: ScriptedBook
) -> None:
    bob = post.new_login()
    people = [Address(f"{bob}@example.test"), *(Address(f"many{n}@example.test") for n in range(50))]
    far.groups = {"Field team": [*people, Address("", "Bo Berg")]}
    page = writer.new().press(to="Field team:;", subject="S", text="T\n")
    assert page.questions == [
        "“Field team”: 51 people. 1 of them has no address and gets nothing: Bo Berg.",
        "In To and Cc everybody sees all addresses, in Bcc nobody does.",
    ]
    far.groups["Field team"].append(Address("one.more@example.test"))
    page = page.press()
    assert page.questions[0].startswith("“Field team”: 52 people.")
    assert not OutboxMessage.objects.exists()
    far.groups["Field team"] = [people[0], Address("", "Bo Berg")]
    page = page.press()  # others again, and fewer
    assert page.questions[0] == "“Field team”: 1 person. 1 of them has no address and gets nothing: Bo Berg."
    assert page.press().said == ["Message sent."]
    assert delivered(post, [bob]) == [1]


def test_what_waits_goes_to_those_who_were_counted(
    writer: Writer, post: PostOffice, far: ScriptedBook, team: list[str]
) -> None:
    send_at_once(writer.person, seconds=10)
    writer.new().press(to="Field team:;", subject="S", text="T\n")
    far.dead = True  # nobody has to ask it any more
    sweeping.sweep(now=timezone.now() + timedelta(seconds=11))
    assert delivered(post, team) == [1, 1, 1]


def test_a_retry_goes_to_all_of_them_once(
    writer: Writer, post: PostOffice, far: ScriptedBook, team: list[str], settings
) -> None:
    send_at_once(writer.person, seconds=10)
    open_for_mail, settings.SMTP_URL = settings.SMTP_URL, "smtp://127.0.0.1:9"
    writer.new().press(to="Field team:;", subject="S", text="T\n")
    sweeping.sweep(now=timezone.now() + timedelta(seconds=11))
    assert OutboxMessage.objects.get().state == OutboxMessage.State.WAITING
    settings.SMTP_URL, far.dead = open_for_mail, True
    sweeping.sweep(now=timezone.now() + timedelta(hours=1))
    assert delivered(post, team) == [1, 1, 1]
    assert OutboxMessage.objects.get().state == OutboxMessage.State.DONE


def test_what_is_taken_back_has_its_group_again(writer: Writer, post: PostOffice, team: list[str]) -> None:
    send_at_once(writer.person, seconds=10)
    typed = {"to": "a@example.test, Field team (demo.directory/Field%20team):;", "cc": "c@example.test"}
    writer.new().press(**typed, subject="S", text="T\n")
    row = OutboxMessage.objects.get()
    answer = writer.person.client.post(f"/mail/@/outbox/{row.pk}/", {"do": "edit"}, follow=True)
    page = Desk(writer.person)._stand(answer)
    assert {name: page.value(name) for name in typed} == typed


def test_a_message_is_sent_on_to_a_group(writer: Writer, post: PostOffice, team: list[str]) -> None:
    (uid,) = writer.person.receive(letter("Poles"))
    url = writer.person.url("redirect", "INBOX", uid, v=writer.person.uidvalidity())
    fields = forms.fields(writer.person.client.get(url).content.decode(), "redirect")
    answer = writer.person.client.post(url, {**fields, "to": "No such team:;"})
    assert answer.status_code == 422 and "There is no group “No such team”" in answer.content.decode()
    assert writer.person.client.post(url, {**fields, "to": "Field team:;"}).status_code == 302
    assert delivered(post, team) == [1, 1, 1]


# --- drafts, and pages without scripts --------------------------------------------------------------------------------


def test_a_group_stays_one_in_drafts_whoever_writes_them_on(writer: Writer, team: list[str]) -> None:
    text = "Ann <ann@example.test>, Field team (demo.directory/Field%20team):;"
    page = writer.new()
    save_by_script(page, to=text, subject="S")
    page.press("save")
    assert page.value("to") == text
    (raw,) = writer.stored("Drafts")
    assert read(raw)["To"].groups[-1].display_name == "Field team"  # another program reads a group as well
    (uid,) = writer.uids("Drafts")
    plain = raw.replace(b" (demo.directory/Field%20team)", b"")
    other = b"\r\n".join(line for line in plain.split(b"\r\n") if not line.startswith(b"X-Yurt-Draft"))
    (uid,) = writer.person.receive(other, mailbox="Drafts")
    assert writer.on("edit", uid, "Drafts").value("to") == "Ann <ann@example.test>, Field team:;"


def test_without_scripts_a_button_opens_them_up(
    writer: Writer, post: PostOffice, far: ScriptedBook, team: list[str]
) -> None:
    near = ScriptedBook(id="demo.near", remote=False, groups={"Office": [Address("o@example.test", "Olga")]})
    with with_apps(shelf(near, id="near")):
        page = writer.new().press("check", to="x@example.test, Office:;, Field team:;, Nobody:;", subject="S", text="T")
    assert page.value("to") == (
        "x@example.test, Olga <o@example.test>, Field team (demo.directory/Field%20team):;, Nobody:;"
    )
    assert page.tips[:3] == [
        "“Office”: 1 person.",
        "“Field team”: 3 people.",
        "There is no group “Nobody” that you may write to.",
    ]
    assert page.value("subject") == "S"
    assert writer.new().press("check", to="ann@").errors == {
        "to": ["“ann@” is not a mail address. There is nothing after the “@”."]
    }


def test_two_groups_of_one_name_are_not_guessed_between(writer: Writer) -> None:
    one = ScriptedBook(id="a.one", remote=False, source="Contacts", groups={"Team": [Address("a@example.test")]})
    two = ScriptedBook(id="a.two", remote=False, source="Shared", groups={"team": [Address("b@example.test")]})
    with with_apps(shelf(one, two, id="near")):
        page = writer.new().press(to="TEAM:;", subject="S", text="T")
        assert page.errors["to"] == [
            "There are several groups called “TEAM” (Contacts, Shared). Give the one that you mean another name."
        ]
