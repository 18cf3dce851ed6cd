"""How much one message may hold: what the site allows, or less where the server for sending says so (SIZE, RFC 1870) or
administrators do for somebody; and whether that server reports on deliveries.

The server is asked by the writing page once it stands, and not again within the day; until it has answered, and where
it does not, the site's limit counts alone, and the server judges what is sent.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.core.cache import cache

from apps.mail.services import quotas, servers

KEY = "mail.size_limit"
REPORTS = "mail.delivery_reports"
MEGABYTE = 1024 * 1024  # as where the sizes of files are shown
DAY, SOON = 24 * 3600, 300  # seconds for which an answer, or that there was none, is remembered
ROOM = 100_000  # octets for headers and text


def files(user: AbstractBaseUser | None = None) -> int:
    """Octets that the files of one message may have together, as far as that is known; of this person's messages."""
    most: int = settings.MAX_MESSAGE_MB * MEGABYTE
    if size := cache.get(KEY):
        most = min(most, max(size - ROOM, ROOM) * 57 // 78)  # 57 octets are a line of base64, 78
    own = quotas.of(user).megabytes if user is not None else None
    return most if own is None else min(most, own * MEGABYTE)


def megabytes(user: AbstractBaseUser | None = None) -> int:
    """The same, to be said."""
    return max(1, files(user) // MEGABYTE)


def reports() -> bool:
    """Whether the server for sending can report what becomes of a message (DSN, RFC 3461), as far as that is known."""
    return bool(cache.get(REPORTS))


def is_known() -> bool:
    return cache.get(KEY) is not None


def ask() -> None:
    """Ask the server, unless it has answered. That it cannot be asked is no trouble of whoever is writing."""
    if is_known() or not settings.SMTP_URL:
        return
    cache.set(KEY, 0, SOON)  # whoever comes meanwhile does not ask as well
    if (offers := servers.smtp_offers()) is None:
        return
    cache.set(REPORTS, "DSN" in offers, DAY)
    size = offers.get("SIZE", "")
    cache.set(KEY, int(size) if size.isascii() and size.isdigit() and len(size) < 16 else 0, DAY)
