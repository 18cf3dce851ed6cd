"""All messages of a folder or a search, as they were when somebody chose "all": what came later is not among them."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace

from apps.mail.mailbox.errors import (
    AccountLocked,
    BadArgument,
    MailError,
    ServerRefused,
    ServerTimeout,
    ServerUnreachable,
    TooManyConnections,
)
from apps.mail.mailbox.names import account_of
from apps.mail.mailbox.store import MailStore, Query
from apps.mail.services import noted, searching
from apps.mail.services.listing import Listing
from apps.mail.services.steps import Chosen

SECONDS = 20.0  # in which the server has to have told them


class Uncounted(MailError):
    """Nobody can tell which they are: it takes the server too long, there are too many, or some would count twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Everything:
    count: int
    text: str  # as it travels in forms: see ``noted``


def of(store: MailStore, mailbox: str, shown: Listing, *, user_id: int) -> Everything | None:
    """What the list that is ``shown`` is a part of; None where that is nothing. Raises ``Uncounted``; after that the
    store may be of no more use."""
    try:
        parts = _over_folders(store, shown) if shown.view.everywhere else [_in_one(store, mailbox, shown)]
    except ServerTimeout as error:
        raise Uncounted from error
    count = sum(len(part.uids) for part in parts)
    if count > noted.MOST:
        raise Uncounted
    if not count:
        return None
    if not shown.view.everywhere:
        text = noted.ranges(parts[0].uids)
    else:
        text = json.dumps([(part.mailbox, part.uidvalidity, noted.ranges(part.uids)) for part in parts if part.uids])
    return Everything(count=count, text=noted.shortened(text, user_id=user_id))


def _in_one(store: MailStore, mailbox: str, shown: Listing) -> Chosen:
    status = shown.page.status
    query = shown.view.query if shown.view.is_search else Query()
    if shown.standing is not None:  # what is snoozed is not shown
        query = replace(query, without=shown.standing.away)
    _validity, uids = store.matching(mailbox, query, uidvalidity=status.uidvalidity, seconds=SECONDS)
    counted = tuple(uid for uid in uids if not status.uidnext or uid < status.uidnext)
    return Chosen(mailbox, status.uidvalidity, counted)


def _over_folders(store: MailStore, shown: Listing) -> list[Chosen]:
    chosen = searching.folders_of(store, shown.view)
    if any(known.role in searching.COPIES for known in chosen):
        raise Uncounted("messages of others are shown here")
    parts: list[Chosen] = []
    until = time.monotonic() + SECONDS
    for known in chosen:
        left = until - time.monotonic()
        if left <= 0:
            raise Uncounted
        try:
            uidvalidity, uids = store.matching(known.name, shown.view.query, seconds=left)
        except ServerRefused:
            continue  # as the search itself leaves it out
        except (AccountLocked, ServerUnreachable, TooManyConnections) as error:
            if not account_of(known.name):
                raise
            raise Uncounted from error  # nobody knows what that account has
        parts.append(Chosen(known.name, uidvalidity, tuple(uids)))
    return parts


def chosen_of(text: str, *, user_id: int) -> tuple[Chosen, ...]:
    """Those of a list over several folders; raises ``BadArgument`` and ``Forgotten``."""
    try:
        parts = [
            (str(name), int(v), str(uids)) for name, v, uids in json.loads(noted.lengthened(text, user_id=user_id))
        ]
    except (ValueError, TypeError, RecursionError) as error:
        raise BadArgument("not a choice of messages") from error
    found: list[Chosen] = []
    room = noted.MOST
    for name, v, uids in parts:
        found.append(Chosen(name, v, noted.uids_of(uids, most=room)))
        room -= len(found[-1].uids)
    return tuple(found)
