"""The mail server stops answering, is cut off, comes back, and other programs change things meanwhile: what is shown is
true, no message is touched by mistake, nothing typed is lost, and the next request after its return works."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from django.test import Client
from playwright.sync_api import expect

from apps.mail.mailbox import errors, upkeep
from apps.mail.mailbox.account import Account
from apps.mail.mailbox.imap.connection import Connection
from apps.mail.models import OutboxMessage
from apps.mail.services import stores, sweeping
from tests.mail.conftest import HTMX, Person, letter, send_at_once
from tests.mail.desk import Writer
from tests.mail.test_compose_in_browser import Open, write  # noqa: F401 - a fixture
from tests.support.mailserver import DovecotServer, check
from tests.support.receiver import SmallPost, read, text_of

AWAY = "isn’t answering"
OwnDovecot = Callable[..., contextlib.AbstractContextManager[DovecotServer]]


@pytest.fixture
def server(
    own_dovecot: OwnDovecot, settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[DovecotServer]:
    """One that may be stopped. The portal waits for it less long than it would."""
    stores.pool()  # it outlives the test, and so has to be made outside of its folder
    settings.DATA_DIR = tmp_path
    settings.MAIL_DOMAIN = "example.test"
    with own_dovecot() as server:
        settings.IMAP_URL = server.url
        yield server
        stores.pool().close_all()


@pytest.fixture
def post(server: DovecotServer, settings) -> Iterator[SmallPost]:
    small = SmallPost(server.password)
    small.start()
    settings.SMTP_URL = small.url
    yield small
    small.stop()


@pytest.fixture
def anna(server: DovecotServer, db: None) -> Person:
    """Signed in, with two messages that she has seen in her list."""
    client = Client()
    client.post("/sign-in/", {"username": "alice", "password": server.password})
    person = Person(server, "alice", client)
    person.receive(letter("First"), letter("Second"))
    assert person.client.get("/mail/INBOX/").status_code == 200
    send_at_once(person)
    return person


def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the next connection on."""
    monkeypatch.setattr(stores, "Account", partial(Account, connect_timeout=2.0, read_timeout=2.0))
    stores.pool().close_all()


Request = Callable[[Person, int], object]
ASKED: dict[str, Request] = {
    "list": lambda anna, v: anna.client.get("/mail/INBOX/"),
    "list fragment": lambda anna, v: anna.client.get("/mail/INBOX/", headers=HTMX),
    "search": lambda anna, v: anna.client.get("/mail/INBOX/", {"q": "poles"}),
    "message": lambda anna, v: anna.client.get(anna.url("message", "INBOX", 1, v=v)),
    "source": lambda anna, v: anna.client.get(anna.url("source", "INBOX", 1, v=v)),
    "eml": lambda anna, v: anna.client.get(anna.url("eml", "INBOX", 1, v=v)),
    "flag": lambda anna, v: anna.client.post(anna.url("act", "INBOX"), {"do": "flag", "uid": "1", "v": str(v)}),
    "reply": lambda anna, v: anna.client.get(anna.url("reply", "INBOX", 1, v=v)),
}


def works(anna: Person, v: int) -> None:
    for name, ask in ASKED.items():
        answer = ask(anna, v)
        assert answer.status_code in (200, 302), name  # type: ignore[attr-defined]


def test_a_server_that_stops_answering(anna: Person, server: DovecotServer, monkeypatch: pytest.MonkeyPatch) -> None:
    v = anna.uidvalidity()
    impatient(monkeypatch)
    works(anna, v)
    anna.client.post(anna.url("act", "INBOX"), {"do": "unflag", "uid": "1", "v": str(v)})
    with server.paused():
        for name in ("list", "message", "flag"):
            answer = ASKED[name](anna, v)
            assert answer.status_code == 503, name  # type: ignore[attr-defined]
            assert AWAY in answer.content.decode(), name  # type: ignore[attr-defined]
        typed = {"to": "bob@example.test", "subject": "Felt", "text": "as typed"}
        page = Writer(anna, SmallPost("")).new()
        assert page.status in (200, 503)
        answer = anna.client.post("/mail/@/compose/", {**typed, "id": "a" * 32, "action": "save", "format": "plain"})
        assert answer.status_code == 503
        html = answer.content.decode()
        assert "as typed" in html and "Felt" in html and AWAY in html
        assert anna.client.get("/").status_code == 200
        assert anna.client.get("/preferences/").status_code == 200
    works(anna, v)
    assert "\\Flagged" not in anna.flags(2), "whatever came of it, it was the one that was meant"


def test_a_connection_that_is_cut(anna: Person, server: DovecotServer) -> None:
    v = anna.uidvalidity()
    works(anna, v)
    server.kill()
    for name in ("list", "message", "flag"):
        answer = ASKED[name](anna, v)
        assert answer.status_code == 503, name  # type: ignore[attr-defined]
        assert AWAY in answer.content.decode(), name  # type: ignore[attr-defined]
    server.start()
    works(anna, v)
    server.restart()  # and nobody notices
    works(anna, v)
    assert anna.flags(2) == set()


def test_what_was_to_be_sent_is_kept_and_sent_once(anna: Person, server: DovecotServer, post: SmallPost) -> None:
    desk = Writer(anna, post).new()
    stores.pool().close_all()
    server.kill()
    desk.press(to="bob@example.test", subject="Felt camp", text="as typed")
    assert (desk.status, desk.value("text"), desk.value("subject")) == (503, "as typed", "Felt camp")
    assert post.received("bob") == []
    server.start()
    desk.press()
    (raw,) = post.received("bob")
    assert text_of(read(raw)).strip() == "as typed"
    assert len(server.messages("alice", "Sent")) == 1


def test_a_copy_that_could_not_be_stored_is_stored_once(anna: Person, server: DovecotServer, post: SmallPost) -> None:
    """The server for sending is there, and the mailbox goes away between the form and the copy."""
    desk = Writer(anna, post).new()
    written = {"to": "bob@example.test", "subject": "Felt camp", "text": "as typed"}
    form = dict(desk.fields)
    server.kill()
    desk.press(**written)
    assert len(post.received("bob")) == 1
    for _ in range(3):
        sweeping.sweep()
    assert OutboxMessage.objects.get().tries == 1  # nobody was there
    server.start()
    desk.fields = form
    desk.press(**written)
    row = OutboxMessage.objects.get()
    assert (len(post.received("bob")), row.state) == (1, OutboxMessage.State.SENT)
    for _ in range(2):
        sweeping.sweep()
    assert OutboxMessage.objects.get().state == OutboxMessage.State.DONE
    assert len(server.messages("alice", "Sent")) == 1
    assert len(post.received("bob")) == 1


def test_a_folder_that_goes_and_another_of_its_name(anna: Person, server: DovecotServer) -> None:
    (uid,) = anna.receive(letter("Old plan"), mailbox="Plans")
    v = anna.uidvalidity("Plans")
    assert "Old plan" in anna.client.get("/mail/Plans/").content.decode()
    with server.session("alice") as other:
        check(other.delete("Plans"))
    asked = [
        lambda: anna.client.get("/mail/Plans/"),
        lambda: anna.client.get(anna.url("message", "Plans", uid, v=v)),
        lambda: anna.client.post(anna.url("act", "Plans"), {"do": "delete", "uid": str(uid), "v": str(v)}),
        lambda: anna.client.post(
            anna.url("act", "INBOX"), {"do": "move", "to": "Plans", "uid": "1", "v": str(anna.uidvalidity())}
        ),
    ]
    for ask in asked:
        answer = ask()
        assert answer.status_code == 404
        assert "no such folder" in answer.content.decode()
    assert anna.count() == 2
    (new,) = anna.receive(letter("New plan"), mailbox="Plans")
    assert (new, anna.uidvalidity("Plans") == v) == (uid, False)
    for ask in asked[1:3]:
        answer = ask()
        assert answer.status_code == 409
        assert "numbered its messages anew" in answer.content.decode()
    assert (anna.count("Plans"), anna.flags(new, "Plans")) == (1, set())
    html = anna.client.get("/mail/Plans/").content.decode()
    assert ("New plan" in html, "Old plan" in html) == (True, False)


def test_silent_connections_are_waited_for_once(
    anna: Person, server: DovecotServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Something on the way has dropped them all, or the server hangs: each by itself would be waited for in vain."""
    impatient(monkeypatch)
    account = stores.account(login="alice", password=server.password)
    with contextlib.ExitStack() as leases:
        for _ in range(3):
            leases.enter_context(stores.pool().lease(account))
    assert stores.pool().idle_count() == 3
    asked = []

    def alive(warm: object, usual: Callable[..., bool] = upkeep.is_alive) -> bool:
        asked.append(warm)
        return usual(warm)

    monkeypatch.setattr(upkeep, "is_alive", alive)
    monkeypatch.setattr(upkeep, "CHECK_AFTER", 0.0)
    with server.paused(), pytest.raises(errors.ServerUnreachable), stores.pool().lease(account):
        pass
    assert (len(asked), stores.pool().idle_count()) == (1, 0)
    with stores.pool().lease(account) as store:
        assert store.page("INBOX").total == 2


def test_the_check_of_an_idle_connection_is_short(anna: Person) -> None:
    with stores.pool().lease(stores.account(login="alice", password=anna.server.password)) as store:
        connection: Connection = store.connection  # type: ignore[attr-defined]
        usual = connection.session.stream.arrivals.patience
        with connection.patience(upkeep.CHECK_TIMEOUT):
            assert connection.session.stream.arrivals.patience == upkeep.CHECK_TIMEOUT < usual
            connection.refresh()
        assert connection.session.stream.arrivals.patience == usual


@pytest.mark.django_db(transaction=True)
def test_what_is_typed_meanwhile_saves_itself(write: Open, server: DovecotServer) -> None:  # noqa: F811
    writer, page = write()
    status = page.locator("[data-status]")
    page.fill("[name=subject]", "Felt camp")
    page.locator("textarea[name=text]").press_sequentially("Bring poles.")
    expect(status).to_contain_text("Saved")
    server.kill()
    page.keyboard.type(" And rope.")
    expect(status).to_have_text("Not saved. Trying again…")
    page.keyboard.type(" And felt.")
    server.start()
    expect(status).to_contain_text("Saved", timeout=30_000)
    expect(page.locator("form#compose")).to_have_attribute("data-dirty", "", timeout=30_000)
    assert drafts(writer) == ["Bring poles. And rope. And felt."]
    expect(page.locator("textarea[name=text]")).to_be_focused()


def drafts(writer: Writer) -> list[str]:
    return [text_of(read(raw)).strip() for raw in writer.stored("Drafts")]
