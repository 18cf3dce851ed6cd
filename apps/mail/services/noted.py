"""Sets of messages in forms: by their ranges, and where these are long, by a name under which they are noted here.

A form that names 100,000 messages by their UIDs would be a megabyte. Their ranges are a few characters as a rule; what
is longer stays in the cache for an hour, and the form carries its name.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from django.core.cache import cache

from apps.mail.mailbox.errors import BadArgument, MailError

LONGEST = 1500  # characters that travel in a form, and in a header of the answer
SECONDS = 3600
MOST = 1_000_000  # messages of one set

_SET = re.compile(r"[0-9]{1,10}(?::[0-9]{1,10})?(?:,[0-9]{1,10}(?::[0-9]{1,10})?)*", re.ASCII)


class Forgotten(MailError):
    """What was noted under this name is not there any more."""

    permanent = True


def ranges(uids: Iterable[int]) -> str:
    """``1:4,7``; "" for none."""
    found: list[list[int]] = []
    for uid in sorted(set(uids)):
        if found and found[-1][1] == uid - 1:
            found[-1][1] = uid
        else:
            found.append([uid, uid])
    return ",".join(str(first) if first == last else f"{first}:{last}" for first, last in found)


def uids_of(text: str, *, most: int = MOST) -> tuple[int, ...]:
    """The reading of ``ranges``, each UID once; raises ``BadArgument``."""
    if not _SET.fullmatch(text):
        raise BadArgument("not a set of UIDs")
    spans: list[tuple[int, int]] = []
    for word in text.split(","):
        first, _colon, last = word.partition(":")
        spans.append((int(first), int(last or first)))
    if any(not 0 < first <= last < 2**32 for first, last in spans):
        raise BadArgument("not a set of UIDs")
    if sum(last - first + 1 for first, last in spans) > most:
        raise BadArgument("too many UIDs")
    return tuple(sorted({uid for first, last in spans for uid in range(first, last + 1)}))


def shortened(text: str, *, user_id: int) -> str:
    """The text itself, or ``@name`` under which it is noted: the same text has the same name."""
    if len(text) <= LONGEST:
        return text
    name = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    cache.set(_key(user_id, name), text, SECONDS)
    return f"@{name}"


def lengthened(text: str, *, user_id: int) -> str:
    """The reading of ``shortened``; raises ``Forgotten``."""
    if not text.startswith("@"):
        return text
    found = cache.get(_key(user_id, text[1:])) if text[1:].isalnum() and text.isascii() else None
    if found is None:
        raise Forgotten
    return str(found)


def _key(user_id: int, name: str) -> str:
    return f"mail.noted.{user_id}.{name}"
