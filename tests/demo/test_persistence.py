"""What the demo's mailboxes keep over a stop and over a SIGKILL: everything that was answered with OK."""

import re
from typing import Any

import pytest

from demo.database import MailDatabase
from tests.demo.conftest import DemoMail, DemoProcess
from tests.support.mailserver import check, quote

pytestmark = pytest.mark.needs_app("mail")  # once is enough in the settings matrix
STATE = "(UID FLAGS INTERNALDATE RFC822.SIZE)"


def folders(server: DemoMail, login: str) -> list[str]:
    with server.session(login) as client:
        lines = [line for line in check(client.list()) if b"\\Noselect" not in line]
        return [re.sub(rb'^\(.*?\) "/" "?(.*?)"?$', rb"\1", line).decode() for line in lines]


def state(server: DemoMail, login: str) -> dict[str, Any]:
    """UIDVALIDITY, UIDNEXT and every message's UID, flags, date and size, of all mailboxes."""
    found = {}
    with server.session(login) as client:
        for name in folders(server, login):
            status = check(client.status(f'"{name}"', "(UIDVALIDITY UIDNEXT MESSAGES)"))
            count = check(client.select(f'"{name}"', readonly=True))
            rows = check(client.fetch("1:*", STATE)) if count != [b"0"] else []
            found[name] = (status, [re.sub(rb"\\Recent ?", b"", row) for row in rows])
    return found


@pytest.mark.parametrize("kill", [False, True], ids=["stop", "SIGKILL"])
def test_mail_flags_uids_and_drafts_survive(process: DemoProcess, kill: bool) -> None:
    process.start()
    with process.session("alice") as client:
        check(client.select("INBOX"))
        check(client.uid("STORE", "3", "+FLAGS.SILENT", r"(\Flagged $Forwarded)"))
        check(client.uid("STORE", "5", "-FLAGS.SILENT", r"(\Seen)"))
        check(client.uid("MOVE", "7", "Archive"))
        check(client.uid("STORE", "8", "+FLAGS.SILENT", r"(\Deleted)"))
        check(client.expunge())
        check(client.create(quote("Neu &- alt/Entw&APw-rfe 2")))
    process.append("alice", b"Subject: not finished\n\nHalf a sen", mailbox="Drafts", flags=r"\Draft \Seen")
    assert process.send("bob", [process.address("alice")], "Still there tomorrow?") == {}
    before = state(process, "alice")
    process.stop(kill=kill)

    process.start()
    assert state(process, "alice") == before
    assert process.flags("alice", 3) >= {r"\Flagged", "$Forwarded"}
    assert b"Half a sen" in process.messages("alice", "Drafts")[-1]
    assert b"Still there tomorrow?" in process.messages("alice")[-1]
    assert process.stop() == 0


def test_a_message_that_was_acknowledged_is_there_after_a_kill_in_the_middle(process: DemoProcess) -> None:
    """The server is killed while a client keeps appending; whatever got its OK is complete, and UIDs go on."""
    process.start()
    uids = [process.append("bob", b"Subject: %d\n\n%s" % (n, b"x" * 20_000), mailbox="Archive")[0] for n in range(20)]
    process.stop(kill=True)
    process.start()
    kept = process.messages("bob", "Archive")[-20:]
    assert [re.search(rb"Subject: (\d+)", message)[1] for message in kept] == [b"%d" % n for n in range(20)]  # type: ignore[index]
    assert process.append("bob", b"Subject: next\n\n", mailbox="Archive") == [uids[-1] + 1]


def test_a_mailbox_made_again_under_the_same_name_is_another_one(demo: DemoMail) -> None:
    def validity() -> bytes:
        with demo.session("charlie") as client:
            check(client.create("Fleeting"))
            answer = check(client.status("Fleeting", "(UIDVALIDITY)"))[0]
            check(client.delete("Fleeting"))
            return bytes(answer)

    assert validity() != validity()


def test_an_interrupted_filling_begins_anew(process: DemoProcess) -> None:
    database = MailDatabase(process.data / "mail.sqlite3")
    with pytest.raises(KeyboardInterrupt), database.transaction():
        database.create("alice", "INBOX")
        raise KeyboardInterrupt
    database.close()
    process.start()
    assert len(process.messages("alice")) > 40
