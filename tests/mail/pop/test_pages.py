"""A person's pages over POP3, without scripts: signing in, writing, what the folders say of themselves, one's data."""

from __future__ import annotations

import io
import zipfile

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.core.management import call_command
from django.urls import reverse

from apps.mail import diagnostics
from apps.mail.models import Maildrop, PopMessage
from apps.mail.services import limits, pop_files, stores
from portal import your_data
from portal.contracts import Level
from tests.mail.conftest import Person, letter, send_at_once, signed_in
from tests.mail.desk import Writer
from tests.support.mailserver import DovecotServer
from tests.support.receiver import RealPost


@pytest.fixture
def anna(pop3: DovecotServer, db: None, settings) -> Person:
    settings.POP3_LOOK_SECONDS = 1
    stores.pool.cache_clear()  # with these seconds
    yield signed_in(pop3)
    stores.pool().close_all()
    stores.pool.cache_clear()


@pytest.fixture
def writer(anna: Person, submission, settings) -> Writer:
    office = RealPost(submission)
    cache.delete(limits.KEY)
    settings.SMTP_TLS_CA_FILE, settings.SMTP_URL = office.ca_file, office.url
    send_at_once(anna)
    return Writer(anna, office)


def html(person: Person, url: str, status: int = 200) -> str:
    answer = person.client.get(url, follow=True)
    assert answer.status_code == status, answer.content.decode()[-2000:]
    return answer.content.decode()


def act(person: Person, do: str, mailbox: str, uid: int, **more: object):
    folder = stores_of(person).folder(mailbox)
    data = {"do": do, "uid": [uid], "v": folder.uidvalidity, "role": "inbox", **more}
    return person.client.post(person.url("act", mailbox), data, follow=True)


def stores_of(person: Person):
    from apps.mail.services import pop_shelf

    user = get_user_model().objects.get(login=person.login)
    return pop_shelf.of(stores.account(login=person.login, password="x", owner=user.pk))


def uids(person: Person, mailbox: str) -> dict[str, int]:
    shelf = stores_of(person)
    return {each.digest.envelope.subject: each.uid for each in shelf.entries(shelf.folder(mailbox))}


def test_a_day(anna: Person, writer: Writer) -> None:
    user = get_user_model().objects.get(login=anna.login)
    assert (user.source, user.server, user.email) == ("imap", "localhost", f"{anna.login}@example.test")
    anna.server.append(anna.login, letter("The ropes", text="Forty metres of hemp."), letter("Lunch"))
    page = html(anna, "/mail/INBOX/")
    assert "The ropes" in page and "Lunch" in page
    there = uids(anna, "INBOX")
    assert "Forty metres of hemp." in html(anna, f"/mail/INBOX/{there['The ropes']}/")
    assert "Lunch" not in html(anna, "/mail/INBOX/?show=flagged")
    assert "The ropes" in html(anna, "/mail/INBOX/?q=hemp")
    assert "Lunch" not in html(anna, "/mail/INBOX/?q=hemp")

    desk = writer.new()
    desk.press("save", to="bob@example.test", subject="The plan", text="Draft of it.")
    assert list(uids(anna, "Drafts")) == ["The plan"]
    bob = writer.post.new_login()
    written = writer.new().press(to=f"{bob}@example.test", subject="Hemp wanted", text="Please send some.")
    assert written.status == 200, written.errors
    assert list(uids(anna, "Sent")) == ["Hemp wanted"]
    assert "Hemp wanted" in html(anna, "/mail/Sent/")

    answer = act(anna, "delete", "INBOX", there["Lunch"])
    assert "Lunch" in html(anna, "/mail/Trash/")
    assert len(anna.server.messages(anna.login)) == 1
    undo = answer.content.decode()
    assert "undo" in undo.lower()
    assert len(list(pop_files.root().glob("*/*"))) == PopMessage.objects.exclude(file="").count() == 3


def test_pages_say_where_folders_and_marks_are(anna: Person) -> None:
    page = html(anna, reverse("mail:manage_folders"))
    assert "POP3" in page
    assert "0 bytes of 500.0 MB used" in page.replace("\xa0", " ")
    assert 'value="unsubscribe"' not in page
    assert 'value="subscribe"' not in page
    for url in ("folder_properties", "new_folder", "quota", "folder_menu"):
        html(anna, f"{reverse(f'mail:{url}')}?folder=Archive")


def test_ones_data_is_counted_taken_along_and_removed(anna: Person, tmp_path) -> None:
    anna.server.append(anna.login, letter("Kept for ever", text="x"))
    html(anna, "/mail/INBOX/")
    act(anna, "archive", "INBOX", uids(anna, "INBOX")["Kept for ever"])
    user = get_user_model().objects.get(login=anna.login)
    octets = b"".join(your_data.archive(user, present=True))
    with zipfile.ZipFile(io.BytesIO(octets)) as taken:
        (name,) = [name for name in taken.namelist() if name.endswith(".eml")]
        assert "Archive" in name
        assert b"Kept for ever" in taken.read(name)
    call_command("backup", str(tmp_path / "site.zip"))
    (file,) = [path.name for path in pop_files.root().glob("*/*")]
    with zipfile.ZipFile(tmp_path / "site.zip") as site:
        assert f"pop/{file[:2]}/{file}" in site.namelist()
    your_data.remove(user, account=False)
    assert not Maildrop.objects.exists()
    assert not PopMessage.objects.exists()


def test_the_self_test_looks_at_it(pop3: DovecotServer, settings, db: None) -> None:
    settings.SELFTEST_LOGIN, settings.SELFTEST_PASSWORD = "alice", pop3.password
    found = list(diagnostics.imap())
    assert {each.level for each in found} == {Level.OK}, found
    text = " ".join(str(each.message) for each in found)
    assert "UIDL" in text and "Signed in" in text
    settings.POP3_URL = f"pop3://localhost:{pop3.imap_port}"
    assert "Something else answers there" in str(list(diagnostics.imap())[-1].message)
    settings.POP3_URL = pop3.pop3s_url
    settings.SELFTEST_PASSWORD = "wrong"
    assert Level.ERROR in {each.level for each in diagnostics.imap()}
