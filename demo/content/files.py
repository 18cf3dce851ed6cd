"""Attachments of the common kinds, small and valid, made by code."""

import csv
import io
import random
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from xml.sax.saxutils import escape

from demo.content import pictures
from demo.content.people import PEOPLE

ZIP_TIME = (2024, 2, 29, 12, 0, 0)
PLACES = ("Kar 3", "Hut", "Upper gully", "Lake", "Stake 7", "Tongue")


@dataclass(frozen=True, slots=True)
class File:
    name: str
    type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Order:
    """What an attachment is about: its title, the letter's text, and when the letter was written."""

    title: str
    text: str
    when: datetime

    @property
    def dice(self) -> random.Random:
        return random.Random(self.title)


def make(kind: str, order: Order) -> File:
    suffix, content_type, build = KINDS[kind]
    return File(f"{order.title}.{suffix}", content_type, build(order))


def _rows(order: Order) -> list[list[str]]:
    dice, day = order.dice, order.when.date()
    rows = [["date", "place", "value", "remark"]]
    for n in range(24):
        remark = dice.choice(("", "", "", "checked", "windy", "new battery"))
        rows.append([str(day - timedelta(days=24 - n)), dice.choice(PLACES), f"{dice.uniform(-12, 240):.1f}", remark])
    return rows


def _csv(order: Order) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(_rows(order))
    return out.getvalue().encode()


def _zipped(files: dict[str, bytes], *, stored_first: bool = False) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number, (name, data) in enumerate(files.items()):
            info = zipfile.ZipInfo(name, ZIP_TIME)
            info.external_attr = 0o644 << 16
            info.compress_type = zipfile.ZIP_STORED if stored_first and number == 0 else zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return out.getvalue()


def _zip(order: Order) -> bytes:
    return _zipped(
        {
            "readme.txt": f"{order.title}\n\n{order.text}".encode(),
            f"{order.title}/points.csv": _csv(order),
            f"{order.title}/preview.png": pictures.png(order.title, 160, 100),
        }
    )


def _docx(order: Order) -> bytes:
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    lines = [order.title, *order.text.strip().splitlines()]
    body = "".join(f'<w:p><w:r><w:t xml:space="preserve">{escape(line)}</w:t></w:r></w:p>' for line in lines)
    return _package(
        f'<w:document xmlns:w="{word}"><w:body>{body}</w:body></w:document>',
        part="word/document.xml",
        content_type="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml",
    )


def _package(document: str, *, part: str, content_type: str, more: dict[str, tuple[str, str]] | None = None) -> bytes:
    """An Office Open XML package; `more` maps further parts to their content type and text."""
    parts = {part: (content_type, document), **(more or {})}
    overrides = "".join(
        f'<Override PartName="/{name}" ContentType="{kind}"/>' for name, (kind, _) in parts.items() if kind
    )
    office = "http://schemas.openxmlformats.org"
    declaration = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    files = {
        "[Content_Types].xml": f'<Types xmlns="{office}/package/2006/content-types">'
        f'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{overrides}</Types>',
        "_rels/.rels": f'<Relationships xmlns="{office}/package/2006/relationships"><Relationship Id="r1" '
        f'Type="{office}/officeDocument/2006/relationships/officeDocument" Target="{part}"/></Relationships>',
        **{name: text for name, (_, text) in parts.items()},
    }
    return _zipped({name: (declaration + text).encode() for name, text in files.items()})


def _xlsx(order: Order) -> bytes:
    office = "http://schemas.openxmlformats.org"
    main = f"{office}/spreadsheetml/2006/main"

    def cell(value: str) -> str:
        try:
            return f"<c><v>{float(value)}</v></c>"
        except ValueError:
            return f'<c t="inlineStr"><is><t>{escape(value)}</t></is></c>'

    rows = "".join(f"<row>{''.join(cell(value) for value in row)}</row>" for row in _rows(order))
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    return _package(
        f'<workbook xmlns="{main}" xmlns:r="{office}/officeDocument/2006/relationships"><sheets>'
        '<sheet name="Sheet 1" sheetId="1" r:id="r1"/></sheets></workbook>',
        part="xl/workbook.xml",
        content_type=f"{kind}.sheet.main+xml",
        more={
            "xl/worksheets/sheet1.xml": (
                f"{kind}.worksheet+xml",
                f'<worksheet xmlns="{main}"><sheetData>{rows}</sheetData></worksheet>',
            ),
            "xl/_rels/workbook.xml.rels": (
                "",
                f'<Relationships xmlns="{office}/package/2006/relationships"><Relationship Id="r1" '
                f'Type="{office}/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/>'
                "</Relationships>",
            ),
        },
    )


def _odt(order: Order) -> bytes:
    oasis = "urn:oasis:names:tc:opendocument:xmlns"
    kind = "application/vnd.oasis.opendocument.text"
    lines = [order.title, *order.text.strip().splitlines()]
    text = "".join(f"<text:p>{escape(line)}</text:p>" for line in lines)
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content xmlns:office="{oasis}:office:1.0" '
        f'xmlns:text="{oasis}:text:1.0" office:version="1.2"><office:body><office:text>{text}'
        "</office:text></office:body></office:document-content>"
    )
    manifest = (
        f'<?xml version="1.0" encoding="UTF-8"?><manifest:manifest xmlns:manifest="{oasis}:manifest:1.0">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/>'
        '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>'
    )
    files = {"mimetype": kind.encode(), "content.xml": content.encode(), "META-INF/manifest.xml": manifest.encode()}
    return _zipped(files, stored_first=True)


def _pdf(order: Order) -> bytes:
    """One A4 page: a heading, the letter where Helvetica has its letters, and a little chart."""

    def plain(line: str) -> bytes:
        octets = line.encode("cp1252", "ignore").strip()
        return octets.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")

    dice = order.dice
    stream = [b"BT /F1 20 Tf 60 770 Td (%s) Tj ET" % (plain(order.title) or b"Institute of Mountain Studies")]
    for n, line in enumerate(order.text.strip().splitlines()[:24]):
        stream.append(b"BT /F1 11 Tf 60 %d Td (%s) Tj ET" % (730 - 16 * n, plain(line)))
    stream.append(b"0.07 0.38 0.55 rg")
    for n in range(24):
        stream.append(b"%d 80 14 %d re f" % (60 + 20 * n, dice.randrange(20, 180)))
    content = b"\n".join(stream)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    return out + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
        % (size, table, size, len(out))
    )


def _ics(order: Order) -> bytes:
    events = []
    for n in range(3):
        start = (order.when + timedelta(days=11 + 9 * n)).replace(hour=20, minute=0, second=0, microsecond=0)
        events += [
            "BEGIN:VEVENT",
            f"UID:{order.title}-{n}@demo.example",
            f"DTSTAMP:{order.when:%Y%m%dT%H%M%SZ}",
            f"DTSTART:{start:%Y%m%dT%H%M%S}",
            f"DTEND:{start + timedelta(hours=2):%Y%m%dT%H%M%S}",
            f"SUMMARY:Open night {n + 1}",
            "LOCATION:Lower hall",
            "END:VEVENT",
        ]
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Demo//Demo//EN", *events, "END:VCALENDAR", ""]
    return "\r\n".join(lines).encode()


def _vcf(order: Order) -> bytes:
    person = next((one for one in PEOPLE.values() if one.name == order.title), PEOPLE["marta"])
    given, _, family = person.name.partition(" ")
    lines = ["BEGIN:VCARD", "VERSION:3.0", f"FN:{person.name}", f"N:{family};{given};;;", f"EMAIL:{person.mail}"]
    return "\r\n".join([*lines, "TEL;TYPE=WORK:+41 555 01 99", "END:VCARD", ""]).encode()


def _eml(order: Order) -> bytes:
    message = EmailMessage()
    message["From"] = f"{PEOPLE['heinz'].name} <{PEOPLE['heinz'].mail}>"
    message["To"] = PEOPLE["finance"].mail
    message["Subject"] = order.title
    message["Date"] = format_datetime(order.when - timedelta(days=2))
    message.set_content("Guten Tag,\n\nanbei unsere Rechnung.\n\nHeinz-Jürgen Süß\n")
    return message.as_bytes()


def _txt(order: Order) -> bytes:
    return f"{order.title}\n{'=' * len(order.title)}\n\n{order.text}".encode()


KINDS: dict[str, tuple[str, str, Callable[[Order], bytes]]] = {
    "pdf": ("pdf", "application/pdf", _pdf),
    "png": ("png", "image/png", lambda order: pictures.png(order.title)),
    "jpg": ("jpg", "image/jpeg", lambda order: pictures.jpeg(order.title)),
    "csv": ("csv", "text/csv", _csv),
    "txt": ("txt", "text/plain", _txt),
    "zip": ("zip", "application/zip", _zip),
    "docx": ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", _docx),
    "xlsx": ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", _xlsx),
    "odt": ("odt", "application/vnd.oasis.opendocument.text", _odt),
    "ics": ("ics", "text/calendar", _ics),
    "vcf": ("vcf", "text/vcard", _vcf),
    "eml": ("eml", "message/rfc822", _eml),
}
