"""What was exchanged with one person: messages in the folders that count, newest first, and the files in them.

The server is asked window by window from the newest message on, as for any search, and no longer than a reader waits.
SEARCH finds "anna@x.test" where it is asked for "na@x.test" (RFC 9051 section 6.4.4: substrings), so addresses are
compared whole here.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from apps.mail.mailbox.errors import NoSuchMessage, ServerRefused, UidValidityChanged
from apps.mail.mailbox.query import Term, write
from apps.mail.mailbox.store import Mailbox, MailStore, Query, Stretch, Summary, Words
from apps.mail.mime.subjects import base_subject
from apps.mail.services.reading import Attachment, attachments_of
from apps.mail.services.view import View

ROLES = ("inbox", "sent", "archive")  # of the folders that are looked into
SECONDS = 2.0  # for all of them together
LEAST_SECONDS = 0.2  # for each
MOST_MESSAGES = 60  # of one folder
MOST_CONVERSATIONS = 8
MOST_WITH_FILES = 12  # messages that are opened for their files
MOST_FILES = 20
MOST_QUERY = 450  # characters of a search: its address takes 500


@dataclass(frozen=True, slots=True)
class Hit:
    """A message, and where it lies."""

    mailbox: Mailbox
    uidvalidity: int
    summary: Summary

    @property
    def when(self) -> datetime:
        return self.summary.received


@dataclass(frozen=True, slots=True)
class Exchanged:
    hits: tuple[Hit, ...]  # newest first
    complete: bool  # all messages of these folders were looked through


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages of one base subject (RFC 5256 section 2.1)."""

    newest: Hit
    count: int


@dataclass(frozen=True, slots=True)
class File:
    hit: Hit
    attachment: Attachment


def query(emails: Sequence[str], *, files: bool = False) -> Query:
    """What the server is asked. ``files``: only messages that carry some."""
    words = Words("with", emails[0], others=tuple(emails[1:]))
    return Query(words=(words,), attachment=frozenset({True}) if files else frozenset())


def search(emails: Sequence[str], *, files: bool = False) -> View:
    """The same in the search box, over all folders."""
    some = list(emails)
    while len(some) > 1 and len(",".join(some)) > MOST_QUERY:
        some.pop()
    terms = [Term("with", ",".join(some)), *([Term("has", "attachment")] if files else [])]
    return View(q=write(terms), where="all")


def find(store: MailStore, emails: Sequence[str], *, files: bool = False, most: int = MOST_MESSAGES) -> Exchanged:
    """At most ``most`` messages of each folder. Raises ``MailError``."""
    until = time.monotonic() + SECONDS
    hits: list[Hit] = []
    complete = True
    for mailbox in places(store):
        try:
            some, whole = _in_folder(store, mailbox, query(emails, files=files), frozenset(emails), most, until)
        except ServerRefused:
            some, whole = [], False
        hits += some
        complete &= whole
    return Exchanged(tuple(sorted(hits, key=lambda hit: hit.when, reverse=True)), complete)


def places(store: MailStore) -> list[Mailbox]:
    return [known for known in store.mailboxes(status=False) if known.selectable and known.role in ROLES]


def _in_folder(
    store: MailStore, mailbox: Mailbox, query: Query, emails: Collection[str], most: int, until: float
) -> tuple[list[Hit], bool]:
    """(what was found, whether that is all)."""
    hits: list[Hit] = []
    at: Stretch | None = None
    while True:
        left = max(until - time.monotonic(), LEAST_SECONDS)
        at = _scan(store, mailbox.name, query, most - len(hits), left, at)
        hits += [Hit(mailbox, at.status.uidvalidity, row) for row in at.rows if is_with(row, emails)]
        if at.complete or len(hits) >= most or time.monotonic() >= until:
            return hits, at.complete


def _scan(store: MailStore, name: str, query: Query, limit: int, seconds: float, before: Stretch | None) -> Stretch:
    if before is None:
        return store.scan(name, query, limit=limit, seconds=seconds)
    return store.scan(
        name,
        query,
        limit=limit,
        seconds=seconds,
        uidvalidity=before.status.uidvalidity,
        after=before.below,
        searched=before.searched,
        window=before.window,
    )


def is_with(summary: Summary, emails: Collection[str]) -> bool:
    """``emails`` in lower case."""
    envelope = summary.envelope
    people = (*envelope.from_, *envelope.sender, *envelope.to, *envelope.cc, *envelope.bcc)
    return any(person.email.lower() in emails for person in people)


def conversations(hits: Sequence[Hit]) -> list[Conversation]:
    """In the order of their newest messages. What has no subject stands alone."""
    found: dict[object, Conversation] = {}
    for hit in hits:
        subject = base_subject(hit.summary.envelope.subject)
        key: object = subject or (hit.mailbox.name, hit.summary.uid)
        known = found.get(key)
        found[key] = replace(known, count=known.count + 1) if known else Conversation(hit, 1)
    return list(found.values())


def files(store: MailStore, hits: Sequence[Hit]) -> Iterator[File]:
    """Those of the newest messages; who has gone meanwhile is left out. Raises ``MailError``."""
    for hit in hits[:MOST_WITH_FILES]:
        try:
            detail = store.message(hit.mailbox.name, hit.summary.uid, uidvalidity=hit.uidvalidity)
        except (NoSuchMessage, UidValidityChanged):
            continue
        for attachment in attachments_of(detail.structure):
            yield File(hit, attachment)
