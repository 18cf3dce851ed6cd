"""Servers that go wrong (tests/vectors/imap_faults.json), as somebody sees them who reads their mail: every line of it
is run, through the portal's own pages, against a server on a real socket.

What holds for all of them: no page falls over, no message is touched by mistake, a connection in doubt is dropped, and
once the server behaves again the next request works.
"""

from __future__ import annotations

import json
import re
import ssl
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.test import Client

from apps.mail.mailbox import errors
from apps.mail.mailbox.account import Account
from apps.mail.mailbox.imap import sorting
from apps.mail.mailbox.imap.connection import Connection
from apps.mail.models import OutboxMessage
from apps.mail.services import stores, sweeping, trouble
from portal.net import parse_server_url
from scripts.servers import tls
from tests.mail.desk import Desk
from tests.mail.faults import LITTLE, Scene
from tests.support.imap import FaultyImap, HangUp, Line, faulty_imap, plain
from tests.support.scripted import scripted
from tests.support.smtp import faulty_post

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/imap_faults.json").read_text("utf-8"))
ITEMS = VECTORS["items"]
pytestmark = pytest.mark.django_db
STILL = r"NOOP|SELECT|UID FETCH|FETCH|LIST|STATUS|UID SEARCH"
CHANGING = (b"UID STORE", b"UID MOVE", b"UID COPY", b"UID EXPUNGE", b"EXPUNGE", b"STORE", b"MOVE", b"COPY")
BUSY = threading.Event()  # never set: a server that says nothing waits for it


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch, settings, tmp_path: Path) -> Iterator[Scene]:
    """Anna is signed in and has three messages."""
    server = FaultyImap(messages={uid: plain(f"Subject {uid}", number=uid) for uid in (1, 2, 3)})
    with faulty_imap(server):
        stores.pool()  # it outlives the test
        settings.DATA_DIR = tmp_path
        yield Scene(server, monkeypatch, settings, tmp_path).begin()
        stores.pool().close_all()


def signed_in(scene: Scene) -> Scene:
    assert scene.sign_in().status == 302
    scene.cool()
    return scene


def say(words: bytes) -> Callable[[Line], None]:
    """Instead of the answer."""
    return lambda line: line.say(words)


def before(words: bytes) -> Callable[[Line], None]:
    def act(line: Line) -> None:
        line.say(words)
        line.usual()

    return act


def hang_up(line: Line) -> None:
    raise HangUp


def stall(line: Line) -> None:
    """Until the portal has had enough of it."""
    while line.client.recv(4096):
        pass
    raise HangUp


def once(server: FaultyImap, key: bytes, act: Callable[[Line], None]) -> None:
    def fault(line: Line) -> None:
        server.faults.pop(key, None)
        act(line)

    server.faults[key] = fault


def test_every_line_is_run() -> None:
    assert len(ITEMS) == VECTORS["count"] == 65
    told = {item["id"] for item in ITEMS if item["class"] == "session"}
    assert told == set(SESSIONS)
    assert {item["class"] for item in ITEMS} == {"ENVELOPE", "BODYSTRUCTURE", "session"}


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item["id"])
def test_fault(scene: Scene, item: dict[str, str]) -> None:
    run = {"ENVELOPE": an_envelope, "BODYSTRUCTURE": a_structure}.get(item["class"]) or SESSIONS[item["id"]]
    run(scene, item) if item["class"] != "session" else run(scene)
    scene.server.faults.clear()
    scene.server.greeting = b"* OK [CAPABILITY %c] ready\r\n"
    if "_auth_user_id" in scene.client.session:
        assert scene.get().status == 200, "and afterwards all is well"


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_fifty_thousand_folders(scene: Scene) -> None:
    fifty_thousand_folders(scene, 50_000)


# --- what is said of a message ----------------------------------------------------------------------------------------


def an_envelope(scene: Scene, item: dict[str, str]) -> None:
    found = re.search(r"ENVELOPE (.*)\)\Z", item["server"], re.S)
    assert found
    scene.server.messages[1].envelope = found[1].encode()
    signed_in(scene)
    listed = scene.get()
    assert (listed.status, listed.uids) == (200, [3, 2, 1])
    assert "Subject 3" in listed.html and "Subject 2" in listed.html
    opened = scene.open()
    assert (opened.status, "Some words." in opened.html) == (200, True)
    if item["id"] in ("imap_faults-001", "imap_faults-008"):
        assert "Subject 1" in listed.html, "read from the header instead"
    if item["id"] == "imap_faults-007":
        assert "raw ä" in listed.html
    assert "flagged" in scene.act("flag").html or scene.server.commands(b"UID STORE") == [
        b"UID STORE 1 +FLAGS.SILENT (\\Flagged)"
    ]


def _structure_of(item: dict[str, str]) -> bytes:
    text = item["server"]
    part = b'("text" "plain" NIL NIL NIL "7bit" 1 1)'
    if "x500 nested" in text:
        return b"(" * 500 + part + b' "mixed")' * 500
    if "20000 parts" in text:
        return b"(" + part * 20_000 + b' "mixed")'
    found = re.search(r"BODYSTRUCTURE (.*)\)\Z", text, re.S)
    assert found
    return found[1].encode()


def a_structure(scene: Scene, item: dict[str, str]) -> None:
    scene.server.messages[1].structure = _structure_of(item)
    signed_in(scene)
    listed = scene.get()
    assert (listed.status, listed.uids) == (200, [3, 2, 1])
    assert all(f"Subject {uid}" in listed.html for uid in (1, 2, 3))
    opened = scene.open()
    assert opened.status == 200
    assert "Subject 1" in opened.html
    believed = {"imap_faults-012", "imap_faults-018", "imap_faults-019", "imap_faults-024", "imap_faults-025"}
    assert "Some words." in opened.html or item["id"] in believed, "else from the message itself"
    assert len(opened.html) < 3_000_000
    for path in (
        ("source/", "message.eml") if "20000" in item["server"] else ("source/", "print/", "reply/", "message.eml")
    ):
        assert scene.get(f"/mail/INBOX/1/{path}", v=7).status == 200, path


# --- a session --------------------------------------------------------------------------------------------------------


def bye_in_mid_fetch(scene: Scene) -> None:
    bye = say(b"* 1 FETCH (UID 1 FLAGS ())\r\n* BYE shutting down\r\n")
    signed_in(scene)
    once(scene.server, rb"UID FETCH .*ENVELOPE", bye)
    assert scene.get().uids == [3, 2, 1], "asked once more"
    scene.cool()
    stores.pool().memory.clear()
    scene.server.faults = {rb"UID FETCH|FETCH": bye}
    away = scene.get()
    assert (away.status, away.uids) == (503, []), "no half of a list"
    assert "isn’t answering" in away.html
    scene.server.faults = {rb"UID FETCH .*(ENVELOPE|HEADER)": bye}
    assert scene.get().uids == [3, 2, 1], "there, though they cannot be shown"
    scene.server.faults.clear()
    assert "Subject 1" in scene.get().html, "and not remembered so"


def reset_after_the_tag(scene: Scene) -> None:
    signed_in(scene)
    once(scene.server, rb"NOOP|LIST", hang_up)
    assert scene.get().status == 200
    for key, do in ((rb"UID MOVE", "archive"), (rb"UID STORE", "flag")):
        scene.server.heard.clear()
        scene.server.faults[key] = hang_up
        assert scene.act(do).status == 503
        assert len([line for line in scene.server.heard if re.match(key, line)]) == 1, "not blindly repeated"
    scene.server.faults[rb"APPEND"] = hang_up
    scene.server.heard.clear()
    page = write(scene).press("save", subject="Kept", text="as typed")
    assert (page.status, page.value("text"), page.value("subject")) == (503, "as typed", "Kept")
    assert len(scene.server.commands(b"APPEND")) == 1


def uidvalidity_changes(scene: Scene) -> None:
    scene.server.capabilities += b" CONDSTORE"
    signed_in(scene)
    usual = scene.server.messages
    for changed in (b"* OK [UIDVALIDITY 8] new\r\n", b"* OK [UIDVALIDITY changed]\r\n"):
        scene.server.messages, scene.server.uidvalidity = usual, 7
        scene.cool()
        assert scene.get().uids == [3, 2, 1]

        def number_anew(line: Line, changed: bytes = changed) -> None:
            scene.server.messages, scene.server.uidvalidity = {1: plain("Another life", number=9)}, 8
            before(changed)(line)

        once(scene.server, rb"UID FETCH", number_anew)
        answer = scene.open(1)
        assert (answer.status, "Another life" in answer.html) == (409, False)
    for answer in (scene.open(1), scene.act("flag"), scene.act("archive")):
        assert (answer.status, "numbered its messages anew" in answer.html) == (409, True)
    assert scene.server.commands(*CHANGING) == []
    once(scene.server, rb"NOOP", before(b"* OK [UIDVALIDITY 8] new\r\n"))
    listed = scene.get()
    assert (listed.uids, "Another life" in listed.html, "Subject 1" in listed.html) == ([1], True, False)


def exists_drops(scene: Scene) -> None:
    scene.server.capabilities += b" CONDSTORE"
    signed_in(scene)
    assert scene.get().uids == [3, 2, 1]
    del scene.server.messages[2]
    once(scene.server, rb"NOOP", before(b"* 2 EXISTS\r\n"))
    assert scene.get().uids == [3, 1]


def expunge_during_a_fetch_by_sequence(scene: Scene) -> None:
    signed_in(scene)
    rows = b"* 1 FETCH (UID 1 FLAGS ())\r\n* 1 EXPUNGE\r\n* 1 FETCH (UID 2 FLAGS ())\r\n* 2 FETCH (UID 3 FLAGS ())\r\n"

    def shifted(line: Line) -> None:
        del scene.server.messages[1]
        line.say(rows + b"%t OK\r\n")

    once(scene.server, rb"FETCH 1:3 \(UID FLAGS\)", shifted)
    listed = scene.get()
    assert listed.uids == [3, 2]
    assert [listed.html.index(f"Subject {uid}") > 0 for uid in (3, 2)]
    scene.act("archive", 2)
    changes = [line for line in scene.server.heard if re.match(rb"(UID )?(STORE|MOVE|COPY|EXPUNGE)", line)]
    assert changes == [b'UID MOVE 2 "Archive"']


def bounded(act: Callable[[], object], megabytes: int) -> None:
    tracemalloc.start()
    try:
        act()
        assert tracemalloc.get_traced_memory()[1] < megabytes * 2**20
    finally:
        tracemalloc.stop()


def vanished_everywhere(scene: Scene) -> None:
    signed_in(scene)
    scene.server.faults[rb"SELECT"] = before(b"* VANISHED (EARLIER) 1:4294967295\r\n")
    bounded(lambda: scene.get(), 64)
    assert scene.get().uids == [3, 2, 1]
    copied = b"* OK [COPYUID 8 1:4294967295 1:4294967295] x\r\n* ESEARCH UID ALL 1:4294967295\r\n%t OK\r\n"
    scene.server.faults = {rb"UID MOVE": say(copied)}
    bounded(lambda: scene.act("archive"), 64)


def dropped(scene: Scene, words: bytes, *, key: bytes = rb"UID FETCH", megabytes: int = 64) -> None:
    """The page says that the server is away, in time, and hangs up."""

    def act(line: Line) -> None:
        line.say(words)
        stall(line)

    signed_in(scene.begin(patience=LITTLE))
    scene.server.faults[key] = act
    found = []
    bounded(lambda: found.append(scene.get()), megabytes)
    assert (found[0].status, found[0].uids) == (503, [])
    assert stores.pool().idle_count() == 0


def a_giant_literal(scene: Scene) -> None:
    dropped(scene, b"* 1 FETCH (UID 1 FLAGS {9999999999}\r\n", key=rb"(UID )?FETCH")


def a_literal_cut_short(scene: Scene) -> None:
    dropped(scene, b"* 1 FETCH (UID 1 FLAGS {100}\r\nabc")


def a_trickle(scene: Scene) -> None:
    def drop_by_drop(line: Line) -> None:
        while not BUSY.wait(LITTLE / 10):
            line.client.sendall(b"*")  # ends with the portal's hanging up

    signed_in(scene.begin(patience=LITTLE))
    carla = Client()
    assert scene.sign_in(carla, "carla").status == 302
    scene.server.faults[rb"UID FETCH"] = drop_by_drop
    found = []
    waits = threading.Thread(target=lambda: found.append(_lease_in_vain()))
    waits.start()
    scene.server.faults.pop(rb"UID FETCH", None) if _is_held(scene) else None
    assert scene.get(client=carla).status == 200, "others are served meanwhile"
    waits.join(10)
    assert found == [errors.ServerTimeout]


def _lease_in_vain() -> type[Exception] | None:
    account = stores.account(login="anna", password="secret")
    try:
        with stores.pool().lease(account) as store:
            store.message("INBOX", 1, uidvalidity=7)
    except errors.MailError as error:
        return type(error)
    return None


def _is_held(scene: Scene) -> bool:
    """Waits until the server has begun to trickle."""
    while not scene.server.commands(b"UID FETCH"):
        threading.Event().wait(0.01)
    return True


def a_line_without_end(scene: Scene) -> None:
    dropped(scene, b"* " + b"x" * 10 * 2**20, megabytes=64)
    scene.server.faults.clear()
    dropped(scene, b"* " + b"x" * 20 * 2**20, megabytes=64)


def an_alert_with_html(scene: Scene) -> None:
    signed_in(scene)
    scene.server.faults[rb"SELECT"] = say(b"%t NO [SERVERBUG] <b>ask</b> <script>alert(1)</script>\r\n")
    answer = scene.get()
    assert answer.status == 502
    assert "&lt;b&gt;ask&lt;/b&gt;" in answer.html and "<script>alert" not in answer.html
    scene.server.faults[rb"SELECT"] = say(b"%t NO [ALERT] <b>gone</b>\r\n")
    assert "<b>gone" not in scene.get().html


def over_quota(scene: Scene) -> None:
    signed_in(scene)
    scene.server.faults[rb"APPEND"] = say(b"%t NO [OVERQUOTA] full\r\n")
    page = write(scene).press("save", subject="Kept", text="as typed")
    assert (page.status, page.value("text"), page.value("subject")) == (507, "as typed", "Kept")
    assert "Your mailbox is full" in page.html


def write(scene: Scene) -> Desk:
    return Desk(scene).open("/mail/@/compose/")  # type: ignore[arg-type]


def try_create(scene: Scene) -> None:
    signed_in(scene)
    once(scene.server, rb"APPEND", say(b"%t NO [TRYCREATE] no such mailbox\r\n"))
    page = write(scene).press("save", subject="Kept", text="as typed")
    assert page.said == ["Draft saved."]
    assert scene.server.commands(b"CREATE") == [b'CREATE "Drafts"']
    assert [mailbox for mailbox, _ in scene.server.stored] == [b"Drafts"]


def refused_before_any_password(scene: Scene) -> None:
    answer = scene.begin("imap+starttls").sign_in()
    assert answer.status == 403
    assert "no safe connection to the mail server" in answer.html
    assert scene.server.commands(b"LOGIN", b"AUTHENTICATE") == []


def preauth(scene: Scene) -> None:
    scene.server.greeting = b"* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] in already\r\n"
    refused_before_any_password(scene)


def words_after_starttls(scene: Scene) -> None:
    scene.server.capabilities += b" STARTTLS"
    scene.server.faults[rb"STARTTLS"] = say(b"%t OK begin\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n")
    refused_before_any_password(scene)


def no_starttls(scene: Scene) -> None:
    refused_before_any_password(scene)


def certificates(scene: Scene) -> None:
    folder = scene.folder
    authority = tls.make_authority(folder / "ours")
    other = tls.make_authority(folder / "other")
    chains = {
        "self-signed": (authority, other, other.with_suffix(".key")),
        "another host": (
            authority,
            (chain := tls.issue(folder / "ours", names="DNS:x.test")),
            chain.with_suffix(".key"),
        ),
        "expired": (authority, (old := tls.issue(folder / "ours", "old", days=-1)), old.with_suffix(".key")),
    }
    for name, (ca_file, chain, key) in chains.items():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, key)
        heard: list[bytes] = []

        def script(client, context=context, heard=heard) -> None:
            with context.wrap_socket(client, server_side=True) as safe:
                safe.sendall(b"* OK [CAPABILITY IMAP4rev1] hello\r\n")
                heard.append(safe.recv(100))

        with scripted(script) as port, pytest.raises(errors.TlsFailed):
            server = parse_server_url(f"imaps://localhost:{port}", services={"imap": 143, "imaps": 993})
            Connection(Account(server=server, login="a", password="secret", ca_file=str(ca_file)))
        assert heard in ([], [b""]), name


def referral(scene: Scene) -> None:
    scene.server.faults[rb"LOGIN"] = say(b"%t NO [REFERRAL imap://anna@evil.test/] go there\r\n")
    assert scene.sign_in().status == 403
    scene.server.faults[rb"LOGIN"] = say(b"%t OK [REFERRAL imap://anna@evil.test/] better there\r\n")
    signed_in(scene)
    assert scene.get().uids == [3, 2, 1]


def another_tag(scene: Scene) -> None:
    signed_in(scene)
    once(scene.server, rb"NOOP|LIST", say(b"Z99 OK done\r\n"))
    assert scene.get().uids == [3, 2, 1], "on a new connection"
    scene.cool()
    scene.server.faults[rb"SELECT"] = say(b"Z99 OK done\r\n")
    assert scene.get().status == 503
    assert stores.pool().idle_count() == 0


def duplicate_tag(scene: Scene) -> None:
    def twice(line: Line) -> None:
        line.usual()
        line.say(b"%t OK done\r\n")

    signed_in(scene)
    once(scene.server, rb"(LIST|LSUB|STATUS)", twice)
    scene.get()
    assert scene.get().uids == [3, 2, 1]


def listing(scene: Scene, *folders: bytes) -> Scene:
    scene.server.folders += folders
    return signed_in(scene)


def nil_delimiter(scene: Scene) -> None:
    listing(scene, b'() NIL "a/b"')
    assert "a/b</span>" in scene.get().html
    assert scene.get("/mail/a~2fb/").status == 200


def crlf_in_a_name(scene: Scene) -> None:
    def lists(line: Line) -> None:
        line.say(b'* LIST () "/" {6}\r\na\r\nb<i\r\n')
        line.usual()

    signed_in(scene)
    scene.server.faults[rb"LIST"] = lists
    answer = scene.get()
    assert (answer.status, "a␍␊b&lt;i" in answer.html) == (200, True)
    assert "a\r\nb" not in answer.html


def fifty_thousand_folders(scene: Scene, count: int = 2_000) -> None:
    listing(scene, *(b'(\\HasNoChildren) "/" "list.%05d"' % number for number in range(count)))
    scene.server.faults[rb"STATUS"] = say(b"%t NO not now\r\n")
    answer = scene.get()
    assert answer.status == 200
    assert answer.uids == [3, 2, 1]
    assert len(answer.html) < 3_000_000
    assert "list.00007" in answer.html
    assert f"{count + 5 - 1000} more folders" in answer.html
    assert scene.get(f"/mail/list.{count - 1:05d}/").status == 200
    assert f"list.{count - 1:05d}</a>" in scene.get("/mail/@/folders/manage/", page=count // 250 + 1).html
    del scene.server.folders[5:]


def broken_utf7(scene: Scene) -> None:
    listing(scene, b'() "/" "Bad&name"', b'() "/" "Half&AP"')
    html = scene.get().html
    assert "Bad&amp;name" in html and "Half&amp;AP" in html
    for name in (b"Bad&name", b"Half&AP"):
        path = re.search(rf'href="(/mail/[^"]*{name[-2:].decode()}/)"', html)
        assert path
        assert scene.get(path[1]).status == 200
        assert b'SELECT "%b"' % name in scene.server.heard


def two_encodings(scene: Scene) -> None:
    listing(scene, b'() "/" "Caf&AOk-s"', '() "/" "Cafés"'.encode())
    html = scene.get().html
    assert html.count(">Cafés<") == 2
    paths = set(re.findall(r'href="(/mail/Caf[^"]*/)"', html))
    assert len(paths) == 2
    for path in paths:
        scene.server.heard.clear()
        assert scene.get(path).status == 200
        assert [line for line in scene.server.heard if line.startswith(b"SELECT")]


def noselect_parent(scene: Scene) -> None:
    listing(scene, b'(\\Noselect \\HasChildren) "/" "Top"', b'() "/" "Top/below"')
    html = scene.get().html
    assert 'href="/mail/Top~2fbelow/"' in html
    assert 'href="/mail/Top/"' not in html
    assert "<details" in html


def two_sent_folders(scene: Scene) -> None:
    from apps.mail.models import Identity

    scene.server.folders = [b'() "/" INBOX', b'(\\Sent) "/" "One"', b'(\\Sent) "/" "Two"', b'() "/" "Drafts"']
    signed_in(scene)
    scene.settings.MAIL_DOMAIN = "example.test"  # type: ignore[attr-defined]
    with faulty_post() as post:
        scene.settings.SMTP_URL = post.url  # type: ignore[attr-defined]
        for wanted, mailbox in (("", b"One"), ("Two", b"Two")):
            Identity.objects.filter(user=scene.user).delete()
            Identity.objects.create(user=scene.user, email="anna@example.test", sent_mailbox=wanted)
            send(scene)
            assert scene.server.stored[-1][0] == mailbox


def send(scene: Scene) -> OutboxMessage:
    from tests.mail.conftest import send_at_once

    send_at_once(scene)  # type: ignore[arg-type]
    write(scene).press(to="bob@example.test", subject="Felt camp", text="Bring poles.")
    return OutboxMessage.objects.latest("pk")


class Million(FaultyImap):
    """Rows are made as they are asked for."""

    def selected(self) -> bytes:
        return b"* 1000000 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 1000001] x\r\n"

    def rows(self, words: bytes) -> list[bytes]:
        found = re.match(rb"(?:UID )?FETCH (\d+):(\d+) ", words)
        assert found, words
        low, high = int(found[1]), int(found[2])
        assert high - low < 100, words
        self.messages = {uid: plain(f"Subject {uid}", number=uid) for uid in range(low, high + 1)}
        return [b"* %d FETCH (%b)\r\n" % (uid, self._items(uid, words)) for uid in range(low, high + 1)]


def a_million_messages(scene: Scene) -> None:
    for capabilities in (b"IMAP4rev1 SORT ESORT ESEARCH", b"IMAP4rev1"):
        server = Million(capabilities=capabilities)
        server.faults[rb"UID SORT"] = say(b"* ESEARCH UID ALL 1:1000000\r\n%t OK\r\n")
        server.faults[rb"UID SEARCH ALL"] = say(
            b"* SEARCH " + b" ".join(map(b"%d".__mod__, range(1, 1_000_001))) + b"\r\n%t OK\r\n"
        )
        with faulty_imap(server):
            million = Scene(server, scene.monkeypatch, scene.settings, scene.folder).begin()
            signed_in(million)
            answer = million.get()
            assert answer.uids == list(range(1_000_000, 999_950, -1))
            server.heard.clear()
            assert million.get().uids == answer.uids
            assert len(server.heard) < 12
            stores.pool().close_all()
    scene.begin()


def highest_uids(scene: Scene) -> None:
    top = 2**32 - 1
    scene.server.messages |= {top - 1: plain("Subject last but one", number=8), top: plain("Subject last", number=9)}
    signed_in(scene)
    assert scene.get().uids == [top, top - 1, 3, 2, 1]
    assert scene.open(top).status == 200
    assert scene.open(top - 1).status == 200
    del scene.server.messages[2]
    assert scene.get().uids == [top, top - 1, 3, 1]
    assert scene.get(q="words").uids == [top, top - 1, 3, 1]
    scene.server.faults[rb"UID SEARCH"] = say(b"* SEARCH 0 1 4294967296 99999999999\r\n%t OK\r\n")
    assert scene.get(q="others").uids == [1]
    scene.server.capabilities += b" SORT"
    scene.cool()
    stores.pool().memory.clear()
    scene.server.faults = {rb"UID SORT": say(b"* SORT 1 0 4294967296 3\r\n%t OK\r\n")}
    assert scene.get().status == 200


def odd_modseqs(scene: Scene) -> None:
    scene.server.capabilities += b" CONDSTORE"
    signed_in(scene)
    told = b"* OK [HIGHESTMODSEQ %b] x\r\n* 1 FETCH (UID 1 FLAGS () MODSEQ (%b))\r\n"
    for value in (b"-1", b"9223372036854775808", b"0", b"99999999999999999999999"):
        scene.cool()
        scene.server.faults = {rb"SELECT|NOOP|UID FETCH": before(told % (value, value))}
        for query in ({}, {"q": "words"}, {"q": "is:unread words"}):
            assert scene.get(**query).status == 200


def impossible_date(scene: Scene) -> None:
    scene.server.messages[1].date = b"99-Foo-2026 88:00:00 +0000"
    scene.server.messages[2].date = b""
    signed_in(scene)
    answer = scene.get()
    assert sorted(answer.uids) == [1, 2, 3]
    assert "1970" not in answer.html
    assert answer.html.count('datetime="2026-01-05') == 3, "the day in the header"


def many_keywords(scene: Scene) -> None:
    scene.server.messages[1].flags = " ".join(f"$keyword{number}" for number in range(500))
    signed_in(scene)
    assert scene.get().uids == [3, 2, 1]
    assert scene.open().status == 200


def ghosts_in_a_search(scene: Scene) -> None:
    signed_in(scene)
    scene.server.faults[rb"UID SEARCH"] = say(b"* SEARCH 2 77 78\r\n%t OK\r\n")
    assert scene.get(q="words").uids == [2]


def no_sort(scene: Scene) -> None:
    signed_in(scene)
    for uid, subject in ((1, "Beta"), (2, "Alpha"), (3, "Gamma")):
        scene.server.messages[uid] = plain(subject, number=uid)
    stores.pool().memory.clear()
    scene.post("/mail/INBOX/sort/", sort="subject")
    assert scene.get().uids == [2, 1, 3]
    scene.monkeypatch.setattr(sorting, "MOST_HERE", 2)  # type: ignore[attr-defined]
    stores.pool().memory.clear()
    answer = scene.get()
    assert (answer.status, answer.uids) == (200, [3, 2, 1]), "within bounds"
    assert scene.server.commands(b"UID SORT") == []


def esearch_of_somebody_else(scene: Scene) -> None:
    scene.server.capabilities += b" ESEARCH"
    signed_in(scene)
    answer = b'* ESEARCH (TAG "zz") UID ALL 1:3\r\n* ESEARCH (TAG "%t") UID ALL 2\r\n%t OK\r\n'
    scene.server.faults[rb"UID SEARCH"] = say(answer)
    assert scene.get(q="words").uids == [2]


def no_idle(scene: Scene) -> None:
    scene.server.capabilities += b" IDLE"
    signed_in(scene)
    scene.get()
    scene.open()
    assert not [line for line in scene.server.heard if line.upper().startswith(b"IDLE")]
    assert stores.pool().idle_seconds < 29 * 60, "a silent connection is closed long before"


def slow_sign_in(scene: Scene) -> None:
    scene.begin(patience=LITTLE / 4).server.faults[rb"LOGIN"] = stall
    for _ in range(2):
        answer = scene.sign_in()
        assert answer.status == 403
        assert "cannot be reached" in answer.html
        assert "wrong" not in answer.html
    scene.begin().server.faults.clear()
    assert scene.sign_in().status == 302, "nothing was counted"


def three_refusals(scene: Scene) -> None:
    texts = []
    for code in (b"AUTHENTICATIONFAILED", b"UNAVAILABLE", b"PRIVACYREQUIRED"):
        scene.server.faults[rb"LOGIN"] = say(b"%t NO [" + code + b"] no\r\n")
        answer = scene.sign_in()
        assert answer.status == 403
        texts.append(re.search(r'role="alert"[^>]*>(.*?)</div>', answer.html, re.S)[1])  # type: ignore[index]
    assert len(set(texts)) == 3, texts
    found = [trouble.describe(kind()) for kind in (errors.ServerUnreachable, errors.PrivacyRequired, errors.TlsFailed)]
    assert len({str(one.text) for one in found}) == 3


def finds_after_append(scene: Scene, uid: int) -> None:
    """APPEND does not say where the message is; SEARCH finds one there."""

    def act(line: Line) -> None:
        line.say(b"%t OK done\r\n")
        scene.server.faults[rb"UID SEARCH HEADER"] = say(b"* SEARCH %d\r\n%%t OK\r\n" % uid)

    scene.server.faults[rb"APPEND"] = act


def append_not_stored(scene: Scene) -> None:
    signed_in(scene)
    scene.settings.MAIL_DOMAIN = "example.test"  # type: ignore[attr-defined]
    found = scene.server.faults
    finds_after_append(scene, 2)  # the draft as it is from then on
    page = write(scene).press("save", subject="First", text="as typed")
    assert page.said == ["Draft saved."]
    page.press("save", subject="Second")
    assert (page.status, page.value("subject")) == (502, "Second")
    assert scene.server.commands(*CHANGING) == [], "the draft before is all there is"
    found.clear()
    found[rb"APPEND"] = say(b"%t OK done\r\n")
    with faulty_post() as post:
        scene.settings.SMTP_URL = post.url  # type: ignore[attr-defined]
        row = send(scene)
        assert (row.state, len(post.taken)) == (OutboxMessage.State.SENT, 1), "sent, the copy not yet stored"
        found.clear()
        sweeping.sweep(now=row.due)
        row.refresh_from_db()
        assert (row.state, len(post.taken)) == (OutboxMessage.State.DONE, 1)
        assert [mailbox for mailbox, _ in scene.server.stored] == [b"Sent"]


def no_appenduid(scene: Scene) -> None:
    signed_in(scene)
    finds_after_append(scene, 3)
    page = write(scene).press("save", subject="First", text="as typed")
    assert page.said == ["Draft saved."]
    assert "/mail/Drafts/3/edit/?v=7" in page.url
    asked = [line for line in scene.server.heard if line.startswith(b"UID SEARCH HEADER")]
    assert asked and b"Message-ID" in asked[-1]


SESSIONS: dict[str, Callable[[Scene], None]] = {
    f"imap_faults-{number:03d}": run
    for number, run in enumerate(
        (
            *(bye_in_mid_fetch, reset_after_the_tag, uidvalidity_changes, exists_drops),
            *(expunge_during_a_fetch_by_sequence, vanished_everywhere, a_giant_literal, a_literal_cut_short),
            *(a_trickle, a_line_without_end, an_alert_with_html, over_quota, try_create, preauth),
            *(words_after_starttls, no_starttls, certificates, referral, another_tag, duplicate_tag, nil_delimiter),
            *(crlf_in_a_name, fifty_thousand_folders, broken_utf7, two_encodings, noselect_parent, two_sent_folders),
            *(a_million_messages, highest_uids, odd_modseqs, impossible_date, many_keywords, ghosts_in_a_search),
            *(no_sort, esearch_of_somebody_else, no_idle, slow_sign_in, three_refusals, append_not_stored),
            no_appenduid,
        ),
        26,
    )
}
