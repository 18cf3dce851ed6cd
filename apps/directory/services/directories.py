"""The site's directories, one client of each for the whole process, and who asks them."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from django.conf import settings
from django.http import HttpRequest

from apps.directory.lookup.client import Client, Who
from portal import credentials
from portal.ldap import names
from portal.ldap.sources import Source

_lock = threading.Lock()
_made: tuple[object, dict[str, Client]] = (None, {})


def clients() -> dict[str, Client]:
    """By the names of the sources, in the order of the settings."""
    global _made
    with _lock:
        if _made[0] is not settings.DIRECTORIES:
            made = {s.name: Client(s, allow_plain=settings.ALLOW_PLAINTEXT) for s in settings.DIRECTORIES}
            _made = (settings.DIRECTORIES, made)
        return _made[1]


def there_are() -> bool:
    return bool(settings.DIRECTORIES)


def client_of(key: str) -> Client:
    """Of somebody's key, or of a directory's name. Raises ``LookupError``."""
    return clients()[key.partition(".")[0]]


def who_asks(request: HttpRequest) -> Who | None:
    """The person, with the password of the sign-in, where a directory wants to be asked as them. Raises
    ``credentials.Locked`` for a session whose key is not there."""
    if not any(source.as_user for source in settings.DIRECTORIES) or not credentials.is_sealed(request):
        return None
    return own_password(request)


def own_password(request: HttpRequest) -> Who | None:
    """None for somebody who has signed in elsewhere, without a password."""
    secret = credentials.unseal(request)
    login = getattr(request.user, "login", "")
    return Who(login, secret) if isinstance(secret, str) and login else None


def title(source: Source) -> str:
    """What people read above its tree."""
    return source.title or names.first(source.base)


def hosts(found: Iterable[Client]) -> str:
    return ", ".join(dict.fromkeys(client.server.host for client in found))
