"""How much one message may hold: what the site allows, or less where the server for sending says so (SIZE, RFC 1870) or
administrators do for somebody; and whether that server reports on deliveries.

The server is asked by the writing page once it stands, and not again within the day; until it has answered, and where
it does not, the site's limit counts alone, and the server judges what is sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.core.cache import cache

from apps.mail.services import quotas, servers
from apps.mail.services.stores import backend_of

if TYPE_CHECKING:
    from apps.auth.models import User

KEY = "mail.size_limit"
REPORTS = "mail.delivery_reports"
MEGABYTE = 1024 * 1024  # as where the sizes of files are shown
DAY, SOON = 24 * 3600, 300  # seconds for which an answer, or that there was none, is remembered
ROOM = 100_000  # octets for headers and text


def files(user: User) -> int:
    """Octets that the files of one message may have together, as far as that is known; of this person's messages."""
    most: int = settings.MAX_MESSAGE_MB * MEGABYTE
    if size := cache.get(_key(KEY, user)):
        most = min(most, max(size - ROOM, ROOM) * 57 // 78)  # 57 octets are a line of base64, 78
    own = quotas.of(user).megabytes
    return most if own is None else min(most, own * MEGABYTE)


def megabytes(user: User) -> int:
    """The same, to be said."""
    return max(1, files(user) // MEGABYTE)


def reports(user: User) -> bool:
    """Whether the server for sending can report what becomes of a message (DSN, RFC 3461), as far as that is known."""
    return bool(cache.get(_key(REPORTS, user)))


def is_known(user: User) -> bool:
    return cache.get(_key(KEY, user)) is not None


def ask(user: User) -> None:
    """Ask the server, unless it has answered. That it cannot be asked is no trouble of whoever is writing."""
    backend = backend_of(user)
    if is_known(user) or not backend.outgoing:
        return
    cache.set(_key(KEY, user), 0, SOON)  # whoever comes meanwhile does not ask as well
    if (offers := servers.smtp_offers(backend)) is None:
        return
    cache.set(_key(REPORTS, user), "DSN" in offers, DAY)
    size = offers.get("SIZE", "")
    cache.set(_key(KEY, user), int(size) if size.isascii() and size.isdigit() and len(size) < 16 else 0, DAY)


def _key(key: str, user: User) -> str:
    """Of several servers each has its own answer."""
    return ".".join(filter(None, (key, backend_of(user).name)))
