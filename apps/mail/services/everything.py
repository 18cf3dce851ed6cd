"""All messages of a folder or a search, as they were when somebody chose "all": what came later is not among them."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from apps.mail.mailbox.errors import BadArgument, ServerRefused
from apps.mail.mailbox.store import MailStore, Query
from apps.mail.services import noted, searching
from apps.mail.services.listing import Listing
from apps.mail.services.refs import MessageRef

SECONDS = 20.0  # in which the folders of a search have to be looked through


@dataclass(frozen=True, slots=True, kw_only=True)
class Everything:
    count: int
    text: str  # as it travels in forms: see ``noted``


def of(store: MailStore, mailbox: str, shown: Listing, *, user_id: int) -> Everything | None:
    """What the list that is ``shown`` is a part of; None where that is nothing, or cannot be told."""
    parts = _over_folders(store, shown) if shown.view.everywhere else _in_one(store, mailbox, shown)
    count = sum(len(uids) for _mailbox, _uidvalidity, uids in parts)
    if not 0 < count <= noted.MOST:
        return None
    if not shown.view.everywhere:
        text = noted.ranges(parts[0][2])
    else:
        text = json.dumps([(name, uidvalidity, noted.ranges(uids)) for name, uidvalidity, uids in parts if uids])
    return Everything(count=count, text=noted.shortened(text, user_id=user_id))


_Part = tuple[str, int, list[int]]  # of one folder: its name, UIDVALIDITY and UIDs


def _in_one(store: MailStore, mailbox: str, shown: Listing) -> list[_Part]:
    status = shown.page.status
    query = shown.view.query if shown.view.is_search else Query()
    _uidvalidity, uids = store.matching(mailbox, query, uidvalidity=status.uidvalidity)
    return [(mailbox, status.uidvalidity, [uid for uid in uids if not status.uidnext or uid < status.uidnext])]


def _over_folders(store: MailStore, shown: Listing) -> list[_Part]:
    """Empty where one of the folders shows messages of others, as each would count twice; and where it takes long."""
    chosen = searching.folders_of(store, shown.view)
    if any(known.role in searching.COPIES for known in chosen):
        return []
    parts: list[_Part] = []
    until = time.monotonic() + SECONDS
    for known in chosen:
        if time.monotonic() > until:
            return []
        try:
            uidvalidity, uids = store.matching(known.name, shown.view.query)
        except ServerRefused:
            continue  # as the search itself leaves it out
        parts.append((known.name, uidvalidity, list(uids)))
    return parts


def refs_of(text: str, *, user_id: int) -> tuple[MessageRef, ...]:
    """Those of a list over several folders; raises ``BadArgument`` and ``Forgotten``."""
    try:
        parts = [
            (str(name), int(v), str(uids)) for name, v, uids in json.loads(noted.lengthened(text, user_id=user_id))
        ]
    except (ValueError, TypeError, RecursionError) as error:
        raise BadArgument("not a choice of messages") from error
    found: list[MessageRef] = []
    for name, v, uids in parts:
        found += [MessageRef(name, v, uid) for uid in noted.uids_of(uids, most=noted.MOST - len(found))]
    return tuple(found)
