"""Whether a file is what it calls itself: its name and type beside its content."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy as pgettext

from apps.mail.services import kinds
from apps.mail.services.kinds import Kind
from portal.contracts import Text

#: What the content is, in words that end "but is …".
_IS: dict[str, Text] = {
    "pdf": pgettext("what a file is", "a PDF document"),
    "png": pgettext("what a file is", "an image"),
    "program": pgettext("what a file is", "a program"),
    "script": pgettext("what a file is", "a script that runs"),
    "shortcut": pgettext("what a file is", "a shortcut that starts something"),
    "html": pgettext("what a file is", "a web page"),
    "zip": pgettext("what a file is", "an archive of files"),
    "word": pgettext("what a file is", "a text document"),
    "excel": pgettext("what a file is", "a spreadsheet"),
    "powerpoint": pgettext("what a file is", "a presentation"),
    "sound": pgettext("what a file is", "a sound"),
    "video": pgettext("what a file is", "a video"),
    "text": pgettext("what a file is", "plain text"),
}
_SAME = {
    **dict.fromkeys(("jpeg", "gif", "webp", "avif", "bmp", "tiff", "heic"), "png"),
    **dict.fromkeys(("odt", "word with macros", "rtf"), "word"),
    **dict.fromkeys(("ods", "excel with macros"), "excel"),
    **dict.fromkeys(("odp", "powerpoint with macros"), "powerpoint"),
    "packed": "zip",
}
_OFFICE = {"word", "excel", "powerpoint", "ole", "zip"}  # the old formats and half-read new ones cannot be told apart
#: What may be inside of what a file calls itself. What is not named here may be anything but what runs.
_MAY: dict[Kind, frozenset[str]] = {
    kinds.PDF: frozenset({"pdf"}),
    kinds.DOCUMENT: frozenset({*_OFFICE, "text"} - {"excel", "powerpoint"}),
    kinds.SHEET: frozenset({*_OFFICE, "text"} - {"word", "powerpoint"}),
    kinds.SLIDES: frozenset({*_OFFICE} - {"word", "excel"}),
    kinds.IMAGE: frozenset({"png", "text"}),
    kinds.SOUND: frozenset({"sound", "video"}),
    kinds.VIDEO: frozenset({"sound", "video"}),
    kinds.TEXT: frozenset({"text", "html", "script"}),
    kinds.CALENDAR: frozenset({"text"}),
    kinds.CARD: frozenset({"text"}),
    kinds.BUNDLE: frozenset({"zip"}),
    kinds.WEB: frozenset({"html", "text"}),
}
RUNS = frozenset({"program", "shortcut"})


def mismatch(type: str, name: str, sniffed: str) -> str:
    """A sentence where the content is something else than name or type say; "" where all is as it is called, or where
    nobody knows."""
    what = _SAME.get(sniffed, sniffed)
    if what not in _IS:
        return ""
    for kind in dict.fromkeys((kinds.of("", name), kinds.of(type, name))):
        allowed = _MAY.get(kind)
        if what in RUNS or (what == "script" and (allowed is None or what not in allowed) and kind is not kinds.FILE):
            wrong = allowed is not None
        else:
            wrong = allowed is not None and what not in allowed
        if wrong:
            values = {"name": kind.label, "what": _IS[what]}
            return _("It calls itself “%(name)s”, but it is %(what)s. Do not open it unless you know why.") % values
    return ""


def warning(sniffed: str) -> str:
    """What there is to know of a file that is what it says."""
    if sniffed in RUNS:
        return _("This is a program. Run it only if you have asked for it, and know who sent it.")
    if sniffed.endswith(" with macros"):
        return _("This document holds macros, which are programs. Allow them only if you know why they are there.")
    return ""
