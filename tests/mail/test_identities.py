"""Identities: their page, the one that an answer comes from, and what another one changes; all without scripts."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model

from apps.mail import prefs
from apps.mail.models import Identity, SenderAddress
from apps.prefs.models import Preference, PreferenceDefault
from portal.prefs import Prefs
from tests.mail.conftest import Person, letter
from tests.mail.desk import Desk, Writer
from tests.support import forms
from tests.support.receiver import PostOffice, arrived, read, text_of

LIST = "/mail/@/identities/"


def user_of(person: Person):
    return get_user_model().objects.get(login=person.login)


def change(person: Person, key: str = "0", **values: str):
    """Fill in the form of one identity ("new": of another one) and save it."""
    url = f"{LIST}{key}/"
    page = forms.fields(person.client.get(url).content.decode(), "identity")
    return person.client.post(url, {**page, "action": "save", **values}, follow=True)


def allow(person: Person, *emails: str) -> None:
    for email in emails:
        SenderAddress.objects.create(user=user_of(person), email=email)


def rows(person: Person) -> list[Identity]:
    return list(Identity.objects.filter(user=user_of(person)))


@pytest.fixture
def two(writer: Writer) -> Writer:
    """Somebody who writes for the desk too."""
    person = writer.person
    allow(person, "desk@example.test")
    change(person, name="Ann Lee", text="Ann")
    desk = {"label": "Desk", "name": "The desk", "email": "desk@example.test", "text": "The desk\nRoom 1"}
    change(person, "new", **desk, reply_to="Help <help@example.test>", bcc="log@example.test")
    return writer


# --- the page ---------------------------------------------------------------------------------------------------------


def test_everybody_has_one_from_the_start(anna: Person) -> None:
    html = anna.client.get(LIST).content.decode()
    assert f"{anna.login}@" in html or anna.login in html
    assert html.count('class="pref"') == 1
    assert "Default" not in html
    assert LIST in anna.client.get("/preferences/").content.decode()
    assert anna.client.get("/preferences/mail.identities/")["Location"] == LIST
    assert LIST in anna.client.get("/preferences/?q=signature").content.decode()


@pytest.mark.parametrize("server", ["pymap_server"], indirect=True)
def test_what_stood_in_the_preferences_is_the_first_one(writer: Writer) -> None:
    person = writer.person
    Prefs(user_of(person)).save({prefs.SENDER_NAME: "Ann Lee", prefs.SIGNATURE: "Ann\nLab"})
    assert writer.new().value("text") == "\n\n-- \nAnn\nLab\n"
    assert "Ann Lee" in writer.new().html
    change(person, "new", label="Other")
    assert [(row.name, row.signature) for row in rows(person)] == [("Ann Lee", "Ann\nLab")] * 2
    assert not Preference.objects.filter(user=user_of(person), key__in=["mail.sender_name", "mail.signature"]).exists()
    change(person, rows(person)[0].key, text="Ann")
    assert [row.signature for row in rows(person)] == ["Ann", "Ann\nLab"]


@pytest.mark.parametrize("server", ["pymap_server"], indirect=True)
def test_what_the_site_has_locked_holds_for_all(two: Writer) -> None:
    lock = {"locked": True, "reason": "House style"}
    PreferenceDefault.objects.create(key="mail.signature", value="IMS", **lock)
    PreferenceDefault.objects.create(key="mail.sender_name", value="IMS staff", **lock)
    page = two.new()
    assert page.value("text") == "\n\n-- \nIMS\n"
    assert "IMS staff" in page.html
    assert two.new().press("identity", identity=rows(two.person)[1].key).value("text") == "\n\n-- \nIMS\n"
    key = rows(two.person)[1].key
    html = two.person.client.get(f"{LIST}{key}/").content.decode()
    assert html.count("Set by your administrator") == 2
    assert "House style" in html
    two.person.client.post(
        f"{LIST}{key}/", {"name": "Me", "text": "mine", "label": "New", "email": "desk@example.test"}
    )
    row = rows(two.person)[1]
    assert (row.label, row.name, row.signature) == ("New", "The desk", "The desk\nRoom 1")  # their own, for later


@pytest.mark.parametrize("server", ["pymap_server"], indirect=True)
def test_order_default_and_deletion(two: Writer) -> None:
    person = two.person
    first, second = rows(person)
    for _again in range(2):  # pressing twice is pressing once
        person.client.post(LIST, {"order": f"{second.key},{first.key}"})
        assert [row.key for row in rows(person)] == [second.key, first.key]
    assert 'value="' + second.key + '" selected' in two.new().html
    person.client.post(LIST, {"order": "99,x,-1"})
    assert [row.key for row in rows(person)] == [second.key, first.key]
    person.client.post(f"{LIST}{second.key}/", {"action": "delete"})
    assert rows(person) == [first]
    assert person.client.post(f"{LIST}{second.key}/", {"action": "delete"}).status_code == 404


@pytest.mark.parametrize("server", ["pymap_server"], indirect=True)
def test_the_same_new_one_twice_is_one(writer: Writer) -> None:
    for _again in range(2):
        change(writer.person, "new", label="Desk")
    assert [row.label for row in rows(writer.person)] == ["", "Desk"]


@pytest.mark.parametrize("server", ["pymap_server"], indirect=True)
def test_only_permitted_addresses(writer: Writer, settings) -> None:
    person = writer.person
    allow(person, "desk@example.test")
    for email, status in (("eve@example.test", 400), ("DESK@example.test", 200), (writer.address, 200)):
        assert change(person, email=email).status_code == status, email
    assert rows(person)[0].email == ""  # their own, whatever it will be
    change(person, rows(person)[0].key, email="desk@example.test")
    assert writer.new().html.count("desk@example.test") == 1
    SenderAddress.objects.all().delete()
    assert "desk@example.test" not in writer.new().html
    assert "You may not write from this address any more." in person.client.get(LIST).content.decode()
    settings.SENDER_ADDRESSES = "any"
    assert "desk@example.test" in writer.new().html
    assert change(person, rows(person)[0].key, email="x@elsewhere.test").status_code == 200
    assert change(person, rows(person)[0].key, email="a@b\r\nBcc: c@d.test").status_code == 400


@pytest.mark.parametrize("server", ["pymap_server"], indirect=True)
def test_nobody_sees_or_changes_those_of_others(two: Writer, sign_in) -> None:
    eve = sign_in()
    key = rows(two.person)[1].key
    assert eve.client.get(f"{LIST}{key}/").status_code == 404
    assert eve.client.post(f"{LIST}{key}/", {"action": "delete"}).status_code == 404
    eve.client.post(LIST, {"order": key})
    page = Writer(eve, two.post).new(to="x@example.test")
    assert "The desk" not in page.press("identity", identity=key).html
    assert len(rows(two.person)) == 2


@pytest.mark.parametrize("server", ["pymap_server"], indirect=True)
def test_a_formatted_signature_is_cleaned_and_kept(writer: Writer) -> None:
    person = writer.person
    html = '<div><b>Ann</b><script>x()</script><img src="https://x.test/a.png" onerror="x()"></div>'
    change(person, format="html", html=html)
    (row,) = rows(person)
    assert "<b>Ann</b>" in row.signature_html
    assert row.signature == "Ann"
    assert "script" not in row.signature_html
    assert "onerror" not in row.signature_html
    change(person, row.key, name="Ann")  # the form without its editor
    assert "<b>Ann</b>" in rows(person)[0].signature_html
    rich = writer.new(format="html")
    assert '<div><div dir="auto">-- <br></div><div><b>Ann</b>' in rich.html.replace("&lt;", "<").replace(
        "&gt;", ">"
    ).replace("&quot;", '"')
    change(person, row.key, text="Only text")
    assert (rows(person)[0].signature, rows(person)[0].signature_html) == ("Only text", "")


# --- the right one ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "chosen"),
    [
        ({"to": "desk@example.test"}, "desk@example.test"),
        ({"to": "Desk <DESK+Poles@Example.Test>"}, "DESK+Poles@Example.Test"),
        ({"Cc": "x@example.test, desk@example.test"}, "desk@example.test"),
        ({"to": "list@example.test", "X_Original_To": "desk@example.test"}, "desk@example.test"),
        ({"to": "list@example.test", "Delivered_To": "desk@example.test"}, "desk@example.test"),
        ({"to": "list@example.test"}, ""),
        ({"to": "desk@elsewhere.test"}, ""),
    ],
)
@pytest.mark.parametrize("server", ["pymap_server"], indirect=True)
def test_an_answer_comes_from_whom_it_was_sent_to(two: Writer, headers: dict[str, str], chosen: str) -> None:
    (uid,) = two.person.receive(letter(**headers))
    for kind in ("reply", "reply_all", "forward"):
        page = two.on(kind, uid)
        key = rows(two.person)[1 if chosen else 0].key
        assert (page.value("identity"), page.value("signed"), page.value("because")) == (key, key, chosen)
        assert ("Writing as The desk because the message was sent to" in page.html) == bool(chosen)
        assert page.value("text").startswith("\n\n-- \n" + ("The desk\nRoom 1\n" if chosen else "Ann\n"))
        assert page.value("bcc") == ("log@example.test" if chosen else "")
        assert "desk@example.test" not in page.value("to") + page.value("cc").lower()


def test_an_answer_as_the_desk_is_sent_as_the_desk(two: Writer, post: PostOffice) -> None:
    bob = post.new_login()
    (uid,) = two.person.receive(letter(sender=f"{bob}@example.test", to="desk@example.test"))
    two.on("reply", uid).press(bcc="")
    (raw,) = arrived(post, bob)
    message = read(raw)
    assert str(message["From"]) == "The desk <desk@example.test>"
    assert str(message["Reply-To"]) == "Help <help@example.test>"
    assert "-- \nThe desk\nRoom 1\n" in text_of(message)


@pytest.mark.parametrize("server", ["pymap_server"], indirect=True)
def test_undo_writes_as_the_default(two: Writer) -> None:
    (uid,) = two.person.receive(letter(to="desk@example.test"))
    page = two.on("reply", uid)
    before = page.value("text")
    first = rows(two.person)[0].key
    page._stand(two.person.client.post("/mail/@/compose/", {**page.fields, "undo": first}))
    assert page.status == 200
    assert page.value("identity") == first
    assert page.value("text") == before.replace("The desk\nRoom 1", "Ann", 1)
    assert (page.value("bcc"), page.value("reply_to")) == ("", "")
    assert "because the message was sent to" not in page.html


@pytest.mark.parametrize("server", ["pymap_server"], indirect=True)
def test_another_identity_changes_what_nobody_has_changed(two: Writer) -> None:
    first, second = (row.key for row in rows(two.person))
    page = two.new(bcc="dora@example.test").press("identity", identity=second)
    assert page.value("text") == "\n\n-- \nThe desk\nRoom 1\n"
    assert page.value("bcc") == "dora@example.test, log@example.test"
    assert "Replies go to Help" in page.html
    page.press("identity", identity=first, text="Dear all\n\n-- \nThe desk, at noon\n")
    assert page.value("text") == "Dear all\n\n-- \nThe desk, at noon\n"
    assert page.value("bcc") == "dora@example.test"


def test_sent_with_another_identity_in_one_step(two: Writer, post: PostOffice) -> None:
    """Chosen in the list, and sent at once: there need be no step between."""
    bob = post.new_login()
    page = two.new(to=f"{bob}@example.test")
    assert page.press(identity=rows(two.person)[1].key, bcc="").errors.get("", []) == []
    message = read(arrived(post, bob)[0])
    assert str(message["From"]) == "The desk <desk@example.test>"
    assert text_of(message) == "\n\n-- \nThe desk\nRoom 1\n"


@pytest.mark.parametrize("server", ["pymap_server"], indirect=True)
def test_drafts_remember(two: Writer) -> None:
    first, second = (row.key for row in rows(two.person))
    page = two.new().press("save", identity=second, text="Half")
    again = Desk(two.person).open(page.url)
    assert (again.value("identity"), again.value("signed"), again.value("text")) == (second, second, "Half")
    (raw,) = two.stored("Drafts")
    assert (str(read(raw)["From"]), str(read(raw)["Bcc"])) == ("The desk <desk@example.test>", "log@example.test")
    two.person.receive(letter(sender="desk@example.test"), mailbox="Drafts", flags="\\Draft")
    foreign = two.on("edit", two.uids("Drafts")[-1], "Drafts")
    assert foreign.value("identity") == second
    assert two.new().value("identity") == first


def test_the_copy_goes_to_the_folder_of_the_identity(two: Writer, post: PostOffice) -> None:
    bob = post.new_login()
    with two.person.server.session(two.person.login) as session:
        session.create("Desk")
    change(two.person, rows(two.person)[0].key, sent_mailbox="Desk")
    two.new().press(to=f"{bob}@example.test", subject="One")
    arrived(post, bob)
    assert [read(raw)["Subject"] for raw in two.stored("Desk")] == ["One"]
    assert two.stored("Sent") == []
    with two.person.server.session(two.person.login) as session:
        session.delete("Desk")
    two.new().press(to=f"{bob}@example.test", subject="Two")
    assert [read(raw)["Subject"] for raw in two.stored("Sent")] == ["Two"]
    key = rows(two.person)[0].key
    assert "Desk (not there any more)" in two.person.client.get(f"{LIST}{key}/").content.decode()
