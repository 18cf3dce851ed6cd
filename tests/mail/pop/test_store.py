"""``MailStore`` over POP3: what its protocol promises, on a real server."""

from __future__ import annotations

import pytest

from apps.mail.mailbox import errors
from apps.mail.mailbox.store import CONVERSATIONS, KEPT_HERE, THREADS, Query, Sort, Words
from apps.mail.mailbox.wholesale import New
from apps.mail.services import pop_files
from tests.mail.conftest import letter
from tests.mail.pop.conftest import Maildrop


def subjects(page) -> list[str]:
    return [row.envelope.subject for row in page.rows]


def test_a_maildrop_is_a_list_with_marks_orders_and_searches_of_our_own(drop: Maildrop) -> None:
    drop.receive(
        letter("Ropes", text="Forty metres of hemp."),
        letter("Apples", text="A crate.", sender="Zoe <zoe@example.test>", List_Id="<fruit.example.test>"),
        letter("Maps", text="See the file.", files=(("map.png", "image/png", b"\x89PNG" + b"x" * 200_000),)),
    )
    with drop.store() as store:
        assert KEPT_HERE in store.capabilities
        page = store.page("INBOX")
        assert subjects(page) == ["Maps", "Apples", "Ropes"]
        assert [row.has_attachment for row in page.rows] == [True, False, False]
        assert [row.snippet for row in page.rows] == ["See the file.", "A crate.", "Forty metres of hemp."]
        assert page.status.unseen == 3
        valid, uids = page.status.uidvalidity, {row.envelope.subject: row.uid for row in page.rows}
        assert store.mark("INBOX", list(uids.values()), "\\Seen", on=True, uidvalidity=valid) == sorted(uids.values())
        assert store.mark("INBOX", [uids["Maps"]], "\\Seen", on=True, uidvalidity=valid) == []
        store.set_flags("INBOX", [uids["Ropes"]], uidvalidity=valid, add=["$label1", "\\Flagged"])

    with drop.store() as store:  # another request, and the marks are still there
        assert subjects(store.page("INBOX", sort=Sort("subject", descending=False))) == ["Apples", "Maps", "Ropes"]
        assert subjects(store.page("INBOX", sort=Sort("from"))) == ["Apples", "Maps", "Ropes"]
        assert subjects(store.page("INBOX", sort=Sort("size")))[0] == "Maps"
        after = store.page("INBOX", after=uids["Maps"], limit=1, sort=Sort())
        assert (subjects(after), after.offset, after.total) == (["Apples"], 1, 3)
        inbox = next(each for each in store.mailboxes() if each.role == "inbox")
        assert inbox.status is not None and (inbox.status.messages, inbox.status.unseen) == (3, 0)

        def found(**query: object) -> list[str]:
            return subjects(store.search("INBOX", Query(**query)))  # type: ignore[arg-type]

        assert found(text="HEMP") == ["Ropes"]
        assert found(text="zoe crate") == ["Apples"]
        assert found(flagged=True) == ["Ropes"]
        assert found(flags=(("$label1", False),)) == ["Maps", "Apples"]
        assert found(attachment=frozenset({True})) == ["Maps"]
        assert found(listed=True) == ["Apples"]
        assert found(larger=100_000) == ["Maps"]
        assert found(words=(Words("subject", "ropes", negated=True),)) == ["Maps", "Apples"]
        stretch = store.scan("INBOX", Query(text="example.test"), limit=2, seconds=5)
        assert [row.envelope.subject for row in stretch.rows] == ["Maps", "Apples"]
        assert not stretch.complete
        rest = store.scan("INBOX", Query(text="example.test"), limit=2, seconds=5, after=stretch.below)
        assert [row.envelope.subject for row in rest.rows] == ["Ropes"]
        assert rest.complete
        assert store.find_message_id("INBOX", page.rows[0].envelope.message_id) == [uids["Maps"]]

        detail = store.message("INBOX", uids["Maps"], uidvalidity=valid)
        assert [part.type for part in detail.structure.children] == ["text/plain", "image/png"]
        assert store.part("INBOX", uids["Maps"], "1", uidvalidity=valid).strip() == b"See the file."
        assert b"".join(store.stream("INBOX", uids["Ropes"], uidvalidity=valid)).endswith(b"hemp.\r\n")
        with pytest.raises(errors.UidValidityChanged):
            store.page("INBOX", uidvalidity=valid + 1)
        with pytest.raises(errors.NoSuchMessage):
            store.message("INBOX", 4711, uidvalidity=valid)


def test_what_moves_lies_here_and_nowhere_else_and_comes_back_under_a_number_we_tell(drop: Maildrop) -> None:
    drop.receive(letter("One"), letter("Two"), letter("Three"))
    with drop.store() as store:
        page = store.page("INBOX")
        valid, (three, two, one) = page.status.uidvalidity, [row.uid for row in page.rows]
        store.set_flags("INBOX", [two], uidvalidity=valid, add=["\\Flagged"])
        went = store.move("INBOX", [two, three], "Trash", uidvalidity=valid)
        assert went.done == 2
        assert set(went.uids) == {two, three}
        trash = store.page("Trash")
        assert sorted(subjects(trash)) == ["Three", "Two"]
        assert subjects(store.page("INBOX")) == ["One"]
        assert len(drop.on_server()) == 1
        row = next(row for row in trash.rows if row.envelope.subject == "Two")
        assert row.flagged and row.uid == went.uids[two]

        back = store.move("Trash", [went.uids[two]], "INBOX", uidvalidity=went.uidvalidity)
        assert sorted(subjects(store.page("INBOX"))) == ["One", "Two"]
        assert back.uids[went.uids[two]] not in (one, two, three)  # a number is never given twice
        assert store.expunge("Trash", [went.uids[three]], uidvalidity=went.uidvalidity) == 1
        assert store.expunge("INBOX", [one], uidvalidity=valid) == 1
        assert subjects(store.page("INBOX")) == ["Two"]
    assert drop.on_server() == []
    with drop.store() as store:
        assert subjects(store.page("INBOX")) == ["Two"]
        copied = store.copy("INBOX", list(back.uids.values()), "Archive", uidvalidity=valid)
        assert copied.done == 1
        assert subjects(store.page("Archive")) == subjects(store.page("INBOX")) == ["Two"]


def test_folders_of_ones_own(drop: Maildrop) -> None:
    drop.receive(letter("Kept"))
    with drop.store() as store:
        assert [(each.name, each.role) for each in store.mailboxes()] == [
            *(("INBOX", "inbox"), ("Drafts", "drafts"), ("Sent", "sent")),
            *(("Archive", "archive"), ("Junk", "junk"), ("Trash", "trash")),
        ]
        store.create("Projects")
        store.create("Projects/Глетчер")
        with pytest.raises(errors.MailboxExists):
            store.create("Projects")
        page = store.page("INBOX")
        store.move("INBOX", [page.rows[0].uid], "Projects/Глетчер", uidvalidity=page.status.uidvalidity)
        store.rename("Projects", "Work")
        assert "Work/Глетчер" in [each.name for each in store.mailboxes()]
        assert subjects(store.page("Work/Глетчер")) == ["Kept"]
        assert store.total_size("Work/Глетчер") > 100
        before = store.status("Work/Глетчер").uidvalidity
        store.delete("Work/Глетчер")
        with pytest.raises(errors.NoSuchMailbox):
            store.page("Work/Глетчер")
        store.create("Work/Глетчер")
        assert store.status("Work/Глетчер").uidvalidity > before
        for bad in (lambda: store.delete("INBOX"), lambda: store.rename("INBOX", "Other")):
            with pytest.raises(errors.ServerRefused):
                bad()
        with pytest.raises(errors.BadArgument):
            store.create("a\nb")


def test_conversations_over_folders(drop: Maildrop) -> None:
    drop.receive(letter("Camp"), letter("Other"))
    with drop.store() as store:
        camp = next(row.envelope.message_id for row in store.page("INBOX").rows if row.envelope.subject == "Camp")
        answer = letter("Re: Camp", In_Reply_To=camp, References=camp)
        store.append("INBOX", answer, flags=["\\Seen"])
        store.append("Sent", answer, flags=["\\Seen"])
        page = store.gathered("INBOX", mode=CONVERSATIONS)
        assert [len(each.uids) for each in page.conversations] == [2, 1]
        assert (page.total, page.messages) == (2, 3)
        tree = store.gathered("INBOX", mode=THREADS)
        assert [(row.envelope.subject, each.depth) for row, each in zip(tree.rows, tree.conversations, strict=True)][
            :2
        ] == [("Camp", 0), ("Re: Camp", 1)]
        uid = tree.rows[0].uid
        assert len(store.thread("INBOX", uid, uidvalidity=page.status.uidvalidity)) == 2
        above, below = store.around("INBOX", uid, uidvalidity=page.status.uidvalidity, mode=CONVERSATIONS)
        assert above is None
        assert below is not None and below[0].envelope.subject == "Other"
        _valid, rows, said = store.linked("Sent", [camp.strip("<>")], newest=100)
        assert [row.envelope.subject for row in rows] == ["Re: Camp"]
        assert camp.strip("<>") in said[rows[0].uid]


def test_a_full_store_takes_no_more_and_loses_nothing(drop: Maildrop, settings) -> None:
    settings.POP3_STORE_MB = 1
    drop.receive(letter("Large", text="x" * 70 + "\n" + ("y" * 70 + "\n") * 10_000))
    with drop.store() as store:
        page = store.page("INBOX")
        (quota,) = store.quotas()
        assert (quota.used, quota.limit) == (0, 2**20)
        valid, uid = page.status.uidvalidity, page.rows[0].uid
        copied = store.copy("INBOX", [uid], "Archive", uidvalidity=valid)
        with pytest.raises(errors.QuotaExceeded):
            store.move("INBOX", [uid], "Trash", uidvalidity=valid)
        assert [new.error.__class__ for new in store.append_many("Sent", [New(octets=letter("Small"))])] == [type(None)]
        assert subjects(store.page("INBOX")) == ["Large"]
        assert len(drop.on_server()) == 1
        files = len(list(pop_files.root().glob("*/*")))
        assert files == 2  # the copy and the small one: what was refused has left nothing
        (uids,) = [list(copied.uids.values())]
        (stored,) = store.whole("Archive", uids, uidvalidity=copied.uidvalidity)
        assert stored.octets == store.whole("INBOX", [uid], uidvalidity=valid)[0].octets == drop.on_server()[0]
