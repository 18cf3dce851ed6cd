"""How a file is shown: as pages, as a table, as text, as what it holds; or why it is not."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from markdown_it import MarkdownIt

from apps.mail.mime import calendars, charset, decode, embedded, parse, partial, select, to_text
from apps.mail.mime.parts import Envelope
from apps.mail.services import images, kinds, opening
from apps.mail.services.opening import Opened

MOST_TEXT = 512 * 1024  # characters of a text
MOST_LINES = 10_000
MOST_ROWS = 1000
MOST_COLUMNS = 60
MOST_CELL = 500  # characters
MOST_MARKDOWN = 256 * 1024

_MARKDOWN = ("md", "markdown", "mdown")
_TABLES = {"csv": ",", "tsv": "\t", "tab": "\t"}
_PLAIN = ("text/plain", "application/octet-stream")
_TABLE_TYPES = ("text/csv", "text/tab-separated-values")
#: Texts that are written for machines: with numbered lines, and none broken.
_CODE = frozenset(
    "bat c cc cfg cmd conf cpp cs css diff eml go h hpp htm html ics ini java js json kt lua log m patch php pl "  # noqa: SIM905
    "ps1 py r rb rs scala sh sql svg swift tex toml ts tsx vb vcf xml yaml yml".split()
)
_RASTER = frozenset({"png", "jpeg", "gif", "webp", "avif", "bmp"})


@dataclass(frozen=True, kw_only=True)
class Preview:
    """``how``: the template's word for it: "none", "pdf", "frame", "text", "code", "table", "files", "zip", "letter",
    "calendar", "partial". ``why``: what there is to say where it is not shown."""

    how: str
    why: str = ""
    text: str = ""
    lines: int = 0
    rows: list[list[str]] = field(default_factory=list)
    head: list[str] = field(default_factory=list)
    cut: bool = False
    html: SafeString | str = ""
    entries: list[opening.Entry] = field(default_factory=list)
    more: int = 0
    envelope: Envelope | None = None
    piece: partial.Piece | None = None

    @property
    def numbers(self) -> range:
        return range(1, self.lines + 1)


def of(opened: Opened) -> Preview:
    """How this file is shown. Its content counts, not its name; where both agree its name says the rest."""
    if opened.cut:
        return Preview(how="none", why=_("It is too large to be looked at here."))
    if not opened.octets:
        return Preview(how="none", why=_("It is empty."))
    return _of_mail(opened) or _of_content(opened) or _textual(opened)


def _of_mail(opened: Opened) -> Preview | None:
    """What mail itself is made of."""
    if opened.type == "message/partial":
        return Preview(how="partial", piece=partial.piece(opened.part))
    if opened.type in calendars.TYPES or (_end(opened) in ("ics", "vcs") and opened.sniffed == "text"):
        return Preview(how="calendar", text=_text(opened))
    if opened.inner:
        return Preview(how="files", text=_own_text(opened))
    if opened.type in ("message/rfc822", "message/global") or _end(opened) == "eml":
        return _letter(opened)
    return None


def _of_content(opened: Opened) -> Preview | None:
    sniffed = opened.sniffed
    if sniffed in ("tnef", "apple"):
        return _empty_container(opened)
    if sniffed == "pdf":
        return Preview(how="pdf")
    if sniffed in _RASTER:
        return Preview(how="frame")
    if sniffed == "zip" and (found := opening.zip_entries(opened.octets)) is not None:
        return Preview(how="zip", entries=found[0], more=found[1])
    return None


def _textual(opened: Opened) -> Preview:
    if opened.sniffed not in ("text", "html", "script"):
        return Preview(how="none", why=_why_not(opened))
    is_page = opened.sniffed == "html" and opened.type != "text/plain" and opened.kind in (kinds.WEB, kinds.FILE)
    if is_page or is_markdown(opened):
        return Preview(how="frame")
    text = _text(opened)
    if _end(opened) in _TABLES or opened.type in _TABLE_TYPES:
        return _table(text, "\t" if "tab" in opened.type else _TABLES.get(_end(opened), ","))
    is_code = _end(opened) in _CODE or opened.sniffed != "text" or opened.type not in _PLAIN
    return _lines(text, how="code" if is_code else "text")


def _lines(text: str, *, how: str) -> Preview:
    cut = len(text) > MOST_TEXT or text.count("\n") > MOST_LINES
    lines = text[:MOST_TEXT].removesuffix("\n").split("\n")[:MOST_LINES]
    return Preview(how=how, text="\n".join(lines), lines=len(lines), cut=cut)


def _end(opened: Opened) -> str:
    """The end of its name, lower case, without the dot."""
    return opened.name.lower().rpartition(".")[2]


def is_markdown(opened: Opened) -> bool:
    return opened.sniffed == "text" and (
        opened.type in ("text/markdown", "text/x-markdown") or _end(opened) in _MARKDOWN
    )


def markdown(opened: Opened) -> str:
    """HTML that nobody has cleaned yet: it goes through the sanitiser like any that a message brings."""
    html: str = MarkdownIt("commonmark", {"html": False}).enable("table").render(_text(opened)[:MOST_MARKDOWN])
    return html


def _text(opened: Opened) -> str:
    text = charset.decode(opened.octets[: MOST_TEXT * 4], opened.charset)
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")


def _own_text(opened: Opened) -> str:
    """What stands around the files in a text."""
    if not opened.type.startswith("text/"):
        return ""
    rest = embedded.without(opened.octets, embedded.find(opened.octets))
    return charset.decode(rest[:MOST_TEXT], opened.charset)


def _table(text: str, delimiter: str) -> Preview:
    """Semicolons are what spreadsheets write where the comma is in numbers."""
    first = text.partition("\n")[0]
    if delimiter == "," and first.count(";") > first.count(","):
        delimiter = ";"
    rows: list[list[str]] = []
    cut = False
    try:
        for row in csv.reader(io.StringIO(text), delimiter=delimiter):
            if len(rows) > MOST_ROWS:
                cut = True
                break
            cut = cut or len(row) > MOST_COLUMNS
            rows.append([cell[:MOST_CELL] for cell in row[:MOST_COLUMNS]])
    except csv.Error:
        return _lines(text, how="code")
    return Preview(how="table", head=rows[0] if rows else [], rows=rows[1:], cut=cut or len(text) > MOST_TEXT)


def _letter(opened: Opened) -> Preview:
    """A message that the server has not opened: encoded, or sent as a file. Its text; all of it is in the file."""
    message = parse.parse(opened.octets)
    texts = []
    for part in select.bodies(message.structure, prefer="plain")[:10]:
        text = decode.text(part, message.body(part.number))
        if part.type == "text/html":
            text = to_text.text(text[:MOST_TEXT])
        texts.append(text)
    if parse.Problem.NO_HEADER in message.problems:
        return Preview(how="none", why=_("It calls itself a message, but has no header."))
    joined = "\n\n".join(texts)
    return Preview(how="letter", envelope=message.envelope, text=joined[:MOST_TEXT], cut=len(joined) > MOST_TEXT)


def _empty_container(opened: Opened) -> Preview:
    if opened.item:
        why = _("What is packed twice is not opened here. Save it to open it.")
    elif opened.sniffed == "apple":
        why = _("This is what a Mac keeps beside a file: icons and the like. The file itself is another attachment.")
    else:
        why = _("Outlook has packed the message into this file, and it holds neither text nor files, or is damaged.")
    return Preview(how="none", why=why)


def _why_not(opened: Opened) -> str:
    if opened.kind in (kinds.DOCUMENT, kinds.SHEET, kinds.SLIDES):
        return _("Documents like this one open in a program of their own: save it first.")
    if opened.type in images.TYPES or opened.kind is kinds.IMAGE:
        return _("Browsers cannot draw this kind of image. Save it to open it.")
    return _("Files like this one cannot be shown here. Save it to open it.")


def trouble(opened: Opened) -> str:
    """What is wrong with a file that was packed into something."""
    if opened.trouble == "damaged":
        return _("This file is damaged: its checksum or its length is not the one that was sent.")
    if opened.trouble == "piece":
        number, total = opened.place
        if total:
            return _("This is piece %(number)d of %(total)d of a file. The others came in other messages.") % {
                "number": number,
                "total": total,
            }
        return _("This is piece %(number)d of a file. The others came in other messages.") % {"number": number}
    return ""
