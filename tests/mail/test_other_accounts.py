"""Accounts beside the main one: each on a server of its own, Dovecot beside the poor one and the other way round."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from apps.mail.mailbox import names
from apps.mail.models import AccountKey, Identity, OtherAccount, OutboxMessage, PopFolder, PopMessage
from apps.mail.services import account_keys, delivery, other_accounts, stores
from portal import throttle
from tests.mail.conftest import HTMX, Person, SignIn, days_ago, letter, send_at_once
from tests.mail.desk import Desk
from tests.support.mailserver import DeafServer, DovecotServer, MailServer
from tests.support.receiver import SmallPost, arrived, read, text_of

SECRET = "pw-of-the-choir-7193"


@pytest.fixture(autouse=True)
def permitted(settings, tmp_path: Path) -> None:
    """The servers of the tests are inside, and not encrypted."""
    cache.clear()
    stores.pool()
    settings.ALLOW_PLAINTEXT = True
    settings.INSIDE_NETWORKS = (ipaddress.ip_network("127.0.0.0/8"),)


@pytest.fixture
def theirs(request: pytest.FixtureRequest, server: MailServer) -> MailServer:
    """The other server than the one of the main account."""
    name = "pymap_server" if isinstance(server, DovecotServer) else "dovecot"
    found: MailServer = request.getfixturevalue(name)
    return found


@pytest.fixture
def office() -> Iterator[SmallPost]:
    """The other account's server for sending."""
    small = SmallPost(SECRET)
    small.start()
    yield small
    small.stop()


@dataclass
class Choir:
    """Another account of ``person``."""

    person: Person
    server: MailServer
    login: str
    number: int

    def name(self, mailbox: str = "INBOX") -> str:
        return names.qualified(self.number, mailbox)

    def receive(self, *messages: bytes, **how) -> list[int]:
        return self.server.append(self.login, *messages, **how)

    def subjects(self, mailbox: str = "INBOX") -> list[str]:
        with_secret = _Secret(self.server)
        return [str(read(raw)["Subject"]) for raw in with_secret.messages(self.login, mailbox)]

    def uidvalidity(self, mailbox: str = "INBOX") -> int:
        return Person(_Secret(self.server), self.login, self.person.client).uidvalidity(mailbox)


class _Secret(MailServer):
    """The same server with another password."""

    password = SECRET

    def __init__(self, server: MailServer) -> None:
        super().__init__()
        self.imap_port = server.imap_port


def fields(server: MailServer, login: str, *, office: SmallPost | None = None, **changes: str) -> dict[str, str]:
    values = {
        "email": f"{login}@choir.test",
        "password": SECRET,
        "label": "Choir",
        "colour": "purple",
        "in_kind": "imap",
        "in_host": "127.0.0.1",
        "in_port": str(server.imap_port),
        "login": login,
        "out_kind": "smtp" if office else "",
        "out_host": "127.0.0.1" if office else "",
        "out_port": office.url.rpartition(":")[2] if office else "",
    }
    return values | changes


Add = Callable[..., Choir]


@pytest.fixture
def add(theirs: MailServer, office: SmallPost) -> Add:
    def adding(person: Person, *, label: str = "Choir", sends: bool = True) -> Choir:
        login = f"choir{theirs.new_user()}"
        theirs.set_password(login, SECRET)  # type: ignore[attr-defined]
        data = fields(theirs, login, office=office if sends else None, label=label)
        answer = person.client.post(reverse("mail:new_account"), data)
        assert answer.status_code == 302, re.sub(r"\s+", " ", answer.content.decode())
        row = OtherAccount.objects.get(login=login)
        return Choir(person, _Secret(theirs), login, row.pk)

    return adding


def act(person: Person, mailbox: str, do: str, uid: int, validity: int, **more: str):
    data = {"do": do, "uid": str(uid), "v": str(validity), **more}
    return person.client.post(reverse("mail:act", args=(mailbox,)), data, headers=HTMX)


def uids_of(server: MailServer, login: str, mailbox: str = "INBOX") -> list[int]:
    with server.session(login) as session:
        session.select(f'"{mailbox}"', readonly=True)
        return [int(uid) for uid in session.uid("SEARCH", "ALL")[1][0].split()]


def undone(person: Person, answer):
    import json

    undo = json.loads(answer["HX-Trigger"])["toast"]["undo"]
    return person.client.post(undo["url"], undo["values"], headers=HTMX)


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["INBOX", "a/b", ":3", "3:INBOX", ":3:INBOX", ":0:x", ":x:INBOX", "::", "Ünï", ":03:x"]
)
@pytest.mark.parametrize("account", [0, 1, 12])
def test_names_of_all_accounts_are_told_apart(name: str, account: int) -> None:
    outer = names.qualified(account, name)
    assert names.split(outer) == (account, name)
    assert names.decode_segment(names.encode_segment(outer)) == outer


def test_a_real_mailbox_is_never_taken_for_another_account(anna: Person, add: Add) -> None:
    choir = add(anna)
    strange = f":{choir.number}:INBOX"
    anna.receive(letter("mine, however it is called"), mailbox=strange)
    choir.receive(letter("of the choir"))
    page = anna.client.get(reverse("mail:mailbox", args=(f":0:{strange}",)))
    assert "mine, however it is called" in page.content.decode()
    assert f":0::{choir.number}:INBOX" in page.content.decode()  # so the column calls it
    assert "of the choir" in anna.client.get(reverse("mail:mailbox", args=(strange,))).content.decode()


# --- reading, and acting ----------------------------------------------------------------------------------------------


def test_another_account_is_read_like_the_main_one(anna: Person, add: Add) -> None:
    anna.receive(letter("at home"))
    choir = add(anna)
    (uid,) = choir.receive(letter("Rehearsal on Friday", text="Bring the scores."))
    home = anna.client.get("/mail/INBOX/").content.decode()
    assert "Choir" in home and "Rehearsal" not in home
    column = anna.client.get(reverse("mail:account_folders", args=(choir.number,)), headers=HTMX).content.decode()
    assert f'data-folder="{choir.name()}"' in column
    page = anna.client.get(reverse("mail:mailbox", args=(choir.name(),))).content.decode()
    assert "Rehearsal on Friday" in page and "at home" not in page and 'aria-current="page"' in page
    shown = anna.client.get(reverse("mail:message", args=(choir.name(), uid)), follow=True)
    assert "Bring the scores." in shown.content.decode()
    assert choir.server.flags(choir.login, uid) == {"\\Seen"}
    eml = anna.client.get(reverse("mail:eml", args=(choir.name(), uid)) + f"?v={choir.uidvalidity()}")
    assert b"Bring the scores." in b"".join(eml)
    answer = act(anna, choir.name(), "delete", uid, choir.uidvalidity())
    assert choir.subjects() == [] and choir.subjects("Trash") == ["Rehearsal on Friday"]
    undone(anna, answer)
    assert choir.subjects() == ["Rehearsal on Friday"] and anna.count() == 1


def test_messages_move_between_accounts_and_back(anna: Person, add: Add) -> None:
    choir = add(anna)
    (uid,) = anna.receive(
        letter("goes over", files=(("a.bin", "application/octet-stream", b"\0\1" * 5000),)), flags="\\Flagged"
    )
    (raw,) = anna.server.messages(anna.login)
    answer = act(anna, "INBOX", "move", uid, anna.uidvalidity(), to=choir.name())
    assert anna.count() == 0
    assert choir.server.messages(choir.login) == [raw]
    assert [choir.server.flags(choir.login, there) for there in uids_of(choir.server, choir.login)] == [{"\\Flagged"}]
    undone(anna, answer)
    assert anna.server.messages(anna.login) == [raw] and choir.subjects() == []
    (uid,) = uids_of(anna.server, anna.login)
    answer = act(anna, "INBOX", "copy", uid, anna.uidvalidity(), to=choir.name())
    assert (anna.count(), choir.subjects()) == (1, ["goes over"])
    refused = act(anna, "INBOX", "move", uid, anna.uidvalidity(), to=choir.name("Nowhere"))
    assert refused.status_code == 404 and anna.count() == 1


def test_what_the_other_server_does_not_take_stays(anna: Person, add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection breaks off while the other server takes it: nothing is lost, and that is said."""
    from apps.mail.mailbox.errors import ServerUnreachable
    from apps.mail.mailbox.imap.store import ImapStore

    choir = add(anna)
    uids = anna.receive(letter("one"), letter("two"))

    def broken(*_args: object, **_more: object):
        raise ServerUnreachable

    monkeypatch.setattr(ImapStore, "append_many", broken)
    answer = act(anna, "INBOX", "move", f"{uids[0]}:{uids[1]}", anna.uidvalidity(), to=choir.name())  # type: ignore[arg-type]
    assert answer.status_code == 502 and "both folders" in answer.content.decode()
    assert anna.count() == 2


# --- secrets ----------------------------------------------------------------------------------------------------------


def test_the_password_opens_for_its_owner_only(anna: Person, add: Add, server: MailServer) -> None:
    choir = add(anna)
    row, key = OtherAccount.objects.get(), AccountKey.objects.get()
    for box in (bytes(row.sealed), bytes(key.sealed), str(dict(anna.client.session)).encode()):
        assert SECRET.encode() not in box
    again = Client()
    again.post("/sign-in/", {"username": anna.login, "password": server.password})
    inbox = reverse("mail:mailbox", args=(choir.name(),))
    assert again.get(inbox).status_code == 200
    OtherAccount.objects.update(incoming="imap://127.0.0.1:9")  # somebody changes the row: nothing is sent there
    moved = again.get(inbox)
    assert moved.status_code == 403 and "asks for its password" in moved.content.decode()
    OtherAccount.objects.update(incoming=row.incoming)
    assert again.get(inbox).status_code == 200


@pytest.mark.parametrize("server", ["dovecot"], indirect=True)  # passwords are the portal's affair
def test_another_password_of_the_main_account(anna: Person, add: Add, server: DovecotServer) -> None:
    """Changed elsewhere, the accounts ask for theirs once; a session that has the key takes it over."""
    choir = add(anna)
    inbox = reverse("mail:mailbox", args=(choir.name(),))
    server.set_password(anna.login, "another-one")
    stores.pool().close_all()
    elsewhere = Client()
    assert elsewhere.post("/sign-in/", {"username": anna.login, "password": "another-one"}).status_code == 302
    asks = elsewhere.get(inbox)
    assert asks.status_code == 403 and "asks for its password" in asks.content.decode()
    column = elsewhere.get(reverse("mail:account_folders", args=(choir.number,))).content.decode()
    assert "once more" in column
    page = reverse("mail:account_password", args=(choir.number,))
    wrong = elsewhere.post(page, {"password": "wrong", "next": inbox})
    assert wrong.status_code == 422 and "does not accept" in wrong.content.decode()
    answer = elsewhere.post(page, {"password": SECRET, "next": inbox})
    assert answer.status_code == 302 and answer.url == inbox
    assert elsewhere.get(inbox).status_code == 200
    assert elsewhere.post(page, {"password": SECRET, "next": "https://elsewhere.test/"}).url == "/mail/@/accounts/"
    server.set_password(anna.login, "a-third-one")
    stores.pool().close_all()
    asked = elsewhere.post("/mail/INBOX/", {"portal_password": "a-third-one", "portal_visit": "yes"})
    assert asked.status_code in (302, 200, 405)
    third = Client()
    third.post("/sign-in/", {"username": anna.login, "password": "a-third-one"})
    assert third.get(inbox).status_code == (200 if account_keys.AccountKey.objects.exists() else 403)


def test_its_own_server_takes_the_password_no_more(anna: Person, add: Add, theirs: MailServer) -> None:
    choir = add(anna)
    theirs.set_password(choir.login, "changed-there")  # type: ignore[attr-defined]
    stores.pool().close_all()
    answer = anna.client.get(reverse("mail:mailbox", args=(choir.name(),)))
    assert answer.status_code == 403 and "Choir" in answer.content.decode()
    assert anna.client.get("/mail/INBOX/").status_code == 200


# --- servers that hang or are away ------------------------------------------------------------------------------------


@pytest.mark.parametrize("server", ["dovecot"], indirect=True)
def test_an_account_that_hangs_holds_up_nothing(anna: Person, add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    choir = add(anna)
    anna.receive(letter("read me meanwhile"))
    deaf = DeafServer()
    monkeypatch.setattr(other_accounts, "READ_SECONDS", 0.5)
    monkeypatch.setattr(account_keys, "_bound", lambda account: str(account.pk))
    try:
        row = OtherAccount.objects.get()
        row.incoming = f"imap://127.0.0.1:{deaf.port}"
        request = type("R", (), {"session": anna.client.session, "user": row.user})
        monkeypatch.setattr(account_keys, "password_of", lambda _request, _account: SECRET)
        row.save()
        assert request
        home = anna.client.get("/mail/INBOX/")
        assert "read me meanwhile" in home.content.decode()
        assert deaf.connections == 0  # the page has not even asked
        column = anna.client.get(reverse("mail:account_folders", args=(choir.number,))).content.decode()
        assert "answering" in column and "Try now" in column
        before = deaf.connections
        assert before > 0
        assert (
            "does not answer" in anna.client.get(reverse("mail:account_folders", args=(choir.number,))).content.decode()
        )
        everything = anna.client.get("/mail/INBOX/?where=inboxes").content.decode()
        assert "read me meanwhile" in everything and "Without what these accounts have: Choir" in everything
        assert deaf.connections == before  # what asks by itself does not wait for it again
        there = anna.client.get(reverse("mail:mailbox", args=(choir.name(),)))
        assert there.status_code == 503 and "your account “Choir”" in there.content.decode()
    finally:
        deaf.stop()


def test_other_accounts_hold_a_quarter_of_the_threads_at_most(anna: Person, add: Add) -> None:
    choir = add(anna)
    taken = [other_accounts.places() for _ in range(64) if other_accounts.places().acquire(blocking=False)]
    try:
        full = anna.client.get(reverse("mail:mailbox", args=(choir.name(),)))
        assert full.status_code == 503
        assert anna.client.get("/mail/INBOX/").status_code == 200
    finally:
        for place in taken:
            place.release()


# --- writing ----------------------------------------------------------------------------------------------------------


def test_an_answer_goes_out_by_its_account(anna: Person, add: Add, office: SmallPost) -> None:
    send_at_once(anna)
    choir = add(anna)
    (uid,) = choir.receive(letter("Who brings cake?", to="somebody@else.test"))
    desk = Desk(anna).open(reverse("mail:reply", args=(choir.name(), uid)) + f"?v={choir.uidvalidity()}")
    identity = Identity.objects.get(account=choir.number)
    assert desk.value("identity") == identity.key
    saved = desk.press("save", text="I think I do.\n")
    assert saved.status == 200 and len(choir.subjects("Drafts")) == 1
    assert not _has(anna, "Drafts") or anna.count("Drafts") == 0
    sent = saved.press(text="I do.\n", to="bob@example.test")
    assert sent.status == 200, sent.errors
    (raw,) = arrived(office, "bob")  # type: ignore[arg-type]
    message = read(raw)
    assert message["From"].addresses[0].addr_spec == f"{choir.login}@choir.test"
    assert text_of(message).startswith("I do.")
    assert choir.subjects("Sent") == ["Re: Who brings cake?"] and choir.subjects("Drafts") == []
    assert not _has(anna, "Sent") or anna.count("Sent") == 0
    assert "\\Answered" in choir.server.flags(choir.login, uid)
    assert not OutboxMessage.objects.exclude(state=OutboxMessage.State.DONE).exists()


def _has(person: Person, mailbox: str) -> bool:
    with person.server.session(person.login) as session:
        return session.status(f'"{mailbox}"', "(MESSAGES)")[0] == "OK"


@pytest.mark.parametrize("server", ["dovecot"], indirect=True)
def test_the_outbox_sends_by_it_without_the_browser(anna: Person, add: Add, office: SmallPost) -> None:
    """Taken back it lies in its drafts; a row that somebody changes sends the password nowhere else."""
    send_at_once(anna, seconds=20)
    choir = add(anna)
    desk = Desk(anna).open(reverse("mail:compose") + f"?account={choir.number}")
    assert desk.value("identity") == Identity.objects.get(account=choir.number).key
    desk.press(to="bob@example.test", subject="Later", text="Soon.\n")
    row = OutboxMessage.objects.get()
    assert row.other_account == choir.number and office.envelopes == []
    assert SECRET.encode() not in bytes(row.sealed)
    anna.client.post(reverse("mail:outbox_act", args=(row.pk,)), {"do": "edit"})
    assert choir.subjects("Drafts") == ["Later"] and not OutboxMessage.objects.exists()
    draft = Desk(anna).open(
        anna.client.get(reverse("mail:mailbox", args=(choir.name("Drafts"),)))
        .content.decode()
        .partition('class="go who ell" dir="auto" href="')[2]
        .partition('"')[0]
        .replace("&amp;", "&")
    )
    draft.press()
    row = OutboxMessage.objects.get()
    OtherAccount.objects.update(outgoing="smtp://127.0.0.1:9", incoming="imap://127.0.0.1:9")
    row.due = row.created
    row.save()
    delivery.deliver(row.pk)
    assert [str(read(raw)["Subject"]) for raw in arrived(office, "bob")] == ["Later"]  # type: ignore[arg-type]
    assert choir.subjects("Sent") == ["Later"] and choir.subjects("Drafts") == []


def test_another_identity_takes_the_draft_along(anna: Person, add: Add, office: SmallPost) -> None:
    send_at_once(anna)
    choir = add(anna)
    desk = Desk(anna).open(reverse("mail:compose")).press("save", subject="Plans", text="x", to="bob@example.test")
    assert anna.count("Drafts") == 1
    key = Identity.objects.get(account=choir.number).key
    sent = desk.press(identity=key)
    assert sent.status == 200, sent.errors
    assert len(arrived(office, "bob")) == 1  # type: ignore[arg-type]
    assert anna.count("Drafts") == 0 and choir.subjects("Drafts") == [] and choir.subjects("Sent") == ["Plans"]


# --- all of them at once ----------------------------------------------------------------------------------------------


def test_all_inboxes_and_search_over_all_accounts(anna: Person, add: Add) -> None:
    assert "All inboxes" not in anna.client.get("/mail/INBOX/").content.decode()
    choir = add(anna)
    anna.receive(letter("glacier at home"), date=days_ago(2))
    choir.receive(letter("glacier in the choir"), date=days_ago(1))
    choir.receive(letter("glacier of old"), mailbox="Scores", date=days_ago(3))
    page = anna.client.get("/mail/INBOX/?where=inboxes").content.decode()
    assert page.count("<h1") == 1 and "All inboxes</h1>" in page
    assert page.index("glacier in the choir") < page.index("glacier at home") and "of old" not in page
    assert 'class="tag h7" dir="auto">Choir' in page and "Main account</span>" in page
    refs = re.findall(r'name="ref" value="([^"]+)"', page)
    assert len(refs) == 2
    data = {"do": "archive", "ref": refs[0], "where": "inboxes", "mailbox": "INBOX"}
    answer = anna.client.post(reverse("mail:act_found"), data, headers=HTMX)
    assert choir.subjects() == [] and choir.subjects("Archive") == ["glacier in the choir"] and anna.count() == 1
    undone(anna, answer)
    assert choir.subjects() == ["glacier in the choir"]
    found = anna.client.get("/mail/INBOX/?where=all&q=glacier").content.decode()
    assert all(text in found for text in ("glacier at home", "glacier in the choir", "glacier of old", "Choir: Scores"))
    here = anna.client.get(reverse("mail:mailbox", args=(choir.name(),)) + "?q=glacier").content.decode()
    assert "glacier in the choir" in here and "glacier at home" not in here
    news = reverse("mail:news", args=("INBOX",)) + "?where=inboxes&state="
    assert "glacier" in anna.client.get(news).content.decode()


@pytest.mark.parametrize("server", ["pymap_server"], indirect=True)
def test_one_by_pop3_has_its_folders_here_and_takes_them_along(
    anna: Person,
    theirs: DovecotServer,
    office: SmallPost,
    settings,
    tmp_path: Path,
    django_capture_on_commit_callbacks,
) -> None:
    settings.DATA_DIR, settings.POP3_LOOK_SECONDS = tmp_path, 1
    login = f"choir{theirs.new_user()}"
    theirs.set_password(login, SECRET)
    inside = _Secret(theirs)
    inside.append(login, letter("Rehearsal"), letter("Concert"))
    data = fields(theirs, login, office=office, in_kind="pop3", in_port=str(theirs.pop3_port))
    assert anna.client.post(reverse("mail:new_account"), data).status_code == 302
    row = OtherAccount.objects.get(login=login)
    inbox = names.qualified(row.pk, "INBOX")
    page = anna.client.get(reverse("mail:mailbox", args=(inbox,))).content.decode()
    assert "Rehearsal" in page and "Concert" in page
    folder = PopFolder.objects.get(name="INBOX")
    first = folder.messages.order_by("uid").first()
    shown = anna.client.get(reverse("mail:message", args=(inbox, first.uid)), {"v": folder.uidvalidity})
    assert "We raise the felt tomorrow." in shown.content.decode()
    act(anna, inbox, "delete", first.uid, folder.uidvalidity)
    assert len(inside.messages(login)) == 1
    assert [kept.folder.role for kept in PopMessage.objects.exclude(file="")] == ["trash"]
    assert "1 message lies in the portal alone" in anna.client.get(f"/mail/@/accounts/{row.pk}/").content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        anna.client.post(f"/mail/@/accounts/{row.pk}/", {"action": "remove"})
    assert not (PopFolder.objects.exists() or OtherAccount.objects.exists())
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and "pop" in path.parts]


# --- setting up -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("server", ["dovecot"], indirect=True)
def test_what_is_refused(anna: Person, theirs: MailServer, office: SmallPost, settings) -> None:
    url = reverse("mail:new_account")
    theirs.set_password("refused", SECRET)  # type: ignore[attr-defined]

    def tried(**changes: str) -> str:
        answer = anna.client.post(url, fields(theirs, "refused", office=office, **changes))
        assert answer.status_code == 422 and not OtherAccount.objects.exists()
        return answer.content.decode()

    assert "does not accept this user name and password" in tried(password="wrong")
    assert "is no name of a server" in tried(in_host="imap example")
    assert "is not a mail address" in tried(email="nobody")
    assert "does not answer, or is no server for sending" in tried(out_port=str(theirs.imap_port))
    settings.INSIDE_NETWORKS = ()
    assert "may be asked from here" in tried()
    settings.OTHER_ACCOUNT_HOSTS = ["example.org"]
    assert "permits accounts at these servers only: example.org" in tried()
    settings.OTHER_ACCOUNT_HOSTS, settings.ALLOW_PLAINTEXT = [], False
    assert anna.client.post(url, fields(theirs, "refused", in_host="mail.example.org")).status_code == 422
    settings.OTHER_ACCOUNTS = False
    assert anna.client.get(url).status_code == 404
    assert "Mail accounts" not in anna.client.get(reverse("portal:preferences")).content.decode()


@pytest.mark.parametrize("server", ["dovecot"], indirect=True)
def test_changing_and_removing_one(anna: Person, add: Add, theirs: MailServer) -> None:
    choir = add(anna)
    page = reverse("mail:account", args=(choir.number,))
    data = fields(theirs, choir.login, password="", label="Singers", in_host="localhost")
    assert "former servers only" in anna.client.post(page, data).content.decode()
    anna.client.post(
        page, data | {"in_host": "127.0.0.1", "out_kind": "smtp", "out_host": "127.0.0.1", "out_port": "9"}
    )
    row = OtherAccount.objects.get()
    kept = {"out_kind": "smtp", "out_host": "127.0.0.1", "out_port": row.outgoing.rpartition(":")[2]}
    assert anna.client.post(page, data | kept | {"in_host": "127.0.0.1"}).status_code == 302
    assert OtherAccount.objects.get().label == "Singers"
    check = anna.client.post(reverse("mail:accounts"), {"check": str(choir.number)}).content.decode()
    assert "It works" in check
    same = anna.client.post(reverse("mail:new_account"), data | kept | {"in_host": "127.0.0.1", "password": SECRET})
    assert "You have this account here already." in same.content.decode()
    assert anna.client.post(page, {"action": "remove"}).status_code == 302
    assert not OtherAccount.objects.exists() and not Identity.objects.filter(account__isnull=False).exists()
    assert anna.client.get(reverse("mail:mailbox", args=(choir.name(),))).status_code == 404
    assert choir.subjects() == []


def test_nobody_guesses_by_way_of_the_form(anna: Person, theirs: MailServer) -> None:
    data = fields(theirs, "guessed", password="wrong")
    for _try in range(throttle.FREE + 1):
        anna.client.post(reverse("mail:new_account"), data)
    assert "Too many wrong passwords" in anna.client.post(reverse("mail:new_account"), data).content.decode()


def test_it_is_nobody_elses(anna: Person, add: Add, sign_in: SignIn) -> None:
    choir, eve = add(anna), sign_in()
    for name in ("account", "account_password"):
        assert eve.client.get(reverse(f"mail:{name}", args=(choir.number,))).status_code == 404
    assert eve.client.get(reverse("mail:mailbox", args=(choir.name(),))).status_code == 404
    assert "Choir" not in eve.client.get(reverse("mail:accounts")).content.decode()
