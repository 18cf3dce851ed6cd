"""Where everything is: ``<user>/books/<book>/<resource>`` below ``contacts:dav``.

The person stands in the address although nobody sees another's: programs tell accounts of one server apart by it.
"""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from django.urls import reverse

from apps.contacts.models import LONGEST_NAME, Book

_OURS = re.compile(r"b\d+", re.ASCII)


def root() -> str:
    return reverse("contacts:dav")


def principal(user_id: int) -> str:
    return reverse("contacts:dav_principal", args=[user_id])


def home(user_id: int) -> str:
    return reverse("contacts:dav_home", args=[user_id])


def book(user_id: int, found: Book) -> str:
    """One's own under the name that its program has chosen; all others by number."""
    return reverse("contacts:dav_book", args=[user_id, book_name(user_id, found)])


def book_name(user_id: int, found: Book) -> str:
    chosen = getattr(found, "address", None) if found.owner_id == user_id else None
    return chosen.name if chosen is not None else f"b{found.pk}"


def number_of(name: str) -> int | None:
    """Of a book without a name of its own."""
    return int(name[1:]) if _OURS.fullmatch(name) and len(name) < 17 else None


def good_name(name: str) -> bool:
    """Whether a program may choose it. What could be taken for a path, or cannot be seen, is refused."""
    return 0 < len(name) <= LONGEST_NAME and name.isprintable() and "/" not in name and name not in {".", ".."}


def resource_name(href: str, collection: str) -> str:
    """The last part of ``href`` where it is right below ``collection``, an address of ours; else ""."""
    path, below = unquote(urlsplit(href.strip()).path), unquote(collection)
    rest = path.removeprefix(below) if path.startswith(below) else ""
    return rest if good_name(rest) else ""
