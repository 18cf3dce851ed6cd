"""A UID means nothing without its UIDVALIDITY: with the wrong one nothing is touched, and the reader is told. And what
belongs to one person is closed to all others."""

from __future__ import annotations

import json
import re

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from apps.mail.services import images
from tests.mail.conftest import HTMX, Person, letter
from tests.proof.conftest import SignInTo
from tests.support.mailserver import MailServer

pytestmark = pytest.mark.needs_app("mail")
FOLDERS = ("INBOX", "Archive", "Trash", "Junk", "Sent", "Drafts")
SAID = "numbered its messages anew"


@pytest.fixture(params=["dovecot", "pymap_server"])
def server(request: pytest.FixtureRequest) -> MailServer:
    chosen: MailServer = request.getfixturevalue(request.param)
    return chosen


@pytest.fixture
def anna(server: MailServer, sign_in_to: SignInTo) -> Person:
    person = sign_in_to(server)
    html = '<p>Canvas</p><img src="http://pictures.test/a.gif">'
    person.receive(letter("Secret poles", html=html, files=(("plan.txt", "text/plain", b"secret plan"),)))
    person.receive(letter("Secret draft"), mailbox="Drafts", flags="\\Draft")
    return person


def state(person: Person) -> dict[str, list[tuple[set[bytes], bytes]]]:
    """All that is in the mailboxes: (flags, message) each."""
    found: dict[str, list[tuple[set[bytes], bytes]]] = {}
    for folder in FOLDERS:
        with person.server.session(person.login) as session:
            if session.select(f'"{folder}"', readonly=True)[0] == "OK" and session.search(None, "ALL")[1][0]:
                data = session.fetch("1:*", "(FLAGS BODY.PEEK[])")[1]
                found[folder] = [(flags_in(item[0]), item[1]) for item in data if isinstance(item, tuple)]
    return found


def flags_in(head: bytes) -> set[bytes]:
    found = re.search(rb"FLAGS \(([^)]*)\)", head)
    assert found
    return set(found[1].split()) - {b"\\Recent"}


def uid_in(person: Person, mailbox: str = "INBOX") -> int:
    """Of the mailbox's only message."""
    with person.server.session(person.login) as session:
        session.select(f'"{mailbox}"', readonly=True)
        return int(session.uid("SEARCH", "ALL")[1][0])


ORDERS = ("read", "unread", "flag", "unflag", "archive", "delete", "junk", "move")


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "fragment"])
def test_no_order_touches_anything(anna: Person, headers: dict[str, str]) -> None:
    before, wrong = state(anna), anna.uidvalidity() + 1
    for order in ORDERS:
        data = {"do": order, "uid": str(uid_in(anna)), "v": str(wrong), "to": "Archive", "confirmed": "yes"}
        answer = anna.client.post(anna.url("act", "INBOX"), data, headers=headers)
        assert answer.status_code == 409, order
        assert SAID in answer.content.decode(), order
    undo = {"ways": json.dumps([("back", "INBOX", wrong, str(uid_in(anna)), "Archive")])}
    answer = anna.client.post(anna.url("undo"), undo, headers=headers)
    assert (answer.status_code, SAID in answer.content.decode()) == (409, True)
    assert state(anna) == before


def test_the_same_orders_with_the_right_one_do_touch(anna: Person) -> None:
    before = state(anna)
    answer = anna.client.post(
        anna.url("act", "INBOX"), {"do": "flag", "uid": str(uid_in(anna)), "v": str(anna.uidvalidity())}
    )
    assert answer.status_code == 302
    assert state(anna) != before


PAGES = ("message", "reply", "reply_all", "forward", "edit", "headers", "source", "eml", "print", "archive")


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "fragment"])
def test_no_link_shows_anything(anna: Person, headers: dict[str, str]) -> None:
    uid = uid_in(anna)
    before, wrong = state(anna), anna.uidvalidity() + 1
    paths = [anna.url(name, "INBOX", uid, v=wrong) for name in PAGES]
    paths += [anna.url(name, "INBOX", uid, number, v=wrong) for name, number in (("body", "1.2"), ("part", "2"))]
    for path in paths:
        answer = anna.client.get(path, headers=headers)
        octets = b"".join(answer.streaming_content) if answer.streaming else answer.content
        assert answer.status_code == 409, path
        assert SAID in octets.decode(), path
        assert b"Canvas" not in octets and b"ecret" not in octets, path
    assert state(anna) == before


def test_a_link_without_any_is_refused(anna: Person) -> None:
    uid = uid_in(anna)
    for name in PAGES[1:]:
        assert anna.client.get(anna.url(name, "INBOX", uid)).status_code == 404, name
    assert anna.client.post(anna.url("act", "INBOX"), {"do": "delete", "uid": str(uid_in(anna))}).status_code == 404
    assert anna.count() == 1


def writing(person: Person, **fields: str) -> dict[str, str]:
    page = person.client.get(person.url("compose")).content.decode()
    found = re.search(r'name="id" value="([^"]+)"', page)
    assert found
    to = f"{person.login}@example.test"
    return {"id": found[1], "kind": "new", "to": to, "subject": "s", "text": "t", "format": "plain"} | fields


def ref(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]+)"', page)
    assert found, name
    return found[1]


def stale(reference: str, v: int) -> str:
    changed = reference.replace(str(v), str(v + 1))
    assert changed != reference
    return changed


def test_a_stale_draft_is_neither_replaced_nor_thrown_away(anna: Person) -> None:
    v = anna.uidvalidity("Drafts")
    page = anna.client.get(anna.url("edit", "Drafts", uid_in(anna, "Drafts"), v=v)).content.decode()
    draft = stale(ref(page, "draft"), v)
    for action in ("save", "discard"):
        anna.client.post(anna.url("compose"), writing(anna, draft=draft, action=action))
        assert any(b"Secret draft" in octets for octets in anna.server.messages(anna.login, "Drafts")), action


def test_an_answer_to_a_stale_message_attaches_and_marks_nothing(anna: Person) -> None:
    uid = uid_in(anna)
    v = anna.uidvalidity()
    page = anna.client.get(anna.url("forward", "INBOX", uid, v=v)).content.decode()
    source, token = stale(ref(page, "source"), v), ref(page, "attachment")
    answer = anna.client.post(
        anna.url("compose"), writing(anna, source=source, kind="forward", attachment=token, action="save")
    )
    assert answer.status_code in (409, 422)
    assert anna.flags(uid) == set()


# --- what belongs to somebody else ------------------------------------------------------------------------------------


def test_two_people_share_no_address(server: MailServer, sign_in_to: SignInTo, anna: Person) -> None:
    """All of Anna's addresses, asked for by Bert, lead into Bert's own empty mailbox."""
    uid = uid_in(anna)
    bert = sign_in_to(server)
    v = anna.uidvalidity()
    paths = [anna.url(name, "INBOX", uid, v=v) for name in PAGES]
    paths += [anna.url(name, "INBOX", uid, number, v=v) for name, number in (("body", "1.2"), ("part", "2"))]
    for path in paths:
        mine, theirs = anna.client.get(path), bert.client.get(path)
        octets = b"".join(theirs.streaming_content) if theirs.streaming else theirs.content
        assert mine.status_code == 200, path
        assert theirs.status_code in (404, 409), path
        assert b"ecret" not in octets and b"Canvas" not in octets, path


def test_an_upload_is_its_owners(server: MailServer, sign_in_to: SignInTo, anna: Person) -> None:
    bert = sign_in_to(server)
    file = SimpleUploadedFile("plan.txt", b"secret plan", "text/plain")
    token = ref(anna.client.post(anna.url("uploads"), {"files": file}).content.decode(), "attachment")
    assert token.startswith("u:")
    answer = bert.client.post(bert.url("compose"), writing(bert, attachment=token, action="save"))
    assert answer.status_code == 422
    assert b"plan.txt" not in answer.content
    assert "Drafts" not in state(bert)
    kept = list((settings.DATA_DIR / "uploads").rglob(token[2:]))
    assert len(kept) == 1  # and Bert's try has not destroyed it
    answer = anna.client.post(anna.url("compose"), writing(anna, attachment=token, action="save"))
    assert answer.status_code == 302


def test_a_signed_image_and_a_consent_are_their_owners(
    server: MailServer, sign_in_to: SignInTo, anna: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    uid = uid_in(anna)
    bert = sign_in_to(server)
    fetched: list[str] = []

    def fetch(url: str) -> images.Image:
        fetched.append(url)
        return images.Image("image/gif", b"GIF89a")

    monkeypatch.setattr(images, "fetch", fetch)
    v = anna.uidvalidity()
    page = anna.client.get(anna.url("message", "INBOX", uid, v=v)).content.decode()
    consent = re.search(r"images=([\w-]+)", page)
    assert consent
    body = anna.client.get(anna.url("body", "INBOX", uid, "1.2", v=v, images=consent[1])).content.decode()
    found = re.search(rf'src="({re.escape(reverse("mail:image"))}[^"]+)"', body)
    assert found, body
    image = found[1].replace("&amp;", "&")
    assert bert.client.get(image).status_code == 404
    assert fetched == []
    assert anna.client.get(image).status_code == 200
    assert fetched == ["http://pictures.test/a.gif"]
    bert.receive(letter("Secret poles", html='<p>Canvas</p><img src="http://pictures.test/a.gif">'))
    theirs = bert.client.get(bert.url("body", "INBOX", uid_in(bert), "2", v=bert.uidvalidity(), images=consent[1]))
    assert theirs.status_code == 200
    assert b"pictures.test" not in theirs.content
