"""Photos of people: whatever is uploaded or imported is drawn anew as a small WebP picture, without what cameras and
programs write into files."""

from __future__ import annotations

import hashlib
import io
import warnings
from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _
from PIL import Image, ImageOps

from apps.contacts.models import Contact, Photo, Rules

MOST_OCTETS = 8 * 1024 * 1024
MOST_PIXELS = 40_000_000  # decoded, a picture takes four octets each
SIDE = 320
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP")  # raster only: an SVG is a document that can hold scripts
TYPE = "image/webp"


class NoPicture(Exception):
    """Not a picture that can be shown; the text is for people."""


def too_large() -> str:
    return _("A photo may have at most %(size)d MB.") % {"size": MOST_OCTETS // 1024 // 1024}


def drawn_anew(octets: bytes) -> bytes:
    """Raises ``NoPicture``."""
    if len(octets) > MOST_OCTETS:
        raise NoPicture(too_large())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(octets), formats=FORMATS) as picture:
                if picture.width * picture.height > MOST_PIXELS:
                    raise NoPicture(_("This picture is too large."))
                picture.draft("RGB", (SIDE * 2, SIDE * 2))
                small = ImageOps.fit(ImageOps.exif_transpose(picture).convert("RGBA"), (SIDE, SIDE))
    except NoPicture:
        raise
    except Exception as error:
        raise NoPicture(_("This is no picture that can be shown. JPEG, PNG, GIF and WebP can.")) from error
    made = io.BytesIO()
    small.save(made, "WEBP", quality=82)
    return made.getvalue()


def keep(owner_id: int, octets: bytes) -> str:
    """The text of the PHOTO value. Raises ``NoPicture``."""
    content = drawn_anew(octets)
    digest = hashlib.sha256(content).hexdigest()
    Photo.objects.get_or_create(owner_id=owner_id, digest=digest, defaults={"content": content})
    return f"photo:{digest}"


def content(owner_id: int, text: str) -> bytes | None:
    """The picture of a PHOTO value."""
    digest = text.removeprefix("photo:")
    found = Photo.objects.filter(owner_id=owner_id, digest=digest).first() if digest != text else None
    return bytes(found.content) if found else None


def forget_unused() -> int:
    """Photos of no contact, once no change brings them back."""
    old = Photo.objects.filter(made__lt=timezone.now() - timedelta(days=Rules.now().history_days + 1))
    used = set(Contact.objects.exclude(photo="").values_list("owner_id", "photo"))
    gone = [photo.pk for photo in old.only("pk", "owner_id", "digest") if (photo.owner_id, photo.digest) not in used]
    return Photo.objects.filter(pk__in=gone).delete()[0]
