"""The base subject (RFC 5256 section 2.1): what subjects are sorted by."""

from __future__ import annotations

import re
import unicodedata

_BLOB = r"\[[^\[\]]*\]\s*"
_LEADER = re.compile(rf"(?:{_BLOB})?(?:re|fwd?)\s*(?:{_BLOB})?:\s*", re.IGNORECASE)
_BLOB_AT_START = re.compile(_BLOB)
_TRAILER = re.compile(r"(?:\s*\(fwd\)|\s+)\Z", re.IGNORECASE)
_WRAPPED = re.compile(r"\[fwd:(.*)\]\Z", re.IGNORECASE | re.DOTALL)
_MAX = 1000  # characters that are looked at


def base_subject(subject: str) -> str:
    """Without what answering, passing on and mailing lists put around it, to be compared."""
    text = " ".join(subject[:_MAX].split())
    while True:
        text = _without_ends(text)
        wrapped = _WRAPPED.match(text)
        if not wrapped:
            return collated(text)
        text = wrapped[1].strip()


def is_answer(subject: str) -> bool:
    """Whether it says that it answers or passes on another message (RFC 5256 section 2.1)."""
    text = " ".join(subject[:_MAX].split())
    while (blob := _BLOB_AT_START.match(text)) is not None and text[blob.end() :] and not _WRAPPED.match(text):
        text = text[blob.end() :]
    return bool(_LEADER.match(text) or _WRAPPED.match(text) or text.lower().endswith("(fwd)"))


def collated(text: str) -> str:
    """Without case, and letters with marks beside those without: what i;unicode-casemap (RFC 5051) compares."""
    return unicodedata.normalize("NFKD", text).casefold()


def _without_ends(text: str) -> str:
    while (trailer := _TRAILER.search(text)) is not None:
        text = text[: trailer.start()]
    while True:
        if (leader := _LEADER.match(text)) is not None:
            text = text[leader.end() :]
        elif (blob := _BLOB_AT_START.match(text)) is not None and text[blob.end() :] and not _WRAPPED.match(text):
            text = text[blob.end() :]
        else:
            return text
