"""Mailboxes in one SQLite file: every change is one transaction, so a SIGKILL loses nothing that was answered with OK.

pymap's own maildir backend was tried first: its COPY writes empty messages, content goes through Python's email
package and comes back with other bytes (a signature breaks), keywords are lost, and every STATUS reads the directory.
"""

import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mailbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT NOT NULL, name TEXT NOT NULL,
    uidvalidity INTEGER NOT NULL, uidnext INTEGER NOT NULL DEFAULT 1, subscribed INTEGER NOT NULL DEFAULT 1,
    UNIQUE (owner, name));
CREATE TABLE IF NOT EXISTS content (id INTEGER PRIMARY KEY AUTOINCREMENT, raw BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS message (
    mailbox INTEGER NOT NULL REFERENCES mailbox ON DELETE CASCADE, uid INTEGER NOT NULL,
    received TEXT NOT NULL, flags TEXT NOT NULL, recent INTEGER NOT NULL,
    content INTEGER NOT NULL REFERENCES content, PRIMARY KEY (mailbox, uid)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS message_content ON message (content);
"""


@dataclass(frozen=True, slots=True)
class MailboxRow:
    id: int
    name: str
    uidvalidity: int
    uidnext: int
    subscribed: bool


@dataclass(frozen=True, slots=True)
class MessageRow:
    """`flags` are IMAP flags separated by spaces; `content` is the key for `MailDatabase.raw`."""

    uid: int
    received: datetime
    flags: str
    recent: bool
    content: int


class MailDatabase:
    """One connection, used by one thread at a time (the event loop of the demo server, or the filling before it)."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; joins the transaction that is already open."""
        if self._db.in_transaction:
            yield
            return
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def fact(self, name: str) -> str | None:
        row = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def set_fact(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def mailboxes(self, owner: str) -> list[MailboxRow]:
        rows = self._db.execute(
            "SELECT id, name, uidvalidity, uidnext, subscribed FROM mailbox WHERE owner = ? ORDER BY id", (owner,)
        )
        return [MailboxRow(key, name, validity, uidnext, bool(sub)) for key, name, validity, uidnext, sub in rows]

    def mailbox(self, owner: str, name: str) -> MailboxRow | None:
        return next((box for box in self.mailboxes(owner) if box.name == name), None)

    def create(self, owner: str, name: str) -> int:
        """The new mailbox's key. UIDVALIDITY only grows: a name made anew differs (RFC 3501)."""
        with self.transaction():
            validity = max(int(time.time()), int(self.fact("uidvalidity") or 0) + 1)
            self.set_fact("uidvalidity", str(validity))
            cursor = self._db.execute(
                "INSERT INTO mailbox (owner, name, uidvalidity) VALUES (?, ?, ?)", (owner, name, validity)
            )
        return int(cursor.lastrowid or 0)

    def delete(self, key: int) -> None:
        with self.transaction():
            self._db.execute("DELETE FROM mailbox WHERE id = ?", (key,))
            self._drop_orphans()

    def rename(self, key: int, name: str) -> None:
        self._db.execute("UPDATE mailbox SET name = ? WHERE id = ?", (name, key))

    def subscribe(self, key: int, subscribed: bool) -> None:
        self._db.execute("UPDATE mailbox SET subscribed = ? WHERE id = ?", (subscribed, key))

    def uidnext(self, key: int) -> int:
        row = self._db.execute("SELECT uidnext FROM mailbox WHERE id = ?", (key,)).fetchone()
        return int(row[0])

    def messages(self, key: int) -> list[MessageRow]:
        rows = self._db.execute(
            "SELECT uid, received, flags, recent, content FROM message WHERE mailbox = ? ORDER BY uid", (key,)
        )
        return [
            MessageRow(uid, datetime.fromisoformat(received), flags, bool(recent), content)
            for uid, received, flags, recent, content in rows
        ]

    def raw(self, content: int) -> bytes:
        """The octets as they were given; empty when the message has gone in the meantime."""
        row = self._db.execute("SELECT raw FROM content WHERE id = ?", (content,)).fetchone()
        return b"" if row is None else bytes(row[0])

    def append(self, key: int, raw: bytes, *, received: datetime, flags: str, recent: bool) -> int:
        with self.transaction():
            content = self._db.execute("INSERT INTO content (raw) VALUES (?)", (raw,)).lastrowid or 0
            return self._insert(key, received.isoformat(), flags, recent, int(content))

    def copy(self, key: int, uid: int, destination: int, *, recent: bool) -> int | None:
        """The UID over there, or None when there is no such message here."""
        with self.transaction():
            row = self._db.execute(
                "SELECT received, flags, content FROM message WHERE mailbox = ? AND uid = ?", (key, uid)
            ).fetchone()
            if row is None:
                return None
            received, flags, content = row
            return self._insert(destination, received, flags, recent, content)

    def move(self, key: int, uid: int, destination: int, *, recent: bool) -> int | None:
        with self.transaction():
            new_uid = self.copy(key, uid, destination, recent=recent)
            self._db.execute("DELETE FROM message WHERE mailbox = ? AND uid = ?", (key, uid))
            return new_uid

    def set_flags(self, key: int, uid: int, flags: str) -> None:
        self._db.execute("UPDATE message SET flags = ? WHERE mailbox = ? AND uid = ?", (flags, key, uid))

    def clear_recent(self, key: int) -> None:
        self._db.execute("UPDATE message SET recent = 0 WHERE mailbox = ? AND recent", (key,))

    def expunge(self, key: int, uids: Iterable[int]) -> None:
        with self.transaction():
            self._db.executemany("DELETE FROM message WHERE mailbox = ? AND uid = ?", [(key, uid) for uid in uids])
            self._drop_orphans()

    def _insert(self, key: int, received: str, flags: str, recent: bool, content: int) -> int:
        uid = self.uidnext(key)
        self._db.execute("UPDATE mailbox SET uidnext = uidnext + 1 WHERE id = ?", (key,))
        self._db.execute("INSERT INTO message VALUES (?, ?, ?, ?, ?, ?)", (key, uid, received, flags, recent, content))
        return uid

    def _drop_orphans(self) -> None:
        self._db.execute("DELETE FROM content WHERE NOT EXISTS (SELECT 1 FROM message WHERE content = content.id)")
