"""What IMAP servers were recorded to say (the corpus mailkit-imap): nothing of it confuses, and all of it is read."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from apps.mail.mailbox import errors
from apps.mail.mailbox.imap import fetch
from apps.mail.mailbox.imap.answers import copied
from apps.mail.mailbox.imap.commands import command
from apps.mail.mailbox.imap.connection import Connection
from apps.mail.mailbox.imap.guard import words
from apps.mail.mailbox.imap.memory import Memory
from apps.mail.mailbox.imap.store import ImapStore
from tests.mail.mailbox.test_connection import ACTS, here
from tests.mail.mime.support import CORPORA
from tests.support.scripted import answering, scripted

FOLDER = CORPORA / "mailkit-imap"
RECORDED = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.txt")) or [""]
GREETING = b"* OK [CAPABILITY IMAP4rev1 QUOTA CONDSTORE] in\r\n"


def recorded(name: str) -> bytes:
    """With line ends as on the wire, and the tag of whoever asks."""
    if not name or not FOLDER.exists():
        pytest.skip("shared corpora absent")
    text = re.sub(rb"\r?\n", b"\r\n", (FOLDER / name).read_bytes())
    return text.replace(b"A########", b"%t")


def script(answer: bytes, key: bytes = b" ", *, greeting: bytes = GREETING, **more: bytes) -> Any:
    others = {word.encode(): said for word, said in more.items()}
    usual = b"%t OK done\r\n"
    return scripted(
        answering(greeting, {b"LOGIN": usual, **others, key: answer} | ({} if key == b" " else {b" ": usual}))
    )


def greets(answer: bytes) -> Connection:
    with script(b"%t OK done\r\n", greeting=answer) as port:
        connection = Connection(here(port))
        connection.close()
        return connection


@pytest.mark.parametrize("name", RECORDED)
def test_nothing_of_it_confuses(name: str) -> None:
    """As a greeting it makes a connection or one of our errors; as an answer, to whatever was asked, no other error."""
    answer = recorded(name)
    if b"greeting" in name.encode():
        if answer.startswith(b"* PREAUTH"):
            with pytest.raises(errors.TlsFailed):
                greets(answer)
        else:
            greets(answer)
        return
    answer += b"" if b"%t " in answer else b"%t OK done\r\n"
    for act in ACTS.values():
        with script(answer) as port:
            store = ImapStore(Connection(here(port)), Memory())
            try:
                act(store)
            except errors.MailError:
                pass
            finally:
                store.connection.close()


CAPABILITIES = {
    "common/capability.txt": {"IMAP4REV1"},
    "courier/capability.txt": {"UIDPLUS", "SORT", "QUOTA", "ACL2=UNION"},
    "cyrus/capability.txt": {"LITERAL+", "SASL-IR", "CONDSTORE", "SORT=MODSEQ"},
    "cyrus/authenticate.txt": {"LITERAL+", "CONDSTORE", "UNSELECT"},
    "domino/capability.txt": {"UIDPLUS", "QUOTA"},
    "exchange/capability-postauth.txt": {"MOVE", "UIDPLUS"},
    "lowercase/capability.txt": {"IMAP4REV1", "STARTTLS", "SPECIAL-USE"},
    "protonmail/capability.txt": {"AUTH=PLAIN", "APPENDLIMIT"},
    "zoho/authenticate.txt": {"MOVE", "LIST-STATUS", "CONDSTORE", "LITERAL-"},
    "zoho/capability.txt": {"MOVE", "ESEARCH", "APPENDLIMIT=10485760"},
}


@pytest.mark.parametrize("name", CAPABILITIES)
def test_capabilities(name: str) -> None:
    key = b"LOGIN" if "authenticate" in name else b"CAPABILITY"
    before = {} if key == b"CAPABILITY" else {"CAPABILITY": b"* CAPABILITY IMAP4rev1\r\n%t OK\r\n"}
    with script(recorded(name), key, greeting=b"* OK hello\r\n", **before) as port:
        connection = Connection(here(port))
        connection.close()
    assert CAPABILITIES[name] <= connection.capabilities


SELECTED = {
    "common/select-inbox.txt": (8, 1436832084, 9, 2, False),
    "common/select-inbox-no-modseq.txt": (8, 1436832084, 9, 0, False),
    "common/select-inbox-annotate.txt": (8, 1436832084, 9, 2, False),
    "common/select-inbox-annotate-none.txt": (8, 1436832084, 9, 2, False),
    "common/select-inbox-annotate-readonly.txt": (8, 1436832084, 9, 2, False),
    "common/select-inbox-annotate-no-modseq.txt": (8, 1436832084, 9, 0, False),
    "zoho/examine-gesendet.txt": (5348, 2, 6212, 1706092971947030001, True),
}


@pytest.mark.parametrize("name", SELECTED)
def test_selected(name: str) -> None:
    with script(recorded(name), b"SELECT") as port:
        connection = Connection(here(port))
        found = connection.select("INBOX")
        connection.close()
    told = (found.exists, found.uidvalidity, found.uidnext, found.highestmodseq, found.read_only)
    assert told == SELECTED[name]
    assert ("\\*" in found.permanent_flags) != found.read_only


LISTED = {
    "common/list-inbox.txt": [("INBOX", "/", "inbox")],
    "common/list-literal-subfolders.txt": [("INBOX", "/", "inbox"), ("Literal Folder Name", "/", "")],
    "common/list-namespace.txt": [],
    "common/list-nil-folder-delim.txt": [("INBOX", "/", "inbox"), ("Folder1", "", ""), ("Folder2", "", "")],
    "domino/list-inbox.txt": [("INBOX", "\\", "inbox")],
    "lowercase/list.txt": [("INBOX", "/", "inbox"), ("Trash", "/", "trash")],
    "zoho/list-inbox.txt": [("INBOX", "/", "inbox")],
}


@pytest.mark.parametrize("name", LISTED)
def test_listed(name: str) -> None:
    with script(recorded(name), b"LIST") as port:
        store = ImapStore(Connection(here(port)), Memory())
        found = store.mailboxes(status=False)
        store.connection.close()
    assert [(mailbox.name, mailbox.delimiter, mailbox.role) for mailbox in found] == LISTED[name]


def test_a_folder_whose_name_is_a_literal_has_counts() -> None:
    with script(recorded("common/status-literal-folder.txt"), b"STATUS") as port:
        store = ImapStore(Connection(here(port)), Memory())
        assert store.status("Literal Folder Name").messages == 60
        store.connection.close()


@pytest.mark.parametrize(
    ("name", "quotas"),
    [
        ("common/getquota.txt", [("STORAGE", 3783 * 1024, 15728640 * 1024)]),
        ("common/getquota-no-root.txt", [("STORAGE", 28257 * 1024, 256000 * 1024)]),
        ("common/setquota.txt", [("MESSAGE", 1107, 1000000), ("STORAGE", 3783 * 1024, 5242880 * 1024)]),
    ],
)
def test_quotas(name: str, quotas: list[tuple[str, int, int]]) -> None:
    with script(recorded(name), b"GETQUOTAROOT") as port:
        store = ImapStore(Connection(here(port)), Memory())
        assert [(quota.resource, quota.used, quota.limit) for quota in store.quotas()] == quotas
        store.connection.close()


def asked(name: str, read: Callable[[Connection], Any], key: bytes = b"UID FETCH") -> Any:
    with script(recorded(name), key) as port:
        connection = Connection(here(port))
        try:
            return read(connection)
        finally:
            connection.close()


def rows(connection: Connection) -> list[fetch.Fetched]:
    return list(fetch.rows(connection.execute(command("UID FETCH", words("1:*"), fetch.UID_FLAGS))))


def test_parentheses_too_many() -> None:
    """Domino puts the envelope into parentheses of its own."""
    found = asked("domino/fetch-extra-parens.txt", rows)
    assert len(found) == 29
    assert sorted(row.uid for row in found) == list(range(14934, 14963))
    assert all(row.envelope is not None and row.structure is not None for row in found)
    assert {row.structure.type for row in found} == {"text/plain"}


def test_negative_modseqs() -> None:
    found = asked("zoho/fetch-negative-modseq-values.txt", rows)
    assert len(found) == 74
    assert (found[39].uid, found[39].flags) == (336, {"\\Seen"})
    assert found[35].flags == {"\\Seen", "$FORWARDED"}


def test_annotations() -> None:
    assert [row.uid for row in asked("common/fetch-annotations.txt", rows)] == [1, 2, 3]


def test_an_answer_without_its_first_words() -> None:
    """Exchange says where a message has gone, and forgets to say that it says something."""

    def move(connection: Connection) -> Any:
        return copied(connection.execute(command("UID MOVE", words("31"), words("Trash"))))

    found = asked("exchange/issue115.txt", move, b"UID MOVE")
    assert (found.uidvalidity, found.uids) == (55, {31: 6})
