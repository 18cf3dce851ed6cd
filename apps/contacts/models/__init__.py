"""All models of the address books: Django looks for them here."""

from apps.contacts.models.dav import LONGEST_NAME, BookAddress, Collection, Resource, name_key
from apps.contacts.models.files import File
from apps.contacts.models.history import HISTORY_DAYS, Change, Different
from apps.contacts.models.origins import Origin
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
from apps.contacts.models.searches import Fielded, OwnCard, SavedSearch, Sorting
from apps.contacts.models.sharing import Hidden, Rules, Share
from apps.contacts.models.subscriptions import Remote, Subscription
from apps.contacts.models.undertakings import Row, Undertaking

__all__ = [
    "HISTORY_DAYS",
    "LONGEST_NAME",
    "TRASH_DAYS",
    "Book",
    "BookAddress",
    "BookQuerySet",
    "Card",
    "Change",
    "Collection",
    "Contact",
    "ContactQuerySet",
    "Correspondent",
    "Different",
    "Favourite",
    "Fielded",
    "File",
    "Group",
    "Hidden",
    "Key",
    "Member",
    "Origin",
    "OwnCard",
    "Photo",
    "Remote",
    "Resource",
    "Row",
    "Rules",
    "SavedSearch",
    "Searched",
    "Share",
    "Sorting",
    "Subscription",
    "Tag",
    "Undertaking",
    "name_key",
    "new_uid",
]
