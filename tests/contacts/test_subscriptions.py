"""Address books of other servers: Radicale, and servers that do what no good one does."""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from apps.auth.models import User
from apps.contacts import tasks
from apps.contacts.foreign import multistatus
from apps.contacts.models import Book, Contact, Remote, Subscription
from apps.contacts.services import access, keeping, subscriptions, syncing
from apps.contacts.services.keeping import Doing
from apps.contacts.services.subscriptions import Account
from portal import delegations, outward
from portal.models import Delegation
from portal.outward import Trouble
from scripts.servers import tls
from scripts.servers.radicale import PASSWORD, Radicale
from tests.contacts.world import add, text_of
from tests.support.scripted import scripted
from tests.support.vectors import items

pytestmark = pytest.mark.django_db
LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1"))


def card(name: str, email: str, uid: str, more: str = "") -> str:
    return f"BEGIN:VCARD\r\nVERSION:3.0\r\nUID:{uid}\r\nFN:{name}\r\nEMAIL:{email}\r\n{more}END:VCARD\r\n"


@pytest.fixture
def inside(settings: Any, radicale: Radicale) -> None:
    """This site lets its people name servers on loopback, and knows the authority of Radicale."""
    settings.INSIDE_NETWORKS = LOOPBACK
    settings.INSIDE_CA_FILE = str(radicale.ca_file)


@pytest.fixture
def alice(db: None) -> User:
    return User.objects.create_user("alice", "alice's own", display_name="Alice Adams")


@pytest.fixture
def browser_of(alice: User) -> Browser:
    client = Browser()
    client.force_login(alice)
    return client


def subscribed(user: User, radicale: Radicale, login: str, url: str) -> Subscription:
    made = subscriptions.subscribe(user, Account(radicale.url, login, PASSWORD), url, "Team")
    return refreshed(made)


def refreshed(subscription: Subscription) -> Subscription:
    syncing.refresh(subscription.pk)
    return Subscription.objects.select_related("book", "book__owner").get(pk=subscription.pk)


def names(subscription: Subscription) -> list[str]:
    return sorted(subscription.book.contacts.filter(deleted=None).values_list("name", flat=True))


# --- a real server ----------------------------------------------------------------------------------------------------


@pytest.fixture
def team(inside: None, radicale: Radicale) -> tuple[str, str]:
    """(login, address) of a book with two people."""
    login = radicale.new_person()
    url = radicale.make_book(login, "team", name="Team Glacier")
    radicale.put(login, "team", "one", card("Zhanar Omurbekova", "zh@felt.example", "uid-1"))
    radicale.put(login, "team", "two", card("Aigerim Tokoeva", "ai@felt.example", "uid-2"))
    return login, url


def test_books_are_found_from_the_name_of_the_server(
    team: tuple[str, str], radicale: Radicale, browser_of: Browser, django_capture_on_commit_callbacks: Any
) -> None:
    login, url = team
    radicale.make_book(login, "home", name="Home")
    asked = {"do": "find", "address": radicale.url, "login": login, "password": PASSWORD}
    page = browser_of.post(reverse("contacts:subscribe"), asked).content.decode()
    assert "Team Glacier" in page and "Home" in page and PASSWORD not in page
    box = re.search(r'name="box" value="([^"]+)"', page)
    assert box is not None
    chosen = {"do": "subscribe", "box": box[1], "url": url, f"name-{url}": "Team Glacier"}
    answer = browser_of.post(reverse("contacts:subscribe"), chosen)
    made = Subscription.objects.get()
    assert answer["Location"] == reverse("contacts:subscription", args=[made.pk])
    assert made.asked is not None
    made = refreshed(made)
    assert names(made) == ["Aigerim Tokoeva", "Zhanar Omurbekova"] and made.book.name == "Team Glacier"
    shown = browser_of.get(reverse("contacts:subscription", args=[made.pk])).content.decode()
    assert "read only" in shown and "2 contacts" in shown and PASSWORD not in shown
    again = browser_of.post(reverse("contacts:subscribe"), asked).content.decode()
    assert re.search(rf'value="{re.escape(url)}"[^>]* disabled', again)


def test_a_box_of_somebody_else_opens_nothing(team: tuple[str, str], radicale: Radicale, browser_of: Browser) -> None:
    login, url = team
    bob = User.objects.create_user("bob", "bob's own")
    box = Account(radicale.url, login, PASSWORD).sealed(bob.pk)
    answer = browser_of.post(reverse("contacts:subscribe"), {"do": "subscribe", "box": box, "url": url})
    assert answer.status_code == 422 and "This form is too old" in answer.content.decode()
    assert not Subscription.objects.exists()


def test_what_changes_there_changes_here_and_nothing_else(
    team: tuple[str, str], radicale: Radicale, alice: User
) -> None:
    login, url = team
    made = subscribed(alice, radicale, login, url)
    assert made.trouble == "" and made.sync_token
    first = Contact.objects.get(name="Zhanar Omurbekova")
    source = keeping.document(first).sources[1]
    assert (source.kind, source.text, source.by) == ("synced", "localhost", None)
    radicale.put(login, "team", "one", card("Zhanar Omurbekova", "zh@felt.example", "uid-1", "TEL:+996 555 1\r\n"))
    radicale.put(login, "team", "three", card("Bob Three", "three@felt.example", "uid-3"))
    radicale.delete(login, f"/{login}/team/two.vcf")
    before = Contact.objects.get(name="Zhanar Omurbekova").version
    made = refreshed(made)
    assert names(made) == ["Bob Three", "Zhanar Omurbekova"] and made.total == 2
    first.refresh_from_db()
    assert first.version == before + 1 and text_of(first, "TEL") == ["+996 555 1"]
    assert Contact.objects.get(name="Aigerim Tokoeva").deleted is not None
    made = refreshed(made)
    first.refresh_from_db()
    assert made.total == 0 and first.version == before + 1
    radicale.put(login, "team", "back", card("Aigerim Tokoeva", "ai@felt.example", "uid-2"))
    made = refreshed(made)
    assert Contact.objects.get(name="Aigerim Tokoeva").deleted is None


def test_a_server_without_the_report_is_compared_by_etags(
    team: tuple[str, str], radicale: Radicale, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Radicale has it: what it offers is overlooked."""
    real = multistatus.Node.has
    monkeypatch.setattr(
        multistatus.Node, "has", lambda self, *path: False if "DAV:sync-collection" in path else real(self, *path)
    )
    login, url = team
    made = subscribed(alice, radicale, login, url)
    assert names(made) == ["Aigerim Tokoeva", "Zhanar Omurbekova"] and made.sync_token == "" and made.ctag
    radicale.delete(login, f"/{login}/team/two.vcf")
    radicale.put(login, "team", "one", card("Zhanar O.", "zh@felt.example", "uid-1"))
    assert names(refreshed(made)) == ["Zhanar O."]


def test_a_token_that_is_forgotten_leads_to_everything(team: tuple[str, str], radicale: Radicale, alice: User) -> None:
    login, url = team
    made = subscribed(alice, radicale, login, url)
    Subscription.objects.filter(pk=made.pk).update(sync_token="http://radicale.org/ns/sync/" + "0" * 64)
    radicale.delete(login, f"/{login}/team/two.vcf")
    made = refreshed(made)
    assert made.trouble == "" and names(made) == ["Zhanar Omurbekova"] and made.total == 0


def test_many_come_in_batches(inside: None, radicale: Radicale, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    login = radicale.new_person()
    url = radicale.make_book(login, "many", name="Many")
    for number in range(23):
        radicale.put(login, "many", str(number), card(f"Person {number:02}", f"p{number}@felt.example", f"u{number}"))
    monkeypatch.setattr(syncing, "AT_ONCE", 10)
    made = subscribed(alice, radicale, login, url)
    assert len(names(made)) == 23 and (made.done, made.total) == (23, 23)


def test_an_answer_too_large_is_asked_for_in_parts(
    team: tuple[str, str], radicale: Radicale, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    login, url = team
    radicale.put(login, "team", "huge", card("Huge", "h@felt.example", "uid-9", f"NOTE:{'x' * 9000}\r\n"))
    monkeypatch.setattr("apps.contacts.foreign.client.MOST_CARDS", 6000)
    made = subscribed(alice, radicale, login, url)
    assert made.trouble == "" and names(made) == ["Aigerim Tokoeva", "Zhanar Omurbekova"]
    assert Remote.objects.get(contact=None).path.endswith("huge.vcf")


# --- read only --------------------------------------------------------------------------------------------------------


def test_nothing_is_changed_here(team: tuple[str, str], radicale: Radicale, alice: User, browser_of: Browser) -> None:
    made = subscribed(alice, radicale, *team)
    own = add(alice, "Own Person", "own@felt.example")
    theirs = Contact.objects.get(name="Zhanar Omurbekova")
    assert access.right(alice.pk, theirs) == access.right(alice.pk, made.book) == access.Right.READ
    card_url = reverse("contacts:contact", args=[theirs.pk])
    page = browser_of.get(card_url, headers={"HX-Request": "true"}).content.decode()
    assert reverse("contacts:edit", args=[theirs.pk]) not in page and 'value="delete"' not in page
    assert 'value="copy:' in page and 'value="move:' not in page and "Synced from localhost" in page
    act = reverse("contacts:act", args=[theirs.pk])
    for do in ("delete", f"move:{own.book.pk}"):
        answer = browser_of.post(act, {"do": do}, follow=True).content.decode()
        assert "is read only here" in answer
    into = browser_of.post(reverse("contacts:act", args=[own.pk]), {"do": f"move:{made.book.pk}"}, follow=True)
    assert "is read only here" in into.content.decode()
    for do in ("delete", "default"):
        browser_of.post(reverse("contacts:books"), {"do": do, "book": made.book.pk})
    browser_of.post(reverse("contacts:duplicates"), {"do": "merge", "one": theirs.pk, "other": own.pk})
    theirs.refresh_from_db()
    own.refresh_from_db()
    assert (theirs.version, theirs.deleted, theirs.book_id) == (1, None, made.book.pk)
    assert own.deleted is None and own.book_id != made.book.pk
    assert not Book.objects.get(pk=made.book.pk).is_default
    with pytest.raises(keeping.ReadOnly):
        keeping.create(made.book, keeping.document(own).values, Doing(alice))
    browser_of.post(act, {"do": f"copy:{own.book.pk}"})
    assert Contact.objects.filter(book=own.book, name="Zhanar Omurbekova").count() == 1


def test_who_was_deleted_there_can_be_kept_here(
    team: tuple[str, str], radicale: Radicale, alice: User, browser_of: Browser
) -> None:
    login, url = team
    made = subscribed(alice, radicale, login, url)
    radicale.delete(login, f"/{login}/team/two.vcf")
    made = refreshed(made)
    gone = Contact.objects.get(name="Aigerim Tokoeva")
    browser_of.post(reverse("contacts:act", args=[gone.pk]), {"do": "restore"})
    gone.refresh_from_db()
    assert gone.deleted is None and gone.book.name == "Personal"
    assert access.right(alice.pk, gone) == access.Right.OWN


@pytest.mark.parametrize("keep", [True, False])
def test_the_end_of_a_subscription(
    team: tuple[str, str], radicale: Radicale, alice: User, browser_of: Browser, *, keep: bool
) -> None:
    keeping.default_book(alice.pk, "Personal")
    made = subscribed(alice, radicale, *team)
    url = reverse("contacts:subscription", args=[made.pk])
    browser_of.post(url, {"do": "keep" if keep else "remove"})
    assert not Subscription.objects.exists() and not Delegation.objects.exists()
    theirs = Contact.objects.get(name="Zhanar Omurbekova")
    if keep:
        assert theirs.deleted is None and access.right(alice.pk, theirs) == access.Right.OWN
    else:
        assert theirs.deleted is not None and not Book.objects.filter(name="Team").exists()
    assert browser_of.get(url).status_code == 404


# --- the password -----------------------------------------------------------------------------------------------------


def test_the_password_stands_nowhere_and_can_be_revoked(
    team: tuple[str, str], radicale: Radicale, alice: User, browser_of: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    made = subscribed(alice, radicale, *team)
    row = Delegation.objects.get(kind=subscriptions.KIND, task=made.task)
    assert PASSWORD.encode() not in bytes(row.sealed)
    assert delegations.unseal(row).secret == PASSWORD
    rows = [*Subscription.objects.values(), *Remote.objects.values(), *Delegation.objects.values()]
    assert PASSWORD not in repr(rows) and PASSWORD not in caplog.text
    page = browser_of.get(reverse("portal:sessions")).content.decode()
    assert "Refreshing a subscribed address book" in page and "localhost" in page
    browser_of.post(reverse("portal:revoke_delegation", args=[row.pk]))
    assert not Delegation.objects.exists()
    made = refreshed(made)
    assert made.trouble == "revoked" and len(names(made)) == 2 and made not in syncing.due()
    shown = browser_of.get(reverse("contacts:subscription", args=[made.pk])).content.decode()
    assert "Enter it again" in shown and "Contacts as of" in shown
    browser_of.post(reverse("contacts:subscription", args=[made.pk]), {"do": "password", "password": PASSWORD})
    assert refreshed(made).trouble == ""


def test_it_is_kept_for_as_long_as_its_owner_comes(team: tuple[str, str], radicale: Radicale, alice: User) -> None:
    made = subscribed(alice, radicale, *team)
    old = Delegation.objects.get()
    delegations.extend(old, until=timezone.now() + timedelta(days=3))
    alice.last_login = timezone.now()
    alice.save()
    refreshed(made)
    row = Delegation.objects.get()
    assert row.expires > timezone.now() + timedelta(days=360) and delegations.unseal(row).secret == PASSWORD
    delegations.extend(row, until=timezone.now() - timedelta(days=1))
    alice.last_login = timezone.now() - timedelta(days=500)
    alice.save()
    assert refreshed(made).trouble == "revoked"


def test_others_see_nothing_of_it(team: tuple[str, str], radicale: Radicale, alice: User) -> None:
    made = subscribed(alice, radicale, *team)
    bob = Browser()
    bob.force_login(User.objects.create_user("bob", "bob's own"))
    for do in ("refresh", "keep", "remove", "password"):
        url = reverse("contacts:subscription", args=[made.pk])
        assert bob.post(url, {"do": do, "password": "x"}).status_code == 404
    assert made.book.name not in bob.get(reverse("contacts:books")).content.decode()
    assert Subscription.objects.filter(pk=made.pk, asked=None).exists()


# --- when it is refreshed ---------------------------------------------------------------------------------------------


def test_every_night_and_when_it_has_been_too_long(
    team: tuple[str, str], radicale: Radicale, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = subscribed(alice, radicale, *team)
    tried = made.tried
    assert tried is not None

    def is_due(after: timedelta, hour: int) -> bool:
        moment = (timezone.now() + timedelta(days=2)).replace(hour=hour)
        Subscription.objects.filter(pk=made.pk).update(tried=moment - after)
        with monkeypatch.context() as patch:
            patch.setattr(syncing.timezone, "now", lambda: moment)
            return made in syncing.due()

    assert is_due(timedelta(hours=21), 3) and not is_due(timedelta(hours=21), 12)
    assert is_due(timedelta(hours=31), 12) and not is_due(timedelta(hours=2), 3)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert not is_due(timedelta(hours=31), 12)


def test_two_at_once_are_one(team: tuple[str, str], radicale: Radicale, alice: User) -> None:
    made = subscribed(alice, radicale, *team)
    Subscription.objects.filter(pk=made.pk).update(busy=timezone.now(), tried=None)
    assert refreshed(made).tried is None
    Subscription.objects.filter(pk=made.pk).update(busy=timezone.now() - timedelta(hours=1))
    assert refreshed(made).tried is not None


def test_they_are_refreshed_in_turn_and_none_is_forgotten(
    inside: None, radicale: Radicale, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task that comes while another one is at it ends at once: a hanging server holds one thread."""
    made = []
    for _number in range(3):
        login = radicale.new_person()
        url = radicale.make_book(login, "book", name="Book")
        made.append(subscriptions.subscribe(alice, Account(radicale.url, login, PASSWORD), url, "Book"))
    real, begun = syncing.refresh, []

    def refresh(pk: int) -> None:
        begun.append(pk)
        tasks.refresh_books()
        real(pk)

    monkeypatch.setattr(syncing, "refresh", refresh)
    tasks.refresh_due()
    assert begun == [each.pk for each in made]
    assert Subscription.objects.filter(trouble="", asked=None).exclude(succeeded=None).count() == 3
    tasks.refresh_due()
    assert len(begun) == 3


def test_an_address_is_one_however_it_is_spelled(server: Any, alice: User) -> None:
    """The list writes ``a%40b``, the answer with cards ``a@b``."""
    space = 'xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav"'
    text = card("Anna One", "anna@felt.example", "u1")

    def answer(method: str, _path: str) -> tuple[int, dict[str, str], bytes]:
        if method == "REPORT":
            data = f"<D:href>/book/a@b.vcf</D:href><D:propstat><D:prop><D:getetag>1</D:getetag><C:address-data>{text}"
            inner = f"<D:response>{data}</C:address-data></D:prop></D:propstat></D:response>"
        else:
            kind = "<D:prop><D:resourcetype><D:collection/><C:addressbook/></D:resourcetype></D:prop>"
            inner = f"<D:response><D:href>/book/</D:href><D:propstat>{kind}</D:propstat></D:response>"
            tag = "<D:propstat><D:prop><D:getetag>1</D:getetag></D:prop></D:propstat>"
            inner += f"<D:response><D:href>/book/a%40b.vcf</D:href>{tag}</D:response>"
            inner += f"<D:response><D:href>https://evil.example/book/x.vcf</D:href>{tag}</D:response>"
            inner += f"<D:response><D:href>/other/x.vcf</D:href>{tag}</D:response>"
        return 207, {}, f"<D:multistatus {space}>{inner}</D:multistatus>".encode()

    with server(answer) as url:
        made = subscriptions.subscribe(alice, Account(url, "me", "pw"), f"{url}/book/", "Book")
        for _time in range(2):
            made = refreshed(made)
    assert (made.trouble, names(made)) == ("", ["Anna One"])
    assert [*Remote.objects.values_list("path", flat=True)] == ["/book/a@b.vcf"]


# --- what can be wrong ------------------------------------------------------------------------------------------------

Answer = Callable[[str, str], tuple[int, dict[str, str], bytes]]  # of method and path


@pytest.fixture
def server(tmp_path: Path, settings: Any) -> Iterator[Callable[..., Any]]:
    """``with server(answer) as url``: an https server that says what a test tells it to."""
    import contextlib

    tls.make_authority(tmp_path)
    tls.issue(tmp_path)
    settings.INSIDE_NETWORKS = LOOPBACK
    settings.INSIDE_CA_FILE = str(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")

    @contextlib.contextmanager
    def serve(answer: Answer, heard: list[str] | None = None) -> Iterator[str]:
        def script(plain: socket.socket) -> None:
            with context.wrap_socket(plain, server_side=True) as client, client.makefile("rwb") as stream:
                method, path, _version = stream.readline().decode().split()
                length = 0
                while (line := stream.readline().decode().strip()) != "":
                    if heard is not None:
                        heard.append(line)
                    if line.lower().startswith("content-length:"):
                        length = int(line.partition(":")[2])
                stream.read(length)
                status, headers, body = answer(method, path)
                fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
                stream.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{fields}\r\n".encode() + body)

        with scripted(script) as port:
            yield f"https://localhost:{port}"

    return serve  # type: ignore[return-value]


def always(status: int, body: bytes = b"", **headers: str) -> Answer:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _method, _path: (status, fields, body)


ODD_XML = {
    "no XML": b"<html>Welcome to the hotel",
    "another document": b"<html></html>",
    "an entity": b'<!DOCTYPE x [<!ENTITY a "aa">]><D:multistatus xmlns:D="DAV:">&a;</D:multistatus>',
    "too deep": b"<a>" * 50 + b"</a>" * 50,
}


@pytest.mark.parametrize("what", ODD_XML)
def test_answers_that_are_none(what: str) -> None:
    with pytest.raises(multistatus.Nonsense):
        multistatus.read(ODD_XML[what])


def test_external_files_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    text = f'<!DOCTYPE x [<!ENTITY a SYSTEM "file://{tmp_path}/secret">]><x>&a;</x>'
    with pytest.raises(multistatus.Nonsense):
        multistatus.tree(text.encode())


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (always(401, WWW_Authenticate='Basic realm="x"'), "does not accept this name and password"),
        (always(401, WWW_Authenticate='Digest realm="x"'), "a way of signing in that this portal does not know"),
        (always(403), "does not let you read"),
        (always(404), "There is no such address book"),
        (always(405), "is no address book"),
        (always(500), "a fault of its own"),
        (always(503), "too busy"),
        (always(200, b"<html>Welcome</html>"), "is no address book"),
        (always(207, ODD_XML["no XML"]), "cannot be understood"),
        (always(207, ODD_XML["an entity"]), "cannot be understood"),
        (always(207, b"x" * 10, Content_Encoding="gzip"), "no server of address books"),
        (always(302, Location="/again"), "from one address to the next"),
        (always(302, Location="https://evil.example/"), "sends on to evil.example"),
        (always(302, Location="http://localhost/"), "unprotected"),
        (always(302, Location="file:///etc/passwd"), "no address of an address book"),
        (always(207, b'<D:multistatus xmlns:D="DAV:"></D:multistatus>'), "has no address book for you"),
    ],
)
def test_each_fault_is_named(server: Any, alice: User, answer: Answer, words: str) -> None:
    with server(answer) as url, pytest.raises(keeping.NotKept) as error:
        subscriptions.find(Account(url, "me", "pw"), alice.pk)
    assert words in str(error.value)


def test_a_password_goes_to_the_named_host_alone(server: Any, alice: User) -> None:
    heard: list[str] = []
    with server(always(302, Location="https://127.0.0.1/"), heard) as url, pytest.raises(keeping.NotKept):
        subscriptions.find(Account(url, "me", "pw"), alice.pk)
    assert sum(line.startswith("Authorization") for line in heard) == 1
    with pytest.raises(keeping.NotKept, match=re.escape("evil.example")):
        subscriptions.subscribe(alice, Account(url, "me", "pw"), "https://evil.example/book/", "x")


def test_too_much_and_too_slow(server: Any, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.contacts.foreign.finding.MOST", 1000)
    with server(always(207, b"x" * 2000)) as url, pytest.raises(keeping.NotKept, match="more than can be taken over"):
        subscriptions.find(Account(url, "me", "pw"), alice.pk)
    monkeypatch.setattr(outward, "SECONDS", 0.5)

    def slow(_method: str, _path: str) -> tuple[int, dict[str, str], bytes]:
        time.sleep(1.5)
        return 207, {}, b""

    begun = time.monotonic()
    with server(slow) as url, pytest.raises(keeping.NotKept, match="takes too long"):
        subscriptions.find(Account(url, "me", "pw"), alice.pk)
    assert time.monotonic() - begun < 30


def test_a_certificate_that_proves_nothing(server: Any, alice: User, settings: Any) -> None:
    with server(always(404)) as url:
        settings.INSIDE_CA_FILE = ""
        with pytest.raises(keeping.NotKept, match="its certificate is wrong"):
            subscriptions.find(Account(url, "me", "pw"), alice.pk)


def test_nobody_listens(settings: Any, alice: User) -> None:
    settings.INSIDE_NETWORKS = LOOPBACK
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(keeping.NotKept, match="does not accept connections"):
        subscriptions.find(Account(f"https://localhost:{port}", "me", "pw"), alice.pk)


def test_contacts_stay_whatever_goes_wrong(
    team: tuple[str, str], radicale: Radicale, alice: User, browser_of: Browser, server: Any, settings: Any
) -> None:
    ca_file = settings.INSIDE_CA_FILE
    settings.INSIDE_CA_FILE = str(radicale.ca_file)
    made = subscribed(alice, radicale, *team)
    settings.INSIDE_CA_FILE = ca_file
    succeeded = made.succeeded
    for answer in (always(401), always(404), always(207, b"<x/>"), always(503)):
        with server(answer) as url:
            Subscription.objects.filter(pk=made.pk).update(url=f"{url}/book/")
            made = refreshed(made)
        assert made.trouble and len(names(made)) == 2 and made.succeeded == succeeded
        page = browser_of.get(reverse("contacts:books")).content.decode()
        assert "Contacts as of" in page and "Not up to date" in page


def test_guessing_passwords_elsewhere_is_slow(server: Any, alice: User) -> None:
    with server(always(401, WWW_Authenticate="Basic")) as url:
        said = []
        for _try in range(7):
            with pytest.raises(keeping.NotKept) as error:
                subscriptions.find(Account(url, "me", "pw"), alice.pk)
            said.append(str(error.value))
    assert "Wait" in said[-1]


# --- where it never asks ----------------------------------------------------------------------------------------------

ADDRESSES = [item for item in items("ssrf_urls") if item["class"] in {"loopback", "private", "scheme", "parser"}]
PUBLIC = "93.184.215.14"


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Where it would have connected to: nothing is ever sent. Names mean what an attacker's name server says."""
    tried: list[Any] = []

    def refuse(address: Any, timeout: float = 0) -> socket.socket:
        tried.append(address)
        raise OSError("not in tests")

    real = socket.getaddrinfo

    def resolve(host: str, port: int, **options: Any) -> list[Any]:
        try:
            ipaddress.ip_address(host)
        except ValueError:
            inner = (".nip.io", ".sslip.io")
            hidden = host.endswith(inner) or "127" in host or host.startswith(("local", "0", "2130"))
            found = "127.0.0.1" if hidden else "169.254.169.254" if "metadata" in host else PUBLIC
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (found, port))]
        return real(host, port, **options)

    monkeypatch.setattr("portal.net.socket.create_connection", refuse)
    monkeypatch.setattr("portal.outward.socket.getaddrinfo", resolve)
    return tried


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("item", ADDRESSES, ids=lambda item: item["id"])
def test_no_address_of_the_inside_is_ever_connected_to(
    item: dict[str, str], connections: list[Any], settings: Any, *, plain: bool
) -> None:
    settings.ALLOW_PLAINTEXT = plain
    with pytest.raises(Trouble):
        outward.ask("GET", item["url"], most=10)
    with pytest.raises(Trouble):
        outward.ask("GET", item["url"].replace("http:", "https:"), most=10)
    assert [address for address in connections if address[0] != PUBLIC] == []
    if item["class"] != "parser":
        assert connections == []


def test_what_was_judged_is_what_is_connected_to(connections: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([PUBLIC, "127.0.0.1"])
    found = lambda _host, port, **_options: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]  # noqa: E731
    monkeypatch.setattr("portal.outward.socket.getaddrinfo", found)
    with pytest.raises(Trouble, match="refused"):
        outward.ask("GET", "https://rebinding.example/", most=10)
    assert connections == [(PUBLIC, 443)]


def test_a_name_of_the_inside_looks_like_one_that_is_not_there(connections: list[Any]) -> None:
    for host in ("metadata.internal", "127-0-0-1.sslip.io"):
        with pytest.raises(Trouble) as error:
            outward.ask("GET", f"https://{host}/", most=10)
        assert error.value.what == "name"
    assert connections == []


def test_a_body_that_trickles_has_an_end(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.INSIDE_NETWORKS = LOOPBACK
    settings.ALLOW_PLAINTEXT = True
    monkeypatch.setattr(outward, "SECONDS", 1.0)
    done = threading.Event()

    def trickle(client: socket.socket) -> None:
        client.sendall(b"HTTP/1.1 207 X\r\nContent-Length: 1000\r\n\r\n")
        while not done.wait(0.1):
            client.sendall(b"x")

    with scripted(trickle) as port:
        begun = time.monotonic()
        with pytest.raises(Trouble, match="slow"):
            outward.ask("GET", f"http://localhost:{port}/", most=10_000)
        done.set()
    assert time.monotonic() - begun < 30
