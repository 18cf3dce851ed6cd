"""Answers that several commands share: news, SEARCH and SORT in their old and new form, COPYUID."""

from __future__ import annotations

import re
from collections.abc import Collection

from apps.mail.mailbox.imap.commands import NEWS, Result, Untagged
from apps.mail.mailbox.imap.tokens import MAX_UID, MOST_NUMBERS, expand, is_number
from apps.mail.mailbox.store import MoveResult

_TAG = re.compile(rb'\A\(TAG "([^"]*)"\)', re.I)
_ALL = re.compile(rb"(?:\A| )ALL ([0-9:,]+)", re.I)
_COUNT = re.compile(rb"(?:\A| )COUNT (\d{1,19})(?!\d)", re.I)


def has_news(result: Result) -> bool:
    """Whether sequence numbers may have changed, or flags of a message were told by its number alone."""
    return any(
        answer.name in NEWS and not (answer.name == b"FETCH" and b"UID " in answer.data) for answer in result.untagged
    )


def found_uids(result: Result) -> list[int]:
    """UIDs in the order given, from ESEARCH (RFC 4731) or from SEARCH and SORT lines."""
    uids: list[int] = []
    for answer in result.untagged:
        if answer.name == b"ESEARCH" and _is_ours(answer, result):
            for match in _ALL.finditer(answer.data):
                uids.extend(expand(match[1], limit=MOST_NUMBERS - len(uids)))
        elif answer.name in (b"SEARCH", b"SORT"):
            words = answer.data.partition(b"(")[0]  # (MODSEQ n) may follow
            numbers = [int(word) for word in words.split() if is_number(word)]
            uids.extend(uid for uid in numbers if 0 < uid <= MAX_UID)
    return uids


def _is_ours(answer: Untagged, result: Result) -> bool:
    """Whether it answers what was asked (RFC 9051 section 7.3.4: the search correlator)."""
    found = _TAG.match(answer.data)
    return found is None or not result.tags or found[1] in result.tags


def found_count(result: Result) -> int:
    """How many, from ESEARCH COUNT or by counting."""
    for answer in result.named(b"ESEARCH"):
        if _is_ours(answer, result) and (match := _COUNT.search(answer.data)):
            return int(match[1])
    return len(found_uids(result))


def vanished(result: Result, *, limit: int) -> set[int] | None:
    """UIDs of VANISHED (EARLIER) (RFC 7162 section 3.2.10); None for more than ``limit``."""
    uids: set[int] = set()
    for answer in result.named(b"VANISHED"):
        earlier, _, numbers = answer.data.rpartition(b" ")
        if earlier.upper() == b"(EARLIER)":
            uids.update(expand(numbers, limit=limit + 1))
    return uids if len(uids) <= limit else None


def copied(result: Result) -> MoveResult:
    """COPYUID (RFC 4315 section 3), tagged or, after MOVE, untagged, or both; several are put together. A UIDVALIDITY
    of 0 is none: they went, and nobody knows where to."""
    pairs: dict[int, int] = {}
    uidvalidity = 0
    went: set[int] = set()
    codes = [(item.code, item.code_data) for item in result.completions] + [item.code for item in result.untagged]
    for code, data in codes:
        words = data.split()
        if code != b"COPYUID" or len(words) != 3 or not is_number(words[0]):
            continue
        source, target = expand(words[1]), expand(words[2])
        if len(source) == len(target):
            went.update(source)
            if uidvalidity != int(words[0]):  # the target was rebuilt meanwhile
                uidvalidity, pairs = int(words[0]), {}
            pairs.update(zip(source, target, strict=True))
    return MoveResult(done=len(went), uidvalidity=uidvalidity, uids=pairs if uidvalidity else {})


def gone(result: Result, uids: Collection[int]) -> int:
    """How many of these have left the mailbox under this command: EXPUNGE, or VANISHED with their UIDs (RFC 7162)."""
    told = [expand(answer.data) for answer in result.named(b"VANISHED") if not answer.data.startswith(b"(")]
    named = {uid for some in told for uid in some} & set(uids)
    return min(len(named) + sum(1 for _ in result.named(b"EXPUNGE")), len(uids))


def merged(results: list[MoveResult]) -> MoveResult:
    """One result of a move that took several commands."""
    pairs: dict[int, int] = {}
    uidvalidity = next((result.uidvalidity for result in reversed(results) if result.uids), 0)
    for result in results:
        if result.uidvalidity == uidvalidity:  # else the target was rebuilt, and what came before is not there
            pairs.update(result.uids)
    return MoveResult(done=sum(result.done for result in results), uidvalidity=uidvalidity, uids=pairs)
