"""Files attached to a contact. Whoever may change all of the contact sees them, and nobody else; they go with it."""

from __future__ import annotations

import re
import unicodedata
from typing import BinaryIO

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from apps.contacts.models import Contact, File
from apps.contacts.services import access
from apps.contacts.services.keeping import Doing, NotKept

_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]")
MOST_NAME = 150


def is_offered() -> bool:
    return settings.CONTACT_FILES > 0


def most_megabytes() -> int:
    """Of one file: uploads are kept in memory, and the site says how much that may be."""
    return min(settings.CONTACT_FILE_MB, settings.FILE_UPLOAD_MAX_MEMORY_SIZE // 1024 // 1024 - 1)


def may_see(user_id: int, contact: Contact) -> bool:
    return access.right(user_id, contact) >= access.Right.EDIT and access.grant(user_id, contact).edits.whole


def of_contact(contact: Contact) -> QuerySet[File]:
    """Without what is in them."""
    return File.objects.filter(contact=contact).defer("content").select_related("by")


def one(contact: Contact, pk: int) -> File | None:
    return File.objects.filter(contact=contact, pk=pk).first()


def remove(contact: Contact, pk: int) -> bool:
    """False where there is none."""
    return bool(File.objects.filter(contact=contact, pk=pk).delete()[0])


def attach(contact: Contact, upload: BinaryIO, *, name: str, size: int, doing: Doing) -> File:
    """Raises ``NotKept``."""
    if size > most_megabytes() * 1024 * 1024:
        raise NotKept(too_large())
    if File.objects.filter(contact=contact).count() >= settings.CONTACT_FILES:
        raise NotKept(_("A contact holds at most %(most)d files.") % {"most": settings.CONTACT_FILES})
    content = upload.read()
    if not content:
        raise NotKept(_("This file is empty."))
    return File.objects.create(contact=contact, name=safe(name), size=len(content), content=content, by=doing.user)


def too_large() -> str:
    return _("A file may have at most %(size)d MB.") % {"size": most_megabytes()}


def safe(name: str) -> str:
    """The last segment of it, without what hides or reorders."""
    plain = _HIDDEN.sub("", unicodedata.normalize("NFC", name)).replace("\\", "/").rstrip("/ .").rpartition("/")[2]
    plain = " ".join(plain.split()).lstrip(".")
    stem, dot, end = plain.rpartition(".")
    if len(plain) > MOST_NAME and dot and len(end) <= 10:
        plain = f"{stem[: MOST_NAME - len(end) - 1]}.{end}"
    return plain[:MOST_NAME] or _("file")
