"""Sent later: at the time that was chosen, under a delegation until then, and otherwise only if its writer says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from apps.mail import submission
from apps.mail.models import OutboxMessage
from apps.mail.services import delivery, later, outbox_page, planned, sweeping
from portal import delegations
from portal.core_prefs import TIME_ZONE
from portal.models import Delegation
from portal.prefs import for_user
from tests.mail.conftest import letter
from tests.mail.desk import Desk, Writer
from tests.mail.test_outbox import nothing_is_left, page, press, row_of, the_clock_shows, user_of
from tests.mail.test_sending import WRITTEN, to
from tests.support.receiver import PostOffice, arrived, read

State = OutboxMessage.State
poor = pytest.mark.parametrize("server", ["pymap_server"], indirect=True)  # the server makes no difference here


def in_days(days: float) -> datetime:
    return (timezone.now() + timedelta(days=days)).replace(second=0, microsecond=0)


def written(writer: Writer, when: datetime, **more: str) -> tuple[Desk, OutboxMessage]:
    desk = writer.new().press(later=when.isoformat(timespec="minutes"), **{**WRITTEN, **more})
    return desk, row_of(writer)


def test_it_goes_out_at_the_time_that_was_chosen_and_says_so(writer: Writer, post: PostOffice) -> None:
    bob, when = post.new_login(), in_days(20)
    (original,) = writer.person.receive(letter())
    desk = writer.on("reply", original).press(later=when.isoformat(timespec="minutes"), text="Yes.\n", to=to(bob))
    assert desk.said[0].startswith(f"The message goes out on {later.said(when)}.")
    assert (row_of(writer).due, row_of(writer).planned) == (when, when)
    assert f"Goes out: {later.said(when)}" in page(writer)
    for seconds in (60, 19 * 86400):
        the_clock_shows(seconds=seconds)
    assert (row_of(writer).state, post.received(bob)) == (State.WAITING, [])
    sweeping.tidy(now=when - timedelta(hours=1))
    assert row_of(writer).state == State.WAITING
    sweeping.sweep(now=when)
    (message,) = arrived(post, bob)
    assert parsedate_to_datetime(read(message)["Date"]) == when
    assert row_of(writer).state == State.DONE
    assert len(writer.stored("Sent")) == 1
    assert "\\Answered" in writer.person.flags(original)
    assert nothing_is_left(writer)


@poor
def test_the_delegation_lasts_until_then_is_shown_and_can_be_revoked(writer: Writer, post: PostOffice) -> None:
    when = in_days(100)
    written(writer, when, to=to(post.new_login()))
    delegation = Delegation.objects.get()
    assert when < delegation.expires <= when + planned.MARGIN
    sessions = writer.person.client.get("/sessions/").content.decode()
    assert "Message waiting to be sent" in sessions
    writer.person.client.post(f"/sessions/{delegation.pk}/revoke/")
    assert len(writer.stored("Drafts")) == 1
    assert nothing_is_left(writer)
    assert not OutboxMessage.objects.exists()


@poor
def test_another_time_now_or_back_to_writing(writer: Writer, post: PostOffice) -> None:
    bob = post.new_login()
    _desk, row = written(writer, in_days(2), to=to(bob))
    when = in_days(30)
    url = f"/mail/@/outbox/{row.pk}/"
    answer = writer.person.client.post(url, {"do": "later", "later_at": later.typed(when)}, follow=True)
    assert f"The message goes out on {later.said(when)}." in answer.content.decode()
    assert (row_of(writer).due, Delegation.objects.get().expires) == (when, when + planned.MARGIN)
    for wrong in ("", "tomorrow", "2001-01-01T08:00", "9999-01-01T08:00"):
        writer.person.client.post(url, {"do": "later", "later_at": wrong})
        assert row_of(writer).due == when
    sweeping.sweep(now=in_days(3))  # the time from before
    assert post.received(bob) == []
    draft = press(writer, "edit")
    assert draft.value("subject") == WRITTEN["subject"]
    assert draft.value("later_at") == later.typed(when)
    draft.press("later")
    assert row_of(writer).due == when
    before = timezone.now()
    press(writer, "again")
    (message,) = arrived(post, bob)
    assert abs(parsedate_to_datetime(read(message)["Date"]) - before) < timedelta(minutes=1)
    assert nothing_is_left(writer)


@poor
def test_a_time_that_cannot_be_loses_nothing(writer: Writer) -> None:
    for wrong, text in (
        ("", "Choose a day and a time"),
        ("2001-01-01T08:00", "is over"),
        ("2999-01-01T08:00", "a year"),
    ):
        desk = writer.new().press("later", **WRITTEN, to="bob@example.test", later_at=wrong)
        assert text in desk.errors[""][0]
        assert (desk.value("text"), desk.value("later_at")) == (WRITTEN["text"], wrong)
    assert not OutboxMessage.objects.exists()


@poor
def test_the_time_is_that_of_the_writers_zone(writer: Writer) -> None:
    for_user(user_of(writer.person)).save({TIME_ZONE: "Pacific/Auckland"})
    day = (timezone.now() + timedelta(days=5)).date()
    writer.new().press("later", **WRITTEN, to="bob@example.test", later_at=f"{day}T09:30")
    assert row_of(writer).due == datetime(day.year, day.month, day.day, 9, 30, tzinfo=ZoneInfo("Pacific/Auckland"))


def test_times_that_most_people_mean() -> None:
    with timezone.override(ZoneInfo("Europe/Berlin")):
        found = [(each.label, each.value) for each in later.presets(datetime(2026, 3, 28, 9, tzinfo=UTC))]  # a Saturday
    assert found == [
        ("This evening", "2026-03-28T18:00+01:00"),
        ("Tomorrow morning", "2026-03-29T08:00+02:00"),  # summer time has begun
        ("Tomorrow afternoon", "2026-03-29T13:00+02:00"),
        ("Monday", "2026-03-30T08:00+02:00"),
    ]
    with timezone.override(ZoneInfo("UTC")):
        found = [(each.label, each.value) for each in later.presets(datetime(2026, 3, 29, 20, tzinfo=UTC))]  # a Sunday
    assert found == [("Tomorrow morning", "2026-03-30T08:00+00:00"), ("Tomorrow afternoon", "2026-03-30T13:00+00:00")]


@poor
def test_a_clock_that_is_set_back_sends_nothing_early(writer: Writer, post: PostOffice) -> None:
    bob = post.new_login()
    written(writer, in_days(2), to=to(bob))
    sweeping.sweep(now=timezone.now() - timedelta(days=400))
    assert (row_of(writer).state, post.received(bob)) == (State.WAITING, [])


@poor
def test_a_server_that_is_away_at_that_time_is_waited_for(writer: Writer, post: PostOffice, settings) -> None:
    """As long as for any message: from its time on, however long it has waited for that."""
    bob, when = post.new_login(), in_days(40)
    written(writer, when, to=to(bob))
    url, settings.SMTP_URL = settings.SMTP_URL, "smtp://127.0.0.1:9"
    OutboxMessage.objects.update(  # forty days later
        created=timezone.now() - timedelta(days=40), planned=timezone.now(), due=timezone.now()
    )
    the_clock_shows(seconds=1)
    assert (row_of(writer).state, row_of(writer).server_away) == (State.WAITING, True)
    settings.SMTP_URL = url
    the_clock_shows(seconds=90)
    assert len(arrived(post, bob)) == 1


def test_a_password_that_was_changed_meanwhile_is_told_and_nothing_is_lost(
    writer: Writer, post: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob, when = post.new_login(), in_days(2)
    written(writer, when, to=to(bob))
    with monkeypatch.context() as other:
        other.setattr(delivery, "_sign_in", lambda row, opened, backend: (row.user.login, "another"))
        sweeping.sweep(now=when)
    assert row_of(writer).state == State.FAILED
    assert "does not accept your name and password" in page(writer)
    assert "A message could not be sent" in writer.person.client.get("/mail/@/outbox/watch/")["HX-Trigger"]
    press(writer, "again")  # with the password of the session
    assert len(arrived(post, bob)) == 1


@poor
def test_who_signs_in_with_another_password_has_it_sent_with_that(writer: Writer, post: PostOffice) -> None:
    bob, when = post.new_login(), in_days(2)
    written(writer, when, to=to(bob))
    delegations.renew(Delegation.objects.get(), secret="the one from before")
    client = writer.person.client
    client.post("/sign-out/")
    client.post("/sign-in/", {"username": writer.person.login, "password": writer.person.server.password})
    assert delegations.unseal(Delegation.objects.get()).secret == writer.person.server.password
    sweeping.sweep(now=when)
    assert len(arrived(post, bob)) == 1


@poor
def test_what_goes_out_later_is_not_polled_for_in_vain(writer: Writer) -> None:
    written(writer, in_days(2), to="bob@example.test")
    standing = outbox_page.standing(user_of(writer.person).pk)
    assert (standing.count, standing.seconds) == (1, 60 + 1)


@poor
def test_nothing_is_sent_twice_where_a_sender_dies_at_that_time(
    writer: Writer, post: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob, when = post.new_login(), in_days(2)
    written(writer, when, to=to(bob))

    def die(*_args: object, **_more: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as other:
        other.setattr(submission, "send", die)
        sweeping.sweep(now=when)
    assert row_of(writer).state == State.SENDING
    for minutes in (5, 10):
        sweeping.sweep(now=when + timedelta(minutes=minutes))
    assert len(arrived(post, bob)) == 1
    assert row_of(writer).state == State.DONE
