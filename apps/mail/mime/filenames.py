"""File names that a message brings are text from a stranger: what is offered for saving is made safe here."""

from __future__ import annotations

import mimetypes
import re
import unicodedata
from collections.abc import Iterable
from urllib.parse import quote

MAX_OCTETS = 200  # in UTF-8, with the extension; file systems allow 255

#: Types that a browser may draw itself; everything else is only ever saved.
INLINE_TYPES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "text/plain"})

_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
_FORBIDDEN = re.compile(r'[<>:"|?*`$]')
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(?:\.|$)", re.IGNORECASE)
_EXTENSION = re.compile(r"(?:\.tar)?\.[A-Za-z0-9]{1,10}\Z", re.IGNORECASE)
_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}")
_EXTENSIONS = {
    "text/plain": ".txt",
    "text/html": ".html",
    "message/rfc822": ".eml",
    "image/jpeg": ".jpg",
    "text/calendar": ".ics",
}


def safe(name: str, type: str = "") -> str:
    """The last path segment of ``name`` without anything that hides, reorders, leaves the folder or means something to
    a system; a name for a part of this type where nothing is left. Never empty, at most ``MAX_OCTETS`` octets."""
    name = unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode())
    name = _HIDDEN.sub("", name).replace("\\", "/").rstrip("/ .").rpartition("/")[2]
    name = _FORBIDDEN.sub("_", name)
    name = " ".join(name.split()).strip(" .\u2024\u2025\u2026")
    if not name or not name.strip("_"):
        return "attachment" + _extension(type)
    if _RESERVED.match(name) or name[0] in "-~":
        name = "_" + name
    return _shortened(name)


def _extension(type_: str) -> str:
    type_ = type_.lower()
    return _EXTENSIONS.get(type_) or mimetypes.guess_extension(type_, strict=True) or ""


def _shortened(name: str) -> str:
    if len(name.encode()) <= MAX_OCTETS:
        return name
    match = _EXTENSION.search(name)
    extension = match[0] if match else ""
    stem = name[: len(name) - len(extension)].encode()[: MAX_OCTETS - len(extension)]
    return stem.decode("utf-8", "ignore").rstrip(" .") + extension


def unique(names: Iterable[str]) -> list[str]:
    """Number the second and further files of a name: ``a.pdf``, ``a (2).pdf``. Case is ignored, as Windows does."""
    taken: set[str] = set()
    counts: dict[str, int] = {}
    result = []
    for name in names:
        match = _EXTENSION.search(name)
        extension = match[0] if match else ""
        stem = name[: len(name) - len(extension)]
        candidate, count = name, counts.get(name.casefold(), 1)
        while candidate.casefold() in taken:
            count += 1
            candidate = f"{stem} ({count}){extension}"
        counts[name.casefold()] = count
        taken.add(candidate.casefold())
        result.append(candidate)
    return result


def content_type(type: str) -> str:
    """A type that can stand in a response header: what is no type is application/octet-stream."""
    return type.lower() if _TYPE.fullmatch(type) else "application/octet-stream"


def may_be_inline(type: str) -> bool:
    return type.lower() in INLINE_TYPES


def content_disposition(name: str, *, inline: bool = False) -> str:
    """RFC 6266: an ASCII name for old programs, and the real one as RFC 8187 has it. ``name`` comes from ``safe``."""
    kind = "inline" if inline else "attachment"
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r'[\x00-\x1f\x7f"\\%]', "_", plain).strip() or "attachment"
    value = f'{kind}; filename="{plain}"'
    return value if plain == name else f"{value}; filename*=UTF-8''{quote(name, safe='')}"
