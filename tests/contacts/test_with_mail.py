"""Contacts and mail beside each other: they meet through the portal alone."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import reverse

from apps.auth.models import User
from apps.contacts.models import Contact, Correspondent, Undertaking
from apps.contacts.prefs import COLLECT
from portal.prefs import for_user
from tests.contacts.world import add
from tests.mail.conftest import letter, post, server, sign_in, writer
from tests.mail.desk import Writer
from tests.support import forms
from tests.support.receiver import PostOffice

__all__ = ["post", "server", "sign_in", "writer"]  # the fixtures
pytestmark = pytest.mark.needs_app("mail")


def user_of(writer: Writer) -> User:
    return User.objects.get(login=writer.person.login)


def test_whom_one_writes_to_comes_first_and_is_collected(writer: Writer, post: PostOffice) -> None:
    user, client = user_of(writer), writer.person.client
    add(user, "Bob Abel", "bob.abel@felt.example")
    for_user(user).save({COLLECT: True})
    login = post.new_login()
    known = add(user, "Bob Zimmer", f"{login}@example.test")
    other = post.new_login()
    page = client.get(
        reverse("mail:compose"), {"to": f"Bob Z <{login}@example.test>, Carol New <{other}@example.test>"}
    )
    fields = forms.fields(page.content.decode(), "compose")
    answer = client.post(
        "/mail/@/compose/", {**fields, "action": "send", "subject": "Ice core loan", "text": "x"}, follow=True
    )
    assert answer.status_code == 200
    assert Correspondent.objects.filter(user=user).count() == 2
    offered = client.get("/complete/", {"q": "bob"}).json()["contacts"]
    assert [each["name"] for each in offered] == ["Bob Zimmer", "Bob Abel"]
    assert offered[0]["url"] == reverse("contacts:contact", args=[known.pk])
    collected = Contact.objects.get(name="Carol New")
    shown = client.get(reverse("contacts:contact", args=[collected.pk])).content.decode()
    assert "From a message you sent, “Ice core loan”" in shown


def test_a_sender_is_added_from_the_message_and_written_to_from_the_card(writer: Writer) -> None:
    client = writer.person.client
    (uid,) = writer.person.receive(letter(sender="Aigerim Tokoeva <aigerim@felt.example>"))
    page = client.get(f"/mail/INBOX/{uid}/", {"v": writer.person.uidvalidity()}).content.decode()
    url = reverse("contacts:new") + "?email=aigerim%40felt.example&amp;name=Aigerim+Tokoeva"
    assert f'href="{url}"' in page
    add(user_of(writer), "Aigerim Tokoeva", "aigerim@felt.example")
    answer = client.get(url.replace("&amp;", "&"), follow=True).content.decode()
    start = answer.index('href="/mail/@/compose/?') + len('href="')
    query = parse_qs(urlsplit(answer[start : answer.index('"', start)].replace("&amp;", "&")).query)
    assert query == {"to": ["Aigerim Tokoeva <aigerim@felt.example>"]}


def test_a_session_without_the_key_opens_no_address_book(writer: Writer) -> None:
    add(user_of(writer), "Secret Person", "secret@felt.example")
    thief = Client()
    thief.cookies["yurt_session"] = writer.person.client.cookies["yurt_session"].value
    for path in ("/contacts/", "/contacts/?q=secret", "/contacts/export/?format=csv", "/search/?q=secret"):
        answer = thief.get(path)
        assert b"Secret Person" not in b"".join(answer.streaming_content if answer.streaming else [answer.content]), (
            path
        )
    assert b"Secret Person" in writer.person.client.get("/contacts/").content


CARD = (
    b"BEGIN:VCARD\r\nVERSION:3.0\r\nUID:u1\r\nFN:Aigerim Tokoeva\r\nEMAIL:ai@felt.example\r\nEND:VCARD\r\n"
    b"BEGIN:VCARD\r\nVERSION:3.0\r\nUID:u2\r\nFN:Bob Two\r\nEND:VCARD\r\n"
)


def test_a_card_in_a_message_is_looked_through_and_taken_in(writer: Writer) -> None:
    client = writer.person.client
    files = (
        ("people.vcf", "text/vcard", CARD),
        ("odd", "application/octet-stream", CARD),
        ("a.txt", "text/plain", b"x"),
    )
    (uid,) = writer.person.receive(letter(files=files))
    v = writer.person.uidvalidity()
    page = client.get(f"/mail/INBOX/{uid}/", {"v": v}).content.decode()
    assert page.count('value="contacts.cards"') == 1 and 'aria-label="Add to contacts: people.vcf"' in page
    here = f"/mail/INBOX/{uid}/part/2/take/?v={v}"
    answer = client.post(here, {"taker": "contacts.cards"}, follow=True)
    whole = Undertaking.objects.get(owner=user_of(writer))
    assert answer.redirect_chain[-1][0] == reverse("contacts:import", args=[whole.pk])
    shown = answer.content.decode()
    assert "Aigerim Tokoeva" in shown and "2 entries would be" in shown and not Contact.objects.exists()
    client.post(reverse("contacts:import", args=[whole.pk]), {"do": "run"})
    assert sorted(Contact.objects.values_list("name", flat=True)) == ["Aigerim Tokoeva", "Bob Two"]
    for part, taker in (("3", "contacts.cards"), ("4", "contacts.cards"), ("2", "somebody"), ("2", "")):
        assert client.post(f"/mail/INBOX/{uid}/part/{part}/take/?v={v}", {"taker": taker}).status_code == 404
    assert Undertaking.objects.count() == 1


def test_a_card_that_is_too_large_or_empty_is_told(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    client = writer.person.client
    (uid,) = writer.person.receive(letter(files=(("a.vcf", "text/vcard", b" " * 50), ("b.vcf", "text/vcard", CARD))))
    v = writer.person.uidvalidity()
    answer = client.post(f"/mail/INBOX/{uid}/part/2/take/?v={v}", {"taker": "contacts.cards"}, follow=True)
    assert "This file is empty." in answer.content.decode()
    monkeypatch.setattr("apps.contacts.services.importing.most_megabytes", lambda: 0)
    answer = client.post(f"/mail/INBOX/{uid}/part/3/take/?v={v}", {"taker": "contacts.cards"}, follow=True)
    assert "too large" in answer.content.decode() and not Undertaking.objects.exists()
