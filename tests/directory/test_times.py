"""A directory that is slow or dead: no page waits for it, and what it said before stands in for it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client as Browser

from apps.directory.lookup import client as clients_module
from apps.directory.lookup.client import Client, Resting, Who
from apps.directory.services import directories, outlines, people
from portal.ldap.connection import Unavailable
from portal.ldap.sources import Source
from scripts.servers.slapd import ADMIN, ADMIN_PASSWORD, BASE, PASSWORD
from scripts.servers.staff import Staff, login
from tests.directory.world import needs, one, running, site, source, use
from tests.support.scripted import scripted

__all__ = ["site"]  # fixtures
pytestmark = [*needs, pytest.mark.django_db]
PATIENCE = 15.0  # seconds: many times what a page waits (people.PAGE), and less than net.READ_TIMEOUT


def hangs(connection: socket.socket) -> None:
    """Takes what is said, and says nothing for half a minute."""
    connection.settimeout(30)
    try:
        while connection.recv(4096):
            pass
    except OSError:
        pass


def silent(port: int, name: str = "silent") -> Source:
    return Source(
        name=name,
        title="Silent",
        url=f"ldap://127.0.0.1:{port}",
        base=BASE,
        bind_dn=ADMIN,
        bind_password=ADMIN_PASSWORD,
        person_filter="(objectClass=inetOrgPerson)",
        attributes=source_attributes(),
    )


def source_attributes() -> Any:
    from portal.ldap.presets import PRESETS

    return PRESETS["inetorgperson"].attributes


@pytest.fixture
def browser_of_bob(db: None) -> Browser:
    found = Browser()
    found.force_login(get_user_model().objects.create_user("bob", "bob's own", email="bob@ims.example"))
    return found


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.mark.parametrize("kind", ["hangs", "dead"])
def test_a_page_does_not_wait_for_it_and_the_others_answers_are_there(
    browser_of_bob: Browser, staff: Staff, settings: Any, kind: str
) -> None:
    with scripted(hangs) as port:
        use(settings, source(staff), silent(port if kind == "hangs" else closed_port()))
        assert outlines.current(directories.clients()["staff"], wait=60)
        for path in ("/directory/?q=radar", "/directory/", "/search/?q=radar"):
            started = time.monotonic()
            page = browser_of_bob.get(path).content.decode()
            assert time.monotonic() - started < PATIENCE, path
            assert "adar" in page, path
        page = browser_of_bob.get("/directory/?q=radar").content.decode()
        assert "The directory 127.0.0.1 does not answer." in page


def test_it_is_left_alone_for_a_while(staff: Staff, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(silent(closed_port()))
    with pytest.raises(Unavailable):
        client.ask(lambda session: None, seconds=1)
    started = time.monotonic()
    with pytest.raises(Resting):
        client.ask(lambda session: None, seconds=30)
    assert time.monotonic() - started < 10
    monkeypatch.setattr(clients_module, "PAUSE", 0.0)
    client = Client(silent(closed_port()))
    for _again in range(2):
        with pytest.raises(Unavailable) as raised:
            client.ask(lambda session: None, seconds=1)
        assert not isinstance(raised.value, Resting)


def test_one_question_that_takes_too_long_is_forgiven(staff: Staff) -> None:
    client = Client(source(staff))
    client.ask(lambda session: None, seconds=30)  # it is connected: the time is that of the question alone
    for again in (False, True):
        with pytest.raises(Unavailable):
            client.ask(late, seconds=0.3)
        assert client.rests == again


def late(session: Any) -> None:
    time.sleep(0.4)
    list(session.search(BASE, most=1))


def test_completion_has_its_second(settings: Any) -> None:
    with scripted(hangs) as port:
        use(settings, silent(port))
        started = time.monotonic()
        answers = people.search(people.Question(query="radar"), seconds=1.0)
        assert time.monotonic() - started < 10  # it would hang for half a minute
        assert answers.values == {}
        assert len(answers.notes) == 1


def test_only_so_many_ask_at_once(staff: Staff) -> None:
    client = Client(source(staff), slots=1)
    entered, leave = threading.Event(), threading.Event()

    def wait(_session: object) -> None:
        entered.set()
        leave.wait(10)

    thread = threading.Thread(target=lambda: client.ask(wait, seconds=10))
    thread.start()
    entered.wait(10)
    with pytest.raises(Unavailable, match="too many"):
        client.ask(lambda session: None, seconds=0.2)
    leave.set()
    thread.join()
    assert not client.rests


@pytest.fixture
def own() -> Iterator[Staff]:
    with running(people=20) as server:
        yield server


def test_what_it_said_before_is_shown_with_a_note(
    own: Staff, settings: Any, browser_of_bob: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(settings, source(own))
    [client] = directories.clients().values()
    assert outlines.current(client, wait=60)
    found = one(login(3))
    first = browser_of_bob.get(f"/directory/?q={login(3)}").content.decode()
    assert found.name in first
    monkeypatch.setattr(people._answers, "fresh", 0.0)
    monkeypatch.setattr(people._people, "fresh", 0.0)
    own.stop()
    page = browser_of_bob.get(f"/directory/?q={login(3)}").content.decode()
    assert "does not answer" in page
    assert "What you see is what it said" in page
    assert found.name in page
    everybody = browser_of_bob.get("/directory/").content.decode()
    assert found.name in everybody  # from the outline
    assert "does not answer" in everybody
    card = browser_of_bob.get(f"/directory/{found.key}/").content.decode()
    assert found.title in card or "does not answer" in card
    other = browser_of_bob.get("/directory/?q=nobody-has-asked-this")
    assert "cannot be read just now" in other.content.decode()


def test_warm_connections_are_used_again_and_lost_ones_made_anew(own: Staff) -> None:
    client = Client(source(own))
    seen = {id(client.ask(lambda session: session, seconds=5)) for _again in range(5)}
    assert len(seen) == 1
    held = client.ask(lambda session: session, seconds=5)
    held.connected.socket._inner.close()
    assert client.ask(lambda session: len(list(session.search(BASE, most=1))), seconds=5) == 1
    assert not client.rests
    client.close()


# --- asked as the person ----------------------------------------------------------------------------------------------


def test_asked_as_the_person_it_shows_what_they_may_see(staff: Staff) -> None:
    template = f"uid={{login}},ou=Glaciology,ou=Research,ou=people,{BASE}"
    for other in ({"bind_dn": "", "bind_password": "", "user_dn": template}, {}):
        client = Client(source(staff, as_user=True, **other))
        who = Who(login(0), PASSWORD)
        assert len(client.ask(lambda s: list(s.search(BASE, "(uid=u00005)")), seconds=5, who=who)) == 1
        for nobody in (Who(login(0), "wrong"), Who(login(0), ""), Who("u*", PASSWORD), Who("x,ou=y", PASSWORD)):
            with pytest.raises(Unavailable) as raised:
                client.ask(lambda s: None, seconds=5, who=nobody)
            assert raised.value.refused
        assert not client.rests
        with pytest.raises(Unavailable, match="own passwords"):
            client.ask(lambda s: None, seconds=5)


def test_whoever_signed_in_without_a_password_is_told(staff: Staff, settings: Any, browser_of_bob: Browser) -> None:
    use(settings, source(staff, as_user=True))
    page = browser_of_bob.get("/directory/?q=radar").content.decode()
    assert "wants to be asked with your own password" in page
