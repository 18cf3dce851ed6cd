"""Windows for writing as the server sees them, and what else writing has: own cards, no subject, several forwarded."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group

from apps.mail.models import SendingLimit
from apps.mail.prefs import WRITE_IN
from apps.mail.services import forwarded
from apps.mail.services.refs import MessageRef
from portal.prefs import for_user
from portal.registry import PortalApp
from portal.testing import override_registry
from tests.mail.conftest import HTMX, letter
from tests.mail.desk import Desk, Writer
from tests.support.receiver import PostOffice, arrived, read

pytestmark = pytest.mark.django_db
poor = pytest.mark.parametrize("server", ["pymap_server"], indirect=True)  # the server makes no difference here


def user_of(writer: Writer):
    return get_user_model().objects.get(login=writer.person.login)


def policy(answer) -> tuple[str, str]:
    rules = dict(rule.strip().split(" ", 1) for rule in answer["Content-Security-Policy"].split(";"))
    return rules["frame-ancestors"], answer["X-Frame-Options"]


@poor
def test_only_pages_of_writing_are_framed_and_only_by_our_own(writer: Writer) -> None:
    client, url = writer.person.client, writer.person.url
    (uid,) = writer.person.receive(letter())
    answers = {"reply", "reply_all", "forward", "edit", "forward_attached", "as_new"}
    v = writer.person.uidvalidity()
    pages = [url("compose"), *(url(name, "INBOX", uid, v=v) for name in answers)]
    for page in pages:
        assert policy(client.get(page)) == ("'none'", "DENY"), page
        framed = client.get(page, {"v": v, "framed": "1"})
        assert policy(framed) == ("'self'", "SAMEORIGIN"), page
        assert b'class="rail' not in framed.content and b'id="compose"' in framed.content
    for page in (url("index"), url("message", "INBOX", uid, v=v), url("outbox"), "/preferences/"):
        assert policy(client.get(page, {"v": v, "framed": "1"}, follow=True)) == ("'none'", "DENY"), page


@poor
def test_a_window_is_asked_for_the_password_with_all_that_was_typed(writer: Writer) -> None:
    desk = writer.new(framed=1)
    client = writer.person.client
    client.cookies[settings.CREDENTIALS_COOKIE_NAME] = ""
    answer = client.post("/mail/@/compose/?framed=1", {**desk.fields, "text": "Nine poles", "action": "send"})
    assert (answer.status_code, policy(answer)) == (401, ("'self'", "SAMEORIGIN"))
    assert "Nine poles" in answer.content.decode()
    assert 'action="/mail/@/compose/?framed=1"' in answer.content.decode()


def test_a_window_says_when_it_is_done(writer: Writer, post: PostOffice) -> None:
    bob = post.new_login()
    desk, client = writer.new(framed=1), writer.person.client
    data = {**desk.fields, "to": f"{bob}@example.test", "subject": "Poles", "text": "Nine"}
    saved = client.post("/mail/@/compose/?framed=1", data | {"action": "save"}, headers={"Accept": "application/json"})
    assert saved.json()["url"].endswith("&framed=1")
    sent = client.post("/mail/@/compose/?framed=1", data | {"action": "send", "draft": saved.json()["draft"]})
    assert sent.status_code == 200
    assert "data-written" in sent.content.decode() and "Message sent." in sent.content.decode()
    assert len(arrived(post, bob)) == 1
    assert writer.stored("Drafts") == []


# --- asked before it is sent ------------------------------------------------------------------------------------------


def test_an_empty_subject_is_asked_about_once(writer: Writer, post: PostOffice) -> None:
    bob = post.new_login()
    desk = writer.new().press(to=f"{bob}@example.test", subject="  ", text="{name}, nine poles")
    assert desk.questions == ["The message has no subject.", "A placeholder is not filled in: {name}"]
    desk.press()
    assert len(arrived(post, bob)) == 1


# --- the card ---------------------------------------------------------------------------------------------------------


class Keeper:
    def __init__(self, card: tuple[str, str] | None) -> None:
        self.card = card

    def own_card(self, user) -> tuple[str, str] | None:
        return self.card


CARD = "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Keller;Alice;;;\r\nFN:Alice Keller\r\nEND:VCARD\r\n"


def test_ones_own_card_goes_along(writer: Writer, post: PostOffice) -> None:
    bob = post.new_login()
    with override_registry(PortalApp(id="cards", title="Cards", own_cards=Keeper(("Alice Keller", CARD)))):
        desk = writer.new(to=f"{bob}@example.test", subject="Me").press("card")
        assert desk.files == ["Alice Keller.vcf"]
        line = writer.person.client.post(
            "/mail/@/compose/", {**desk.fields, "action": "card"}, headers={"Accept": "application/json"}
        )
        assert (line.status_code, "Alice Keller.vcf" in line.content.decode()) == (201, True)
    desk.press()
    (file,) = read(arrived(post, bob)[0]).iter_attachments()
    assert (file.get_content_type(), file.get_payload(decode=True).decode()) == ("text/vcard", CARD)


@poor
def test_without_a_card_it_is_said_and_without_an_app_there_is_no_button(writer: Writer) -> None:
    with override_registry(PortalApp(id="cards", title="Cards", own_cards=Keeper(None))):
        desk = writer.new(subject="Me")
        assert 'value="card"' in desk.html
        desk = desk.press("card")
        assert (desk.files, desk.value("subject")) == ([], "Me")
        assert desk.tips == ["No card is yours yet. Open it in Contacts and choose “This is me” in its menu."]
    with override_registry(PortalApp(id="cards", title="Cards")):
        assert 'value="card"' not in writer.new().html


# --- several forwarded ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("server", ["dovecot"], indirect=True)  # the other one has no keywords
def test_all_that_are_forwarded_are_marked(writer: Writer, post: PostOffice) -> None:
    bob = post.new_login()
    for_user(user_of(writer)).save({WRITE_IN: "page"})
    uids = writer.person.receive(letter("First"), letter("Second"), letter("Third"))
    data = {"do": "forward", "uid": [str(uid) for uid in uids[:2]], "v": writer.person.uidvalidity()}
    url = writer.person.client.post(writer.person.url("act", "INBOX"), data, headers=HTMX)["HX-Redirect"]
    desk = Desk(writer.person).open(url).press("save")  # a draft knows it too
    desk.press(to=f"{bob}@example.test")
    assert len(arrived(post, bob)) == 1
    assert ["$Forwarded" in writer.person.flags(uid) for uid in uids] == [True, True, False]


@poor
def test_nobody_elses_link_gets_messages_marked(writer: Writer) -> None:
    ref = MessageRef("INBOX", 1, 1)
    user = user_of(writer)
    assert forwarded.parse(forwarded.opened(user, forwarded.signed(user, [ref]))) == (ref,)
    stranger = get_user_model()(pk=user.pk + 1)
    assert forwarded.opened(user, forwarded.signed(stranger, [ref])) == ""
    assert forwarded.opened(user, str(ref)) == ""
    assert writer.new(also=str(ref)).value("also") == ""


# --- limits -----------------------------------------------------------------------------------------------------------


@poor
def test_a_site_limits_the_size_of_a_message_by_group(writer: Writer) -> None:
    crew = Group.objects.create(name="crew")
    SendingLimit.objects.create(group=crew, megabytes=1)
    big = [("plan.bin", "application/octet-stream", bytes(1_100_000))]
    typed = {"to": "bob@example.test", "subject": "Plan"}
    assert writer.new().press(**typed, files=big).errors == {}
    user_of(writer).groups.add(crew)
    desk = writer.new()
    assert "At most 1 MB for one message." in desk.html
    desk = desk.press(**typed, files=big)
    assert desk.errors[""] == ["“plan.bin” is larger than 1 MB."]
    half = [(f"{name}.bin", "application/octet-stream", bytes(700_000)) for name in ("one", "two")]
    desk = writer.new().press(**typed, files=half)
    assert desk.errors[""] == ["The files are larger than 1 MB together. Remove some of them."]
    assert desk.files == ["one.bin", "two.bin"]
