"""Mute: the messages of a conversation have the keyword ``$muted``, and what answers them comes in as read.

New mail is noticed where a list is drawn or asks whether it is still true; that is where the answers are marked.
"""

from __future__ import annotations

from apps.mail.mailbox.cache import LruCache
from apps.mail.mailbox.errors import MailError
from apps.mail.mailbox.store import MailStore, Page, Query
from apps.mail.mime import headers
from apps.mail.services.actions import MUTED
from apps.mail.services.steps import Chosen

MOST_MUTED = 500  # messages whose answers are looked for: the newest
MOST_NEW = 50  # messages that one request looks at
MOST_CHOSEN = 20  # of what is muted at once, those whose conversation is looked for

#: Messages that answer nothing muted, by mailbox, UIDVALIDITY and UID, and how many were muted then.
_seen: LruCache[tuple[str, int, int, str, int], bool] = LruCache(50_000, lambda _: 1)


def conversation(store: MailStore, some: Chosen) -> Chosen:
    """The messages chosen, and those of their folder that belong to the same conversations by Message-ID and
    References."""
    found = set(some.uids)
    for uid in some.uids[:MOST_CHOSEN]:
        detail = store.message(some.mailbox, uid, uidvalidity=some.uidvalidity)
        own = detail.summary.envelope.message_id
        ids = dict.fromkeys([*_references(detail.header)[:1], *headers.message_ids(own)])
        for name in ids:
            found.update(store.find_message_id(some.mailbox, name))
            found.update(store.find_message_id(some.mailbox, name, header="References"))
    return some._replace(uids=tuple(sorted(found)))


def catch_up(store: MailStore, page: Page) -> list[int]:
    """Mark what is new on this page and answers something muted: read, and muted as well. Their UIDs."""
    mailbox, validity = page.mailbox, page.status.uidvalidity
    if MUTED not in page.status.keywords:
        return []
    new = [row for row in page.rows if not row.seen and not row.has(MUTED) and row.envelope.in_reply_to]
    if not new:
        return []
    _validity, muted = store.matching(mailbox, Query(flags=((MUTED, True),)), uidvalidity=validity)
    state = f"{len(muted)}.{muted[0] if muted else 0}"
    new = [row for row in new if not _seen.get((mailbox, validity, row.uid, row.envelope.message_id, hash(state)))]
    if not muted or not new:
        return []
    known = {row.envelope.message_id for row in store.summaries(mailbox, muted[:MOST_MUTED], uidvalidity=validity)}
    answers: list[int] = []
    for row in new[:MOST_NEW]:
        try:
            names = headers.message_ids(row.envelope.in_reply_to)
            if known.isdisjoint(names):
                names = _references(store.message(mailbox, row.uid, uidvalidity=validity).header)
        except MailError:
            continue  # it cannot be read, so nobody can say what it answers
        if known.isdisjoint(names):
            _seen.put((mailbox, validity, row.uid, row.envelope.message_id, hash(state)), True)
        else:
            answers.append(row.uid)
    if answers:
        store.set_flags(mailbox, answers, uidvalidity=validity, add=["\\Seen", MUTED])
    return answers


def _references(header: bytes) -> tuple[str, ...]:
    """The first one begins the conversation (RFC 5322 section 3.6.4)."""
    fields = headers.parse(header)
    return headers.message_ids(fields.get("References") + b" " + fields.get("In-Reply-To"))
