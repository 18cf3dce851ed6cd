"""``vectors/headers.json`` through the mail app: headers no program should write, words that would be commands.

The other classes of that file concern what we write ourselves: ``mime/test_build.py``, ``mime/test_addresses.py`` and
``test_compose.py``. The last test holds that no class is left out.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest

from apps.mail.mailbox import errors
from apps.mail.mailbox.store import Query
from apps.mail.services.stores import account, open_account
from tests.mail.conftest import Person, letter
from tests.support.vectors import items

pytestmark = pytest.mark.django_db
ITEMS = items("headers")
VIEWS = ("message", "reply", "reply_all", "forward", "headers", "source", "print", "eml")
A = b"From: Ann <a@x.test>\r\n"
TEXT = b"\r\nthe text\r\n"
MIXED = b'Content-Type: multipart/mixed; boundary="b"\r\n'
FILE = (
    b"\r\n--b\r\n\r\nthe text\r\n--b\r\n"
    b"Content-Type: application/pdf%b\r\nContent-Disposition: attachment; %b\r\n\r\nx\r\n--b--\r\n"
)

#: The octets that each line of the file describes, and what must be read on the page.
MALFORMED: dict[str, tuple[bytes, str]] = {
    "From: a@x.test\r\nFrom: b@y.test": (b"From: a@x.test\r\nFrom: b@y.test\r\n" + TEXT, "a@x.test"),
    "Sender: boss@bank.test + From: evil": (
        b"Sender: boss@bank.test\r\nFrom: evil <evil@x.test>\r\n" + TEXT,
        "evil@x.test",
    ),
    "Reply-To differs": (A + b"Reply-To: other@y.test\r\n" + TEXT, "a@x.test"),
    "Date: far future": (A + b"Date: Fri, 31 Dec 9999 23:59:59 +0000\r\n" + TEXT, "a@x.test"),
    "Date: none": (A + TEXT, "a@x.test"),
    "no From": (b"Subject: who\r\n" + TEXT, "(no sender)"),
    "Subject 998+ bytes one line": (A + b"Subject: " + b"s" * 5000 + b"\r\n" + TEXT, "a@x.test"),
    'header name with space "From :"': (b"From : Ann <a@x.test>\r\nSubject: s\r\n" + TEXT, ""),
    "header line starting with blank first": (b" leading: blank\r\n" + A + TEXT, ""),
    "8-bit raw latin1 header": ("From: Jürgen <a@x.test>\r\nSubject: Grüße\r\n".encode("latin-1") + TEXT, "a@x.test"),
    "NUL in header": (A + b"Subject: be\0fore\r\n" + TEXT, "a@x.test"),
    "10000 Received lines": (b"Received: from a by b; x\r\n" * 10_000 + A + TEXT, "a@x.test"),
    "1 MiB single header": (A + b"X-Long: " + b"x" * 2**20 + b"\r\n" + TEXT, "a@x.test"),
    "boundary 4 KiB": (
        A + b"Content-Type: multipart/mixed; boundary=" + b"b" * 4096 + b"\r\n\r\n--" + b"b" * 4096 + b"\r\n" + TEXT,
        "a@x.test",
    ),
    "Content-Type twice": (A + b"Content-Type: text/plain\r\nContent-Type: text/html\r\n" + TEXT, "a@x.test"),
    "CTE twice": (
        A + b"Content-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: base64\r\n" + TEXT,
        "a@x.test",
    ),
    "charset=unknown-8bit": (A + b"Content-Type: text/plain; charset=unknown-8bit\r\n" + TEXT, "the text"),
    'charset="utf-8\\"; x=\\""': (A + b'Content-Type: text/plain; charset="utf-8\\"; x=\\""\r\n' + TEXT, "the text"),
    "filename*0*..*999": (
        A + MIXED + FILE % (b"", b";".join(b"\r\n filename*%d=f%d" % (n, n) for n in range(1000))),
        "the text",
    ),
    "filename and filename* differ": (
        A + MIXED + FILE % (b"", b"filename=one.pdf; filename*=utf-8''two.pdf"),
        ".pdf",  # which of the two is the server's to say: it parses them for BODYSTRUCTURE
    ),
    "name and filename differ": (A + MIXED + FILE % (b"; name=one.pdf", b"filename=two.pdf"), "two.pdf"),
}


def of(kind: str) -> list[dict[str, str]]:
    return [item for item in ITEMS if item["class"] == kind]


def test_every_line_of_the_file_has_its_octets() -> None:
    assert set(MALFORMED) == {item["field"] for item in of("malformed header")}


@pytest.mark.parametrize("item", of("malformed header"), ids=lambda item: item["id"])
def test_it_opens_and_shows_nobody_else(anna: Person, item: dict[str, str]) -> None:
    octets, read = MALFORMED[item["field"]]
    (uid,) = anna.receive(octets)
    (as_kept,) = anna.server.messages(anna.login)  # Dovecot keeps no NUL
    where = {"v": anna.uidvalidity()}
    pages = {name: anna.client.get(anna.url(name, "INBOX", uid, **where)) for name in VIEWS}
    assert {name: page.status_code for name, page in pages.items()} == dict.fromkeys(VIEWS, 200)
    message = pages["message"].content.decode()
    assert read in message
    assert b"".join(pages["eml"].streaming_content) == as_kept
    listed = anna.client.get(anna.url("mailbox", "INBOX"))
    assert f'data-uid="{uid}"' in listed.content.decode()
    if "boss@bank.test" in octets.decode("latin-1"):
        assert "boss@bank.test" not in listed.content.decode()
        assert message.index("evil@x.test") < message.find("boss@bank.test") % len(message)


@pytest.mark.parametrize("item", of("IMAP command injection"), ids=lambda item: item["id"])
def test_a_name_or_a_word_is_never_a_command(anna: Person, item: dict[str, str]) -> None:
    """As a folder to open, to make and to move to, and as a word to search for: refused or taken as it is. Whatever
    comes of it, the next answer on the same connection is the one to the next question."""
    value = item["value"]
    (uid,) = anna.receive(letter("Stays"))
    assert anna.client.get(f"/mail/{quote(value, safe='')}/").status_code in (400, 404)
    found = anna.client.get("/mail/INBOX/", {"q": value})
    assert found.status_code == 200
    order = {"do": "move", "uid": uid, "v": anna.uidvalidity(), "to": value}
    assert anna.client.post(anna.url("act", "INBOX"), order).status_code in (302, 400, 404)
    with open_account(account(login=anna.login, password=anna.server.password, client_address="")) as store:
        for ask in (
            lambda: store.create(value),
            lambda: store.status(value),
            lambda: store.search("INBOX", Query(text=value)),
            lambda: store.set_flags("INBOX", [uid], uidvalidity=anna.uidvalidity(), add=[value]),
        ):
            try:
                ask()
            except errors.MailError as error:
                assert not isinstance(error, errors.ServerUnreachable)  # nothing ended the session
        assert [row.envelope.subject for row in store.page("INBOX").rows] == ["Stays"]


@pytest.mark.parametrize("item", of("IMAP search literal desync"), ids=lambda item: item["id"])
def test_only_the_word_is_searched_for(anna: Person, item: dict[str, str]) -> None:
    value = item["value"]
    words = " ".join(value.split())
    with_it, without = anna.receive(letter("It", text=f"here: {words} and on"), letter("Other", text="else"))
    with open_account(account(login=anna.login, password=anna.server.password, client_address="")) as store:
        found = [
            row.uid for row in store.search("INBOX", Query(text=f'"{value}"' if "\r" not in value else value)).rows
        ]
        assert without not in found
        if "\r" not in value:
            assert found == [with_it]
        assert len(store.page("INBOX").rows) == 2


def test_no_class_is_left_out() -> None:
    sources = "".join(path.read_text() for path in sorted(Path(__file__).parent.rglob("test_*.py")))
    assert {kind for kind in {item["class"] for item in ITEMS} if kind.split(" / ")[0] not in sources} == set()
