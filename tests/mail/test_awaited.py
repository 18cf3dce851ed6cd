"""Messages that should have been answered: told when the day has come, and never once somebody has answered."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from apps.mail.models import Reminder
from apps.mail.services import later, sweeping
from tests.mail.conftest import HTMX, letter
from tests.mail.desk import Desk, Writer
from tests.mail.test_outbox import user_of
from tests.mail.test_sending import WRITTEN, to
from tests.support.receiver import PostOffice, arrived, read

poor = pytest.mark.parametrize("server", ["pymap_server"], indirect=True)  # the server makes no difference here


def sent(writer: Writer, post: PostOffice, remind: str = "3", **more: str) -> str:
    """A message with a reminder; returns its Message-ID."""
    bob = post.new_login()
    assert writer.new().press(**WRITTEN, to=to(bob, "Bob"), remind=remind, **more).said
    return str(read(arrived(post, bob)[0])["Message-ID"])


def the_day_has_come() -> None:
    Reminder.objects.update(due=timezone.now() - timedelta(minutes=1), looked=None)
    cache.clear()


def inbox(writer: Writer) -> str:
    return writer.person.client.get("/mail/INBOX/").content.decode()


def above(writer: Writer) -> str:
    """What stands above the inbox."""
    return writer.person.client.get("/mail/@/awaited/", headers=HTMX).content.decode()


def test_it_is_told_when_the_day_has_come_and_not_before(writer: Writer, post: PostOffice) -> None:
    before = timezone.now()
    message_id = sent(writer, post)
    row = Reminder.objects.get()
    assert row.message_id == message_id
    assert before + timedelta(days=3) <= row.due <= timezone.now() + timedelta(days=3)
    assert 'id="awaited"' not in inbox(writer)
    assert "Reply awaited" in writer.person.client.get("/mail/@/awaited/").content.decode()
    the_day_has_come()
    assert 'id="awaited"' in inbox(writer)
    assert "/mail/@/awaited/" in inbox(writer)
    note = above(writer)
    assert "No reply yet" in note
    assert WRITTEN["subject"] in note
    (uid,) = writer.uids("Sent")
    assert f"/mail/Sent/{uid}/?v=" in note
    assert "Bob" in note


@pytest.mark.parametrize("header", ["In-Reply-To", "References"])
def test_an_answer_ends_it_wherever_it_lies(writer: Writer, post: PostOffice, header: str) -> None:
    message_id = sent(writer, post)
    fields = {header: message_id if header == "In-Reply-To" else f"<first@x.test> {message_id} <last@x.test>"}
    writer.person.receive(letter("Re: Felt camp", **fields), mailbox="Projects")
    the_day_has_come()
    assert "No reply yet" not in above(writer)
    assert not Reminder.objects.exists()
    assert 'id="awaited"' not in inbox(writer)


def test_machines_and_the_writer_do_not_answer(writer: Writer, post: PostOffice) -> None:
    message_id = sent(writer, post)
    writer.person.receive(
        letter("I am away", **{"In-Reply-To": message_id, "Auto-Submitted": "auto-replied"}),
        letter("And another thing", sender=writer.address, **{"In-Reply-To": message_id}),
        letter("Felt camp"),
    )
    the_day_has_come()
    assert "No reply yet" in above(writer)
    writer.person.receive(letter("Re: Felt camp", **{"In-Reply-To": message_id}))
    assert "No reply yet" in above(writer)  # it was looked for a moment ago
    Reminder.objects.update(looked=timezone.now() - timedelta(hours=1))
    assert "No reply yet" not in above(writer)


@poor
def test_its_owner_says_when_to_be_reminded_again_or_that_it_is_done(writer: Writer, post: PostOffice) -> None:
    sent(writer, post)
    the_day_has_come()
    url = f"/mail/@/awaited/{Reminder.objects.get().pk}/"
    assert "No reply yet" not in writer.person.client.post(url, {"do": "1"}, headers=HTMX).content.decode()
    assert Reminder.objects.get().due > timezone.now() + timedelta(hours=23)
    said = writer.person.client.post(url, {"do": "done"}, follow=True).content.decode()
    assert "You will not be reminded of it." in said
    assert "You wait for no reply" in said
    assert writer.person.client.post(url, {"do": "x"}).status_code == 404


@poor
def test_a_reminder_of_somebody_else_is_not_there(writer: Writer, post: PostOffice, sign_in) -> None:
    sent(writer, post)
    the_day_has_come()
    other = sign_in()
    other.client.post(f"/mail/@/awaited/{Reminder.objects.get().pk}/", {"do": "done"})
    assert Reminder.objects.count() == 1
    assert "Felt camp" not in other.client.get("/mail/@/awaited/").content.decode()


@poor
def test_a_message_that_is_gone_says_so(writer: Writer, post: PostOffice) -> None:
    sent(writer, post)
    Reminder.objects.update(message_id="<gone@example.test>")
    the_day_has_come()
    assert "a message that is not there any more" in above(writer)


@poor
def test_the_choice_stays_with_a_draft_and_counts_from_when_it_goes_out(writer: Writer, post: PostOffice) -> None:
    bob, when = post.new_login(), (timezone.now() + timedelta(days=10)).replace(second=0, microsecond=0)
    day = timezone.localdate() + timedelta(days=20)
    desk = writer.new().press("save", **WRITTEN, to=to(bob), remind="on", remind_on=str(day))
    assert (desk.value("remind"), desk.value("remind_on")) == ("on", str(day))
    desk.press("save", remind="7")
    desk = Desk(writer.person).open(desk.url)
    assert desk.value("remind") == "7"
    desk.press(later=when.isoformat())
    assert not Reminder.objects.exists()
    sweeping.sweep(now=when)
    assert len(arrived(post, bob)) == 1
    assert Reminder.objects.get().due - Reminder.objects.get().sent == timedelta(days=7)


@poor
def test_a_day_that_cannot_be_is_told_and_does_not_keep_a_draft_from_being_saved(writer: Writer) -> None:
    for day, text in (
        ("", "Choose the day"),
        ("2001-01-01", "is over"),
        ("2999-01-01", "within a year"),
        ("x", "Choose"),
    ):
        desk = writer.new().press(**WRITTEN, to="bob@example.test", remind="on", remind_on=day)
        assert text in desk.errors[""][0]
        assert desk.value("text") == WRITTEN["text"]
    assert writer.new().press("save", **WRITTEN, remind="on", remind_on="").said == ["Draft saved."]


def test_no_choice_is_no_reminder(writer: Writer, post: PostOffice) -> None:
    sent(writer, post, remind="")
    assert not Reminder.objects.exists()
    assert later.due("", sent=timezone.now()) is None
    assert later.due("nonsense", sent=timezone.now()) is None
    assert user_of(writer.person)
