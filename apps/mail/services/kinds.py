"""What a file is, in a word and a picture: by its declared type, else by the end of its name."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from portal.contracts import Text


@dataclass(frozen=True, slots=True)
class Kind:
    label: Text
    icon: str  # of the sprite
    hue: int  # of the coloured square: 0-8


FILE = Kind(pgettext_lazy("kind of file", "File"), "paperclip", 6)
PDF = Kind("PDF", "file-text", 1)
DOCUMENT = Kind(pgettext_lazy("kind of file", "Document"), "file-text", 5)
SHEET = Kind(_("Spreadsheet"), "file-spreadsheet", 4)
SLIDES = Kind(_("Presentation"), "layout-template", 2)
TEXT = Kind(pgettext_lazy("kind of file", "Text"), "scroll-text", 0)
WEB = Kind(_("Web page"), "code", 0)
IMAGE = Kind(pgettext_lazy("kind of file", "Image"), "image", 6)
SOUND = Kind(_("Sound"), "megaphone", 7)
VIDEO = Kind(_("Video"), "picture-in-picture-2", 7)
CALENDAR = Kind(_("Calendar"), "calendar", 4)
CARD = Kind(_("Contact card"), "id-card", 5)
MESSAGE = Kind(pgettext_lazy("kind of file", "Message"), "mail", 5)
BUNDLE = Kind(pgettext_lazy("kind of file", "Archive"), "archive", 2)
KEY = Kind(pgettext_lazy("kind of file", "Key or certificate"), "key-round", 8)

_BY_TYPE = {
    "application/pdf": PDF,
    "application/msword": DOCUMENT,
    "application/rtf": DOCUMENT,
    "text/rtf": DOCUMENT,
    "application/vnd.ms-excel": SHEET,
    "text/csv": SHEET,
    "application/vnd.ms-powerpoint": SLIDES,
    "text/html": WEB,
    "text/calendar": CALENDAR,
    "text/vcard": CARD,
    "text/x-vcard": CARD,
    "message/rfc822": MESSAGE,
    "message/global": MESSAGE,
    "application/zip": BUNDLE,
    "application/gzip": BUNDLE,
    "application/x-7z-compressed": BUNDLE,
    "application/x-tar": BUNDLE,
    "application/pgp-keys": KEY,
    "application/pgp-signature": KEY,
    "application/pkcs7-signature": KEY,
    "application/x-pkcs7-signature": KEY,
}
_BY_PREFIX = {
    "image/": IMAGE,
    "audio/": SOUND,
    "video/": VIDEO,
    "text/": TEXT,
    "application/vnd.oasis.opendocument.text": DOCUMENT,
    "application/vnd.oasis.opendocument.spreadsheet": SHEET,
    "application/vnd.oasis.opendocument.presentation": SLIDES,
    "application/vnd.openxmlformats-officedocument.wordprocessing": DOCUMENT,
    "application/vnd.openxmlformats-officedocument.spreadsheet": SHEET,
    "application/vnd.openxmlformats-officedocument.presentation": SLIDES,
}
_BY_END = {
    "pdf": PDF,
    **dict.fromkeys(("doc", "docx", "odt", "rtf", "pages"), DOCUMENT),
    **dict.fromkeys(("xls", "xlsx", "ods", "csv", "tsv"), SHEET),
    **dict.fromkeys(("ppt", "pptx", "odp"), SLIDES),
    **dict.fromkeys(("jpg", "jpeg", "png", "gif", "webp", "heic", "svg", "tif", "tiff", "bmp"), IMAGE),
    **dict.fromkeys(("mp3", "ogg", "wav", "flac", "m4a"), SOUND),
    **dict.fromkeys(("mp4", "mov", "mkv", "webm", "avi"), VIDEO),
    **dict.fromkeys(("zip", "gz", "7z", "tar", "rar", "xz", "bz2"), BUNDLE),
    **dict.fromkeys(("htm", "html"), WEB),
    **dict.fromkeys(("txt", "md", "log", "json", "xml"), TEXT),
    **dict.fromkeys(("asc", "p7s", "p7m", "pem", "crt"), KEY),
    "ics": CALENDAR,
    "vcf": CARD,
    "eml": MESSAGE,
}


def of(type: str, name: str) -> Kind:
    """The declared type says most; ``application/octet-stream`` says nothing, and then the name decides."""
    if type in _BY_TYPE:
        return _BY_TYPE[type]
    for prefix, kind in _BY_PREFIX.items():
        if type.startswith(prefix):
            return kind
    return _BY_END.get(name.rpartition(".")[2].lower(), FILE)
