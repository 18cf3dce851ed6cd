"""Flags, copies, moves, removal, appending: on real servers, with a bare IMAP session as the witness."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from apps.mail.mailbox import errors
from apps.mail.mailbox.imap import changes
from apps.mail.mailbox.imap.commands import Command
from apps.mail.mailbox.imap.store import ImapStore
from apps.mail.mailbox.pool import Pool
from tests.mail.mailbox.conftest import EVERYTHING, Person, letter


def opened(person: Person, count: int = 3) -> tuple[ImapStore, list[int], int]:
    uids = person.deliver(*[letter(f"{number}") for number in range(count)])
    store = person.lease()
    store.create("Trips")
    return store, uids, store.page("INBOX").status.uidvalidity


def subjects(store: ImapStore, mailbox: str) -> list[str]:
    return sorted(row.envelope.subject for row in store.page(mailbox).rows)


def test_flags(person: Person) -> None:
    store, uids, validity = opened(person)
    store.set_flags("INBOX", uids[:2], uidvalidity=validity, add=["\\Seen", "\\Flagged"])
    store.set_flags("INBOX", uids[1:], uidvalidity=validity, add=["\\Answered"], remove=["\\Flagged"])
    store.set_flags("INBOX", [], uidvalidity=validity, add=["\\Deleted"])
    flags = [person.server.flags(person.login, uid) for uid in uids]
    assert flags == [{"\\Seen", "\\Flagged"}, {"\\Seen", "\\Answered"}, {"\\Answered"}]
    assert [row.flags for row in store.summaries("INBOX", uids, uidvalidity=validity)] == flags


def test_keywords(rich: Person) -> None:
    store, uids, validity = opened(rich)
    store.set_flags("INBOX", uids, uidvalidity=validity, add=["$Forwarded", "$Junk"])
    assert all(row.forwarded for row in store.page("INBOX").rows)


@pytest.mark.parametrize("flag", ["", "\\Seen) (x", "a b", "a\r\n", "\\", "ü", "{5}"])
def test_flags_are_checked(person: Person, flag: str) -> None:
    store, uids, validity = opened(person)
    with pytest.raises(errors.BadArgument):
        store.set_flags("INBOX", uids, uidvalidity=validity, add=[flag])
    assert person.server.flags(person.login, uids[0]) == set()


def test_flags_of_somebody_else_show(person: Person) -> None:
    store, uids, _ = opened(person)
    with person.server.session(person.login) as other:
        other.select("INBOX")
        other.uid("STORE", str(uids[0]), "+FLAGS", "(\\Flagged)")
    assert [row.flagged for row in store.page("INBOX").rows] == [False, False, True]


def test_copy(person: Person) -> None:
    store, uids, validity = opened(person)
    result = store.copy("INBOX", uids[:2], "Trips", uidvalidity=validity)
    assert subjects(store, "Trips") == ["0", "1"]
    assert subjects(store, "INBOX") == ["0", "1", "2"]
    if result.uids:
        assert result.uidvalidity == store.page("Trips").status.uidvalidity
        copied = store.summaries("Trips", [result.uids[uids[1]]], uidvalidity=result.uidvalidity)
        assert [row.envelope.subject for row in copied] == ["1"]


def test_move_keeps_flags(person: Person) -> None:
    store, uids, validity = opened(person)
    store.set_flags("INBOX", uids, uidvalidity=validity, add=["\\Seen"])
    store.move("INBOX", uids[1:], "Trips", uidvalidity=validity)
    assert subjects(store, "Trips") == ["1", "2"]
    assert subjects(store, "INBOX") == ["0"]
    assert all(row.seen for row in store.page("Trips").rows)
    assert not any(row.has("\\Deleted") for row in store.page("Trips").rows)


def test_moving_into_itself_does_nothing(person: Person) -> None:
    store, uids, validity = opened(person)
    assert store.move("INBOX", uids, "inbox", uidvalidity=validity).uids == {uid: uid for uid in uids}
    assert subjects(store, "INBOX") == ["0", "1", "2"]


def test_a_target_that_is_not_there_loses_nothing(person: Person) -> None:
    store, uids, validity = opened(person)
    for act in (store.move, store.copy):
        with pytest.raises(errors.NoSuchMailbox):
            act("INBOX", uids, "Nowhere", uidvalidity=validity)
    assert subjects(store, "INBOX") == ["0", "1", "2"]
    assert all(not row.has("\\Deleted") for row in store.page("INBOX").rows)


def test_expunge_takes_nothing_else(person: Person) -> None:
    """Another program has marked a message as deleted and may still change its mind."""
    store, uids, validity = opened(person)
    with person.server.session(person.login) as other:
        other.select("INBOX")
        other.uid("STORE", str(uids[0]), "+FLAGS", "(\\Deleted)")
    store.expunge("INBOX", [uids[1]], uidvalidity=validity)
    assert subjects(store, "INBOX") == ["0", "2"]
    assert person.server.flags(person.login, uids[0]) == {"\\Deleted"}
    store.move("INBOX", [uids[2]], "Trips", uidvalidity=validity)
    assert subjects(store, "INBOX") == ["0"]
    assert person.server.flags(person.login, uids[0]) == {"\\Deleted"}


def test_somebody_marks_while_we_expunge(dovecot: object, rich: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without UIDPLUS the last look before EXPUNGE finds another's mark: nothing is removed at all."""
    person = Person(rich.server, rich.login, rich.pool, {"ignore_capabilities": EVERYTHING}, rich.stack)
    store, uids, validity = opened(person)
    looks: list[int] = []
    look = changes._deleted

    def meddle(connection: object) -> list[int]:
        looks.append(1)
        if len(looks) == 2:
            with rich.server.session(rich.login) as other:
                other.select("INBOX")
                other.uid("STORE", str(uids[0]), "+FLAGS", "(\\Deleted)")
        return look(connection)  # type: ignore[arg-type]

    monkeypatch.setattr(changes, "_deleted", meddle)
    with pytest.raises(errors.ServerRefused):
        store.expunge("INBOX", [uids[1]], uidvalidity=validity)
    assert subjects(store, "INBOX") == ["0", "1", "2"]
    assert rich.server.flags(rich.login, uids[0]) == {"\\Deleted"}
    assert rich.server.flags(rich.login, uids[1]) == set()


def test_append(person: Person) -> None:
    store, _, _ = opened(person)
    when = datetime(2024, 2, 29, 12, tzinfo=UTC)
    raw = letter("Grüße", text="x\n.\ny").replace(b"\n", b"\r\n")
    uidvalidity, uid = store.append("Trips", raw, flags=["\\Seen", "\\Draft"], when=when)
    page = store.page("Trips")
    assert (page.status.uidvalidity, page.rows[0].uid) == (uidvalidity, uid)
    assert (page.rows[0].received, page.rows[0].seen, page.rows[0].draft) == (when, True, True)
    assert person.server.messages(person.login, "Trips") == [raw]
    message_id = page.rows[0].envelope.message_id
    assert store.find_message_id("Trips", message_id) == [uid]
    assert store.find_message_id("Trips", "<nobody@x.test>") == []


def test_a_large_append(person: Person) -> None:
    store, _, _ = opened(person)
    raw = letter("large", text="x" * 70 + "\n").replace(b"\n", b"\r\n") + (b"y" * 76 + b"\r\n") * 40_000
    validity, uid = store.append("Trips", raw)
    assert uid is not None
    assert b"".join(store.stream("Trips", uid, uidvalidity=validity)) == raw


def test_append_over_quota(rich: Person) -> None:
    tiny = Person(rich.server, "tiny", rich.pool, {}, rich.stack)
    store = tiny.lease()
    with pytest.raises(errors.QuotaExceeded):
        store.append("INBOX", letter(text="x" * 100_000).replace(b"\n", b"\r\n"))
    assert store.page("INBOX").total == 0


def test_nul_never_leaves(store: ImapStore) -> None:
    with pytest.raises(errors.BadArgument):
        store.append("INBOX", b"Subject: x\r\n\r\n\0")
    assert store.page("INBOX").total == 0


def test_a_uid_set_of_any_size(rich: Person) -> None:
    store, uids, validity = opened(rich)
    many = [*uids, *range(10_000, 60_000, 2)]
    store.set_flags("INBOX", many, uidvalidity=validity, add=["\\Flagged"])
    assert all(row.flagged for row in store.page("INBOX").rows)


def test_two_sessions_of_one_person(person: Person, make_pool: Callable[..., Pool]) -> None:
    store, uids, validity = opened(person)
    with make_pool().lease(person.account) as other:
        other.move("INBOX", uids[:1], "Trips", uidvalidity=validity)
        store.set_flags("INBOX", uids, uidvalidity=validity, add=["\\Flagged"])
        assert [row.flagged for row in store.page("INBOX").rows] == [True, True]
        assert [row.flagged for row in other.page("Trips").rows] == [False]


def test_passwords_are_in_no_repr(person: Person) -> None:
    assert person.server.password not in repr(person.account)
    assert "hunter2" not in repr(Command("LOGIN", (b"hunter2",)))
