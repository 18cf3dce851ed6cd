"""All models of the address books: Django looks for them here."""

from apps.contacts.models.history import HISTORY_DAYS, Change, Different
from apps.contacts.models.people import (
    TRASH_DAYS,
    Book,
    BookQuerySet,
    Card,
    Contact,
    ContactQuerySet,
    Correspondent,
    Favourite,
    Group,
    Key,
    Member,
    Photo,
    Searched,
    Tag,
    new_uid,
)
from apps.contacts.models.sharing import Hidden, Rules, Share
from apps.contacts.models.undertakings import Row, Undertaking

__all__ = [
    "HISTORY_DAYS",
    "TRASH_DAYS",
    "Book",
    "BookQuerySet",
    "Card",
    "Change",
    "Contact",
    "ContactQuerySet",
    "Correspondent",
    "Different",
    "Favourite",
    "Group",
    "Hidden",
    "Key",
    "Member",
    "Photo",
    "Row",
    "Rules",
    "Searched",
    "Share",
    "Tag",
    "Undertaking",
    "new_uid",
]
