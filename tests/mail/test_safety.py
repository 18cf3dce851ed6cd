"""Whom it goes to: everything that is to be asked is asked at once, and what a site does not allow is not sent."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.cache import cache

from apps.mail.models import OutboxMessage, SendingLimit, remember
from apps.mail.services import limits, quotas, strangers
from apps.mail.submission import MessageRefused
from portal.contracts import Address
from portal.net import ServerUrl
from tests.mail.conftest import letter, send_at_once
from tests.mail.desk import Desk, Writer
from tests.mail.test_options import remind
from tests.mail.test_outbox import press, user_of
from tests.mail.test_sending import WRITTEN, to
from tests.mail.test_submission import FINE, simple
from tests.support.receiver import PostOffice, SmallPost, arrived
from tests.support.scripted import answering, scripted

poor = pytest.mark.parametrize("server", ["pymap_server"], indirect=True)  # the server makes no difference here


@poor
def test_all_that_is_to_be_asked_is_asked_at_once_and_once(writer: Writer, post: SmallPost) -> None:
    remind(writer)
    remember(user_of(writer.person).pk, [Address("bo@polar-institute.example")])
    typed = {
        "to": "anna@gmial.com, bo@polar-instiute.example, cy@gmail.com, dora@somewhere.example",
        "text": "Dear {name},\nthe plan is attached.\n\n> {first_name} wrote\n",
    }
    desk = writer.new().press(**typed)
    assert desk.questions == [
        "You mention “attached”, but no file is attached.",
        "Is “anna@gmial.com” right? Its domain is close to gmail.com.",
        "Is “bo@polar-instiute.example” right? Its domain is close to polar-institute.example.",
        "A placeholder is not filled in: {name}",
    ]
    assert (desk.errors, desk.status, desk.value("text")) == ({}, 422, typed["text"])
    assert post.envelopes == []
    desk.press(to=typed["to"] + ", eva@yaho.com")  # the others are answered
    assert desk.questions == ["Is “eva@yaho.com” right? Its domain is close to yahoo.com."]
    assert desk.press().said == ["Message sent."]
    assert len(post.envelopes) == 1
    assert writer.new().press(**WRITTEN, to="anna@gmial.com").said == ["Message sent."]  # written to by now


@poor
def test_a_question_keeps_the_time_that_was_chosen(writer: Writer) -> None:
    desk = writer.new().press("later", **WRITTEN, to="anna@gmial.com", later_at="2026-12-24T18:00")
    assert desk.questions
    assert 'name="later" value="2026-12-24T18:00"' in desk.html
    assert not OutboxMessage.objects.exists()


def test_what_a_slip_is(writer: Writer) -> None:
    user = user_of(writer.person)

    def asked(*emails: str) -> set[str]:
        return set(strangers.mistyped(user, writer.address, [Address(each) for each in emails]))

    assert asked("a@gmail.co", "a@hotmial.com", "a@exmaple.test", "a@GMIAL.com") == {
        "a@gmail.co", "a@hotmial.com", "a@exmaple.test", "a@gmial.com",
    }  # fmt: skip
    assert asked("a@gmail.com", "a@example.test", "a@mail.ru", "a@x.org", "a@web.de", "a@gmx.net", "nobody") == set()


def test_an_answer_to_everybody_says_to_how_many(writer: Writer) -> None:
    (uid,) = writer.person.receive(letter(to="bo@x.test, cy@x.test, dora@x.test", Cc="eva@x.test"))
    desk = writer.on("reply_all", uid)
    assert "Your answer goes to 5 people." in desk.tips
    assert f"/mail/INBOX/{uid}/reply/?v=" in desk.html
    assert writer.on("reply", uid).tips == []


@poor
def test_who_is_outside_is_marked(writer: Writer, settings) -> None:
    people = "a@example.test, b@lab.example.test, c@elsewhere.example"

    def marked() -> list[str]:
        answer = writer.person.client.post("/mail/@/recipients/", {"people": people})
        return [key for key, sign in answer.json()["signs"].items() if sign.get("external")]

    assert marked() == []
    settings.OWN_DOMAINS = ["example.test"]
    assert marked() == ["c@elsewhere.example"]
    assert "Outside of your organisation: c@elsewhere.example." in writer.new().press("check", to=people).tips


# limits


@poor
def test_a_site_limits_recipients_of_a_message(writer: Writer, post: SmallPost) -> None:
    SendingLimit.objects.create(per_message=2)
    many = "a@example.test, b@example.test, c@example.test"
    desk = writer.new().press(**WRITTEN, to=many)
    text = "Nothing was sent: a message may go to 2 recipients here, and this one has 3."
    assert (desk.errors[""], desk.value("text"), post.envelopes) == ([text], WRITTEN["text"], [])
    (uid,) = writer.person.receive(letter())
    url = writer.person.url("redirect", "INBOX", uid, v=writer.person.uidvalidity())
    answer = writer.person.client.post(url, {"id": "x" * 24, "to": many})
    assert text in answer.content.decode()
    desk.press(to="a@example.test, b@example.test")
    assert len(post.envelopes) == 1


@poor
def test_a_site_limits_recipients_of_a_day(writer: Writer, post: SmallPost) -> None:
    SendingLimit.objects.create(per_day=3)
    send_at_once(writer.person, seconds=10)
    writer.new().press(**WRITTEN, to="a@example.test, b@example.test")
    desk = writer.new().press(**WRITTEN, to="c@example.test, d@example.test")
    assert desk.errors[""][0].startswith("Nothing was sent: within 24 hours you may write to 3 recipients.")
    press(writer, "edit")  # what is taken back was not written
    assert desk.press().errors == {}
    assert quotas.written_to(user_of(writer.person).pk) == 2


@poor
def test_of_several_groups_the_most_generous_counts(writer: Writer) -> None:
    user = user_of(writer.person)
    crew, press_office = Group.objects.create(name="Crew"), Group.objects.create(name="Press office")
    SendingLimit.objects.create(per_message=5, per_day=50)
    SendingLimit.objects.create(group=crew, per_message=2)
    SendingLimit.objects.create(group=press_office, per_message=100, per_day=1000)
    assert quotas.of(user) == quotas.Quota(5, 50)
    user.groups.add(press_office)
    assert quotas.of(user) == quotas.Quota(100, 1000)
    user.groups.add(crew)
    assert quotas.of(user) == quotas.Quota(100, None)


# delivery reports (RFC 3461)


def test_the_server_is_asked_to_report_on_the_delivery(writer: Writer, post: PostOffice) -> None:
    """By the real one, which reports that it has delivered, or has passed it on to one that does not report."""
    limits.ask(get_user_model().objects.get(pk=writer.person.client.session["_auth_user_id"]))
    bob = post.new_login()
    desk = writer.new()
    offered = isinstance(post, SmallPost) is False
    assert ("data-reports hidden" in desk.html) is not offered
    saved = desk.press("save", **WRITTEN, to=to(bob), reports="on")
    again = Desk(writer.person).open(saved.url)
    assert again.value("reports") == "on"
    again.press()
    assert len(arrived(post, bob)) == 1
    if offered:
        (report,) = arrived(post, writer.person.login)
        assert b"report-type=delivery-status" in report
        assert f"{bob}@example.test".encode() in report


def test_what_is_asked_for_on_the_wire() -> None:
    for offers, mail, rcpt in (
        (b"250-x\r\n250 DSN\r\n", b" RET=HDRS ENVID=a+2Bb", b" NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;b+2Bx@x.test"),
        (b"250 x\r\n", b"", b""),
    ):
        heard: list[bytes] = []
        script = answering(b"220 hi\r\n", {**FINE, b"EHLO": offers, b"DATA": b"554 no\r\n"}, heard)
        with scripted(script) as port, pytest.raises(MessageRefused):
            simple(ServerUrl("smtp", "127.0.0.1", port, "plain"), recipients=["b+x@x.test"], reports="a+b")
        assert heard[1].rstrip().endswith(b">" + mail)
        assert heard[2] == b"RCPT TO:<b+x@x.test>" + rcpt + b"\r\n"


@pytest.fixture(autouse=True)
def _forgotten_offers() -> None:
    cache.delete(limits.KEY)
    cache.delete(limits.REPORTS)
