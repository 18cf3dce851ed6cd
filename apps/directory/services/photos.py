"""Photos of people, drawn anew as small WebP pictures and kept: the directory's may be large, and hold anything."""

from __future__ import annotations

import base64
import hashlib
import io
import warnings

from django.core.cache import cache
from PIL import Image, ImageOps

from apps.directory.lookup.client import Who
from apps.directory.services import directories, people

SIDES = (72, 160)  # pixels: twice what a row and the card show
MOST_OCTETS = 8 * 1024 * 1024
MOST_PIXELS = 40_000_000  # decoded, a picture takes four octets each
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP")
TYPE = "image/webp"
KEPT = 3600  # seconds


def small(key: str, side: int, *, who: Who | None = None) -> bytes:
    """b"" where there is none that can be shown. Raises ``LookupError`` and ``Unavailable``."""
    client = directories.client_of(key)
    whose = who.login if who and client.source.as_user else ""
    place = "directory.photo." + hashlib.sha256(f"{client.source.url} {key} {side} {whose}".encode()).hexdigest()
    kept = cache.get(place)
    if isinstance(kept, str):
        return base64.b64decode(kept)
    drawn = drawn_anew(people.photo(key, who=who), side)
    cache.set(place, base64.b64encode(drawn).decode(), KEPT)
    return drawn


def forget(key: str) -> None:
    client = directories.client_of(key)
    for side in SIDES:
        cache.delete("directory.photo." + hashlib.sha256(f"{client.source.url} {key} {side} ".encode()).hexdigest())


def drawn_anew(octets: bytes, side: int, *, kind: str = "WEBP") -> bytes:
    """A square; b"" for what is no picture."""
    if not octets or len(octets) > MOST_OCTETS:
        return b""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(octets), formats=FORMATS) as picture:
                if picture.width * picture.height > MOST_PIXELS:
                    return b""
                picture.draft("RGB", (side * 2, side * 2))
                fitted = ImageOps.fit(ImageOps.exif_transpose(picture).convert("RGB"), (side, side))
    except Exception:  # noqa: BLE001 - whatever a decoder stumbles over
        return b""
    made = io.BytesIO()
    fitted.save(made, kind, quality=82)
    return made.getvalue()
