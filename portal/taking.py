"""Files that another app has a use for: a card in a message for the address books."""

from __future__ import annotations

from collections.abc import Iterable

from django.http import HttpRequest
from django.utils.translation import gettext as _

from portal.contracts import FileTaker, NotTaken
from portal.registry import get_registry


def takers(type: str, name: str) -> tuple[FileTaker, ...]:
    """Those that take files of this media type, or of this name where the type says nothing."""
    return tuple(each for each in get_registry().file_takers.values() if each.takes(type, name))


def hand_over(request: HttpRequest, taker_id: str, *, type: str, name: str, chunks: Iterable[bytes]) -> str:
    """Returns the address where it goes on. Raises ``NotTaken``, and ``LookupError`` where nobody of this id takes
    such a file. No more of it is read than the taker wants."""
    found = next(each for each in (*takers(type, name), None) if each is None or each.id == taker_id)
    if found is None:
        raise LookupError(taker_id)
    pieces, size = [], 0
    for chunk in chunks:
        pieces.append(chunk)
        size += len(chunk)
        if size > found.most:
            raise NotTaken(
                _("This file is too large: at most %(most)d MB can be taken over.") % {"most": found.most >> 20}
            )
    return found.take(request, name, b"".join(pieces))
